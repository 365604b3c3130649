// Before the first paint, and not inline, for the page's policy: the theme that src/theme.ts has kept.
try {
  const theme = localStorage.getItem('theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // no storage: the system's theme
}
