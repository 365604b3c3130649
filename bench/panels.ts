/** Pictures made of panels: points of a plane coloured by class, grids of numbers as colours, and panels put together. */
import type { Picture } from '../src/node/pictures.js';

/** A point a row, f32[N, 2]. */
export interface Points {
  readonly values: ArrayLike<number>;
  /** The colour of each; dark where there is none. */
  readonly labels?: ArrayLike<number>;
  /** Pixels a side of a dot: 2. */
  readonly dot?: number;
}

export interface PlaneOptions {
  /** What lies at the edges: first and last value of each axis. */
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
  /** Pixels a side: 240. */
  readonly side?: number;
  /** Radii of circles around 0. */
  readonly circles?: readonly number[];
  /** Drawn below the points, f64[n, n], row 0 on top: white for 0, grey for 1. */
  readonly ground?: ArrayLike<number>;
}

type Colour = readonly [red: number, green: number, blue: number];

/** Ten classes, told apart as far as ten colours can be. */
const colours: readonly Colour[] = [
  [11, 98, 196],
  [230, 126, 20],
  [31, 140, 77],
  [200, 40, 40],
  [122, 79, 163],
  [120, 84, 60],
  [225, 110, 180],
  [110, 115, 122],
  [160, 165, 30],
  [20, 175, 195],
];
const [dark, line, paper]: Colour[] = [
  [31, 39, 51],
  [150, 158, 168],
  [255, 255, 255],
];
const between = 8;

function blank(width: number, height: number, colour: Colour = paper!): Picture {
  const pixels = new Uint8Array(width * height * 3).map((_, i) => colour[i % 3]!);
  return { width, height, channels: 3, pixels };
}

function dot({ width, height, pixels }: Picture, x: number, y: number, size: number, colour: Colour): void {
  for (let row = 0; row < size; row++)
    for (let column = 0; column < size; column++) {
      const [left, top] = [Math.round(x - size / 2) + column, Math.round(y - size / 2) + row];
      if (left >= 0 && left < width && top >= 0 && top < height) pixels.set(colour, 3 * (top * width + left));
    }
}

/** Points of a plane in a frame; y grows upwards, and points outside are left out. */
export function plane(layers: readonly Points[], options: PlaneOptions): Picture {
  const { x, y, side = 240, circles = [], ground } = options;
  const picture = blank(side, side);
  const across = (value: number): number => ((value - x[0]) / (x[1] - x[0])) * side;
  const down = (value: number): number => (1 - (value - y[0]) / (y[1] - y[0])) * side;
  if (ground) drawGround(picture, ground);
  for (const radius of circles)
    for (let angle = 0; angle < 720; angle++)
      dot(picture, across(radius * Math.cos(angle)), down(radius * Math.sin(angle)), 1, line!);
  for (const { values, labels, dot: size = 2 } of layers)
    for (let i = 0; 2 * i < values.length; i++)
      dot(
        picture,
        across(values[2 * i]!),
        down(values[2 * i + 1]!),
        size,
        labels ? colours[labels[i]! % 10]! : dark!,
      );
  frame(picture);
  return picture;
}

function frame({ width, height, pixels }: Picture): void {
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    if (x === 0 || y === 0 || x === width - 1 || y === height - 1) pixels.set(line!, 3 * i);
  }
}

function drawGround({ width, pixels }: Picture, ground: ArrayLike<number>): void {
  const n = Math.sqrt(ground.length);
  for (let i = 0; i < width * width; i++) {
    const [column, row] = [i % width, Math.floor(i / width)].map((at) => Math.floor((at * n) / width)) as [
      number,
      number,
    ];
    pixels.fill(255 - Math.round(130 * ground[row * n + column]!), 3 * i, 3 * i + 3);
  }
}

/** f64[rows, columns] as squares: white 0, blue `largest`, red its negative. */
export function heatMap(values: ArrayLike<number>, columns: number, largest: number, scale: number): Picture {
  const rows = values.length / columns;
  const picture = blank(columns * scale, rows * scale);
  for (let i = 0; i < values.length; i++) {
    const strength = Math.min(1, Math.abs(values[i]!) / largest);
    const strong = values[i]! >= 0 ? colours[0]! : colours[3]!;
    const colour = strong.map((value) => Math.round(255 + strength * (value - 255))) as unknown as Colour;
    for (let y = 0; y < scale; y++)
      for (let x = 0; x < scale; x++)
        picture.pixels.set(
          colour,
          3 * ((Math.floor(i / columns) * scale + y) * picture.width + (i % columns) * scale + x),
        );
  }
  return picture;
}

/** Left to right, at the top. */
export function beside(...panels: readonly Picture[]): Picture {
  const width = panels.reduce((sum, panel) => sum + panel.width + between, -between);
  const whole = blank(width, Math.max(...panels.map(({ height }) => height)));
  let left = 0;
  for (const panel of panels) {
    paste(whole, panel, left, 0);
    left += panel.width + between;
  }
  return whole;
}

/** Top to bottom, at the left. */
export function above(...panels: readonly Picture[]): Picture {
  const height = panels.reduce((sum, panel) => sum + panel.height + between, -between);
  const whole = blank(Math.max(...panels.map(({ width }) => width)), height);
  let top = 0;
  for (const panel of panels) {
    paste(whole, panel, 0, top);
    top += panel.height + between;
  }
  return whole;
}

function paste(
  whole: Picture,
  { width, height, channels, pixels }: Picture,
  left: number,
  top: number,
): void {
  for (let i = 0; i < width * height; i++) {
    const at = 3 * ((top + Math.floor(i / width)) * whole.width + left + (i % width));
    for (let c = 0; c < 3; c++) whole.pixels[at + c] = pixels[channels === 1 ? i : channels * i + c]!;
  }
}
