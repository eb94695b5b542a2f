/** The one contribution of a page. */
import { createLend } from './controller.ts';
import type { Lend } from './lend.ts';

export const lend: Lend = createLend();
