/**
 * Keeps the page told what it would have to hand back: when the page ends, the threads that know are gone already.
 * Tried before: to keep the page for 100 ms while the threads hand back; 3 of 4 closed tabs did, and none that was
 * left for another address.
 */
import type { WorkerStatus } from '../../worker-status.ts';
import { atMostEvery } from './at-most-every.ts';

/** A lease that the page does not know of can't be handed back: it would stay out until its worker counts as silent. */
const LEASES_MS = 100;

export class HandBackNews {
  readonly #body: () => string | undefined;
  readonly #send: (body: string | undefined) => void;
  readonly #leasesChanged: () => void;
  #leases = '';
  #sent: string | undefined;

  /** @param body of POST /api/hand-back, as it would be now */
  constructor(body: () => string | undefined, send: (body: string | undefined) => void) {
    this.#body = body;
    this.#send = send;
    this.#leasesChanged = atMostEvery(LEASES_MS, () => this.tell());
  }

  /** Called with every change of state. */
  status({ batches }: Pick<WorkerStatus, 'batches'>): void {
    const held = batches.filter(({ state }) => state === 'running' || state === 'sending');
    const leases = held.map(({ lease_id, state }) => `${lease_id} ${state}`).join();
    if (leases === this.#leases) return;
    this.#leases = leases;
    this.#leasesChanged();
  }

  /** Called before progress is shown: what the visitor has seen done is never lost, nor more than one report's time. */
  tell(): void {
    const body = this.#body();
    if (body === this.#sent) return;
    this.#sent = body;
    this.#send(body);
  }
}
