/** Light or dark: the system's, until the visitor chooses. Imported first, so that it is set before the first paint. */
import { signal } from '@preact/signals';

export type Theme = 'light' | 'dark';

const KEY = 'theme';
const prefersDark = matchMedia('(prefers-color-scheme: dark)');

/** Storage may be forbidden: the choice then lasts as long as the page. */
function remembered(): Theme | undefined {
  try {
    const theme = localStorage.getItem(KEY);
    return theme === 'light' || theme === 'dark' ? theme : undefined;
  } catch {
    return undefined;
  }
}

export const theme = signal<Theme>(remembered() ?? (prefersDark.matches ? 'dark' : 'light'));

function show(): void {
  const root = document.documentElement;
  root.dataset['theme'] = theme.value;
  const background = getComputedStyle(root).getPropertyValue('--bg').trim();
  if (background === '') return;
  for (const meta of document.querySelectorAll('meta[name=theme-color]'))
    meta.setAttribute('content', background);
}

show();
theme.subscribe(show);
prefersDark.addEventListener('change', () => {
  if (remembered() === undefined) theme.value = prefersDark.matches ? 'dark' : 'light';
});

export function toggleTheme(): void {
  theme.value = theme.value === 'dark' ? 'light' : 'dark';
  try {
    localStorage.setItem(KEY, theme.value);
  } catch {
    // It lasts as long as the page.
  }
}
