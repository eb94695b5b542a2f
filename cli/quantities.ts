/** Numbers, rates and times as people read them in a terminal. */

const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

/** Groups of three: 1 234 567, with no-break thin spaces only where the terminal shows them; plain spaces here. */
export function grouped(value: bigint | number | string): string {
  return String(value).replaceAll(/\B(?=(\d{3})+(?!\d))/g, ' ');
}

/** Three significant digits: 950, 12.3 M, 4.56 G. */
export function scaled(value: number): string {
  if (!Number.isFinite(value) || value < 0) return '?';
  let rest = value;
  let power = 0;
  while (rest >= 999.5 && power < PREFIXES.length - 1) {
    rest /= 1000;
    power += 1;
  }
  if (rest >= 999.5) return value.toExponential(2);
  const digits = rest >= 99.95 || (power === 0 && Number.isInteger(rest)) ? 0 : rest >= 9.995 ? 1 : 2;
  return `${rest.toFixed(digits)}${power === 0 ? '' : ` ${PREFIXES[power] ?? ''}`}`;
}

export function rate(perSecond: number | null): string {
  return perSecond === null ? '–' : `${scaled(perSecond)}/s`;
}

/** 7 s, 2 min 05 s, 3 h 20 min, 4 d 6 h, 12 years. */
export function duration(seconds: number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} min`;
  if (s < 365 * 86_400) return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
  return `${scaled(s / (365.25 * 86_400))} years`;
}

/** 42 %, 99.9 %; never 100 % before it is done, nor 0 % once it has begun. */
export function percent(fraction: number): string {
  if (fraction <= 0) return '0 %';
  if (fraction >= 1) return '100 %';
  const value = fraction * 100;
  if (value < 0.1) return '< 0.1 %';
  return `${(Math.floor(value * 10) / 10).toFixed(1)} %`;
}

export function bytes(count: number): string {
  return `${scaled(count)}B`.replace(/(\d)B$/, '$1 B');
}

/** How long ago an ISO time was. */
export function ago(time: string, now: number): string {
  return `${duration((now - Date.parse(time)) / 1000)} ago`;
}
