/** Imported before everything else of the command: what a service needs is set before its heap grows. */
import { keepHeapSmall } from '../client/node/small-heap.ts';
import { keepCoordinatorHeapSmall } from '../coordinator/small-heap.ts';

if (process.argv[2] === 'worker') keepHeapSmall();
if (process.argv[2] === 'coordinator') keepCoordinatorHeapSmall();
