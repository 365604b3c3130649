/** Colours of the page's variables for canvases, which cannot read `light-dark()` themselves. */

/** What a CSS colour, such as `var(--ink)`, is on this element now. */
export function colorOf(element: HTMLElement, color: string): string {
  const probe = document.createElement('i');
  probe.style.color = color;
  element.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}
