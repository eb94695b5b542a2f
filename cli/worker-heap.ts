/** Imported before everything else of the command: what a worker process needs is set before its heap grows. */
import { keepHeapSmall } from '../client/node/small-heap.ts';

if (process.argv[2] === 'worker') keepHeapSmall();
