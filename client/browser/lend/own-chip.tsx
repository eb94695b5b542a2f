/** The chip of this page's own contribution. */
import { LendChip } from './chip.tsx';
import { lend } from './page-lend.ts';

export function OwnChip() {
  return <LendChip lend={lend} />;
}
