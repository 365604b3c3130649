/** Formulas of their own line can be reached by keyboard, since those wider than their card are scrolled. */
interface HastNode {
  readonly tagName?: string;
  properties?: Record<string, unknown>;
  readonly children?: readonly HastNode[];
}

/** A rehype plugin, behind the one that makes MathML: around such a formula it marks the HTML, where `tabindex` works. */
export function focusableMath(): (tree: HastNode) => void {
  return function visit(node: HastNode): void {
    const { children = [] } = node;
    if (children.some(({ tagName, properties }) => tagName === 'math' && properties?.['display'] === 'block'))
      node.properties = { ...node.properties, className: ['formula'], tabIndex: 0 };
    children.forEach(visit);
  };
}
