/** A colour and a shape for each class, so that neither has to be told apart alone; both themes have colours of their own. */

/** Classes beyond take the colours again, with other shapes. */
const COLORS = 10;
/** Outlines in a square from -1 to 1. */
const SHAPES = ['disc', 'square', 'triangle', 'diamond'] as const;
const corners: Readonly<
  Record<Exclude<(typeof SHAPES)[number], 'disc'>, readonly (readonly [number, number])[]>
> = {
  square: [
    [-0.85, -0.85],
    [0.85, -0.85],
    [0.85, 0.85],
    [-0.85, 0.85],
  ],
  triangle: [
    [0, -1.15],
    [1.05, 0.85],
    [-1.05, 0.85],
  ],
  diamond: [
    [0, -1.25],
    [1.1, 0],
    [0, 1.25],
    [-1.1, 0],
  ],
};

export function classColor(label: number): string {
  return `var(--class-${label % COLORS})`;
}

function shapeOf(label: number): (typeof SHAPES)[number] {
  return SHAPES[(label + Math.floor(label / COLORS)) % SHAPES.length]!;
}

/** Adds the mark of a class at x, y. */
export function addMark(path: Path2D, label: number, x: number, y: number, radius: number): void {
  const shape = shapeOf(label);
  if (shape === 'disc') {
    path.moveTo(x + radius, y);
    path.arc(x, y, radius, 0, 2 * Math.PI);
    return;
  }
  for (const [index, [dx, dy]] of corners[shape].entries())
    path[index === 0 ? 'moveTo' : 'lineTo'](x + radius * dx, y + radius * dy);
  path.closePath();
}

export function Mark({ label }: { readonly label: number }) {
  const shape = shapeOf(label);
  return (
    <svg class="mark" viewBox="-1.4 -1.4 2.8 2.8" aria-hidden="true" style={{ color: classColor(label) }}>
      {shape === 'disc' ? (
        <circle r="1" fill="currentColor" />
      ) : (
        <polygon points={corners[shape].flat().join(' ')} fill="currentColor" />
      )}
    </svg>
  );
}
