/** Light, dark, or as the system has it: kept in the browser's storage, which `public/theme.js` reads before the first paint. */
import { effect, signal } from '@preact/signals';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const root = document.documentElement;

/** What the visitor has chosen. */
export const theme = signal<Theme>(themes.find((name) => name === root.dataset['theme']) ?? 'system');

effect(() => {
  const { value } = theme;
  if (value === 'system') delete root.dataset['theme'];
  else root.dataset['theme'] = value;
});

/** Chooses, and remembers it where the browser lets pages remember. */
export function chooseTheme(chosen: Theme): void {
  theme.value = chosen;
  try {
    localStorage.setItem('theme', chosen);
  } catch {
    // no storage: the choice holds until the page is closed
  }
}

/** Calls `run` whenever the page's colours change, whoever changes them. @returns what ends that */
export function onThemeChange(run: () => void): () => void {
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  const attribute = new MutationObserver(run);
  attribute.observe(root, { attributeFilter: ['data-theme'] });
  scheme.addEventListener('change', run);
  return () => {
    attribute.disconnect();
    scheme.removeEventListener('change', run);
  };
}
