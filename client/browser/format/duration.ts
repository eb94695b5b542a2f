/** Lengths of time as people say them: two units at most, `3 h 10 min`. */

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365.25 * DAY;
const NO_BREAK = '\u00a0';

/** @param seconds 0 or more; below one it is said so */
export function duration(seconds: number): string {
  if (seconds < 1) return `less than 1${NO_BREAK}s`;
  if (Math.round(seconds) < MINUTE) return `${Math.round(seconds)}${NO_BREAK}s`;
  if (Math.round(seconds / MINUTE) < 60) return `${Math.round(seconds / MINUTE)}${NO_BREAK}min`;
  if (Math.round(seconds / MINUTE) < 600) return twoUnits(Math.round(seconds / MINUTE), 60, 'h', 'min');
  if (Math.round(seconds / HOUR) < 24) return `${Math.round(seconds / HOUR)}${NO_BREAK}h`;
  if (seconds < 10 * DAY) return twoUnits(Math.round(seconds / HOUR), 24, 'd', 'h');
  if (seconds < 2 * YEAR) return `${Math.round(seconds / DAY)}${NO_BREAK}days`;
  if (seconds < 1000 * YEAR) return `${Math.round(seconds / YEAR)}${NO_BREAK}years`;
  return 'more than a thousand years';
}

function twoUnits(small: number, per: number, large: string, unit: string): string {
  const rest = small % per;
  const whole = `${Math.floor(small / per)}${NO_BREAK}${large}`;
  return rest === 0 ? whole : `${whole} ${rest}${NO_BREAK}${unit}`;
}
