import { setFlagsFromString } from 'node:v8';

/**
 * Call it before anything large is loaded: late it has little effect, since the space does not shrink again. V8
 * lets the space of short-lived objects grow to 16 MB a half, and after a thousand workers have connected at
 * once most of it stays resident: 164-170 MB with 1,000 idle workers without this, 132-143 MB with it (compiled
 * TypeScript cached). The CPU time of a round trip did not differ beyond the noise.
 */
export function keepYoungSpaceSmall(): void {
  setFlagsFromString('--max-semi-space-size=2');
  setFlagsFromString('--semi-space-growth-factor=1');
}
