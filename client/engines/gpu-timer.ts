/**
 * How long a device computed at a pass, by its own clock: a host's clock also counts the queue, the read-back and what
 * else the machine does. Two time stamps are resolved into a buffer and read back behind the words of the dispatch.
 */

// The flags of the specification, by value: as globals they exist only where a page or Dawn put them.
const COPY_SRC = 0x4;
const QUERY_RESOLVE = 0x200;

/** Bytes that the two time stamps take in the buffer that is read back. */
export const TIMESTAMP_BYTES = 16;

export class GpuTimer {
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;

  /** The device must have `timestamp-query`. */
  constructor(device: GPUDevice) {
    this.#queries = device.createQuerySet({ type: 'timestamp', count: 2 });
    this.#resolved = device.createBuffer({ size: TIMESTAMP_BYTES, usage: QUERY_RESOLVE | COPY_SRC });
  }

  /** For the pass that is timed. */
  get writes(): GPUComputePassTimestampWrites {
    return { querySet: this.#queries, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
  }

  /** After the pass. @param offset a multiple of 8 */
  readInto(encoder: GPUCommandEncoder, readback: GPUBuffer, offset: number): void {
    encoder.resolveQuerySet(this.#queries, 0, 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, readback, offset, TIMESTAMP_BYTES);
  }

  destroy(): void {
    this.#queries.destroy();
    this.#resolved.destroy();
  }
}

/**
 * Milliseconds between the two time stamps, in nanoseconds. Undefined where they can't be true: some drivers leave
 * zeros, or count while the device sleeps.
 * @param bytes TIMESTAMP_BYTES
 * @param most_ms by the host's clock
 */
export function timedMs(bytes: ArrayBuffer, most_ms: number): number | undefined {
  const [begin = 0n, end = 0n] = new BigUint64Array(bytes);
  const ms = Number(end - begin) / 1e6;
  return begin === 0n || ms <= 0 || ms > most_ms + 1 ? undefined : ms;
}
