/** Numbers as the page shows them: no-break thousands, few digits. */

const NARROW_SPACE = '\u202f';
const SCALES = [
  { from: 1e12, name: 'trillion' },
  { from: 1e9, name: 'billion' },
  { from: 1e6, name: 'million' },
] as const;

/** `9 232`. */
export function grouped(value: bigint | number): string {
  const digits = typeof value === 'bigint' ? value.toString() : Math.round(value).toString();
  return digits.replace(/\B(?=(\d{3})+$)/g, NARROW_SPACE);
}

/** Three digits and a scale: `2.85`, `billion`; the scale is empty below a million. */
export function scaled(value: number): { readonly figure: string; readonly scale: string } {
  for (const { from, name } of SCALES) {
    // Rounding to three digits must not give 1000 of the scale below.
    if (value >= from * 0.9995) return { figure: threeDigits(value / from), scale: name };
  }
  return { figure: value < 1000 ? threeDigits(value) : grouped(Number(value.toPrecision(3))), scale: '' };
}

function threeDigits(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(value === 0 ? 0 : 2);
}
