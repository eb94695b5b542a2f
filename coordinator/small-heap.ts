import { setFlagsFromString } from 'node:v8';

/**
 * Call it before anything large is loaded: late it has little effect, since the space does not shrink again. V8
 * lets the space of short-lived objects grow to 16 MB a half, and after a thousand workers have connected at
 * once most of it stays resident: 164-170 MB with 1,000 idle workers without this, 132-143 MB with it (compiled
 * TypeScript cached). The CPU time of a round trip did not differ beyond the noise.
 */
export function keepCoordinatorHeapSmall(): void {
  setFlagsFromString('--max-semi-space-size=2');
  setFlagsFromString('--semi-space-growth-factor=1');
  // Otherwise the heap of a busy coordinator grows to four times what lives in it before it is collected: 270 MB
  // resident under full load instead of 200, for 3 % less CPU time.
  setFlagsFromString('--heap-growing-percent=100');
}
