/** Imported before everything else of the command: what a service needs is set before its heap grows. */
import { keepHeapSmall } from '../client/node/small-heap.ts';
import { keepYoungSpaceSmall } from '../coordinator/young-space.ts';

if (process.argv[2] === 'worker') keepHeapSmall();
if (process.argv[2] === 'coordinator') keepYoungSpaceSmall();
