/** What the panel knows of this device at the moment. Read while rendering, so that it follows its signals. */
import { volunteerRefusal } from '../api/caller.ts';
import type { Lend } from './lend.ts';
import { online } from './online.ts';
import type { Address, Notice } from './sentences.ts';
import { noticeOf } from './sentences.ts';

/** Undefined: nothing stands in its way, or nothing was started. */
export function currentNotice(lend: Lend): Notice | undefined {
  return noticeOf(
    {
      phase: lend.phase.value,
      problem: lend.problem.value,
      paused_by: lend.paused_by.value,
      connected: lend.connected.value,
      online: online.value,
      engine: lend.device.value?.engine,
      refusal: volunteerRefusal(),
    },
    pageAddress(),
  );
}

function pageAddress(): Address {
  return { host: location.hostname, port: location.port };
}
