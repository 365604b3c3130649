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

/** Calls back when the page turns dark or light; returns what ends that. */
export function onThemeChange(run: () => void): () => void {
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  scheme.addEventListener('change', run);
  const observer = new MutationObserver(run);
  observer.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  return () => {
    scheme.removeEventListener('change', run);
    observer.disconnect();
  };
}
