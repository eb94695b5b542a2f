/**
 * A WGSL kernel with its parameters, ready on one device. It is given data, not code: the bindings are those of
 * `GpuKernel` in protocol/workload.ts, the same for every workload.
 *
 * A dispatch computes some pieces and, as its last piece, the probe, whose words are known: long dispatches can
 * give wrong data silently on real drivers. Two sets of buffers, so that the GPU computes one dispatch while the
 * words of the one before are read: call `dispatch` again before the first has resolved.
 */
import type { GpuKernel, PipelineConstants } from '../../protocol/workload.ts';
import type { Range } from '../../protocol/range.ts';
import { rangeLength } from '../../protocol/range.ts';
import type { CompiledKernel } from './gpu-compiler.ts';
import { compiledKernel } from './gpu-compiler.ts';
import { GpuFault } from './gpu-fault.ts';
import { GpuTimer, TIMESTAMP_BYTES, timedMs } from './gpu-timer.ts';
import type { GpuDevice } from './gpu-device.ts';
import { messageOf } from './gpu-device.ts';

// The flags of the specification, by value: as globals they exist only where a page or Dawn put them.
const MAP_READ = 0x1;
const COPY_SRC = 0x4;
const COPY_DST = 0x8;
const STORAGE = 0x80;
const MAP_MODE_READ = 0x1;

const WORD_BYTES = 4;
const PIECE_WORDS = 8;
const SLOTS = 2;
/** Shapes (groups per piece, variant of the kernel) whose probe words are remembered. */
const KNOWN_SHAPES = 64;
/** Bytes of output that are read back per dispatch at most; also keeps two slots below 100 MB. */
const MAX_OUTPUT_BYTES = 32 * 1024 * 1024;
const MAX_SCRATCH_BYTES = 128 * 1024 * 1024;
const MAX_PIECES = 4096;
/** Share of the expected time that is slept through. Measured on lavapipe: 85 % gave 25-35 % more rate. */
const SLEPT_FRACTION = 0.85;
/** Reading what is ready takes so long. */
const SOONEST_MS = 2;

export interface GpuProgramSource {
  readonly kernel: GpuKernel;
  /** The assembled text. */
  readonly wgsl: string;
  readonly parameterWords: Uint32Array;
  readonly constants: Uint32Array;
  readonly probe: Probe;
}

/** A known answer. How words look may depend on the groups per piece and on the variant: each shape is proven once. */
export interface Probe {
  readonly range: Range;
  /** Compares words with what the CPU engine knows. @throws GpuFault `wrong_answer`, or KernelFault */
  prove(words: Uint32Array): Promise<void>;
}

export interface Dispatched {
  /** `outputWords` words per piece, in the order of the pieces. */
  readonly words: readonly Uint32Array[];
  /** How long the GPU was at it by its own clock; else from submission, or the end of the dispatch before, to the end. */
  readonly elapsed_ms: number;
  /** False if it may have ended earlier: then its end was slept through. */
  readonly exact: boolean;
}

interface Slot {
  capacity: number;
  pieces: GPUBuffer;
  output: GPUBuffer;
  scratch: GPUBuffer;
  readback: GPUBuffer;
  group: GPUBindGroup;
  /** Where the device can tell the time. */
  timer: GpuTimer | undefined;
}

export class GpuProgram {
  readonly kernel: GpuKernel;
  /** Most pieces that one dispatch takes. */
  readonly maxPieces: number;
  readonly #gpu: GpuDevice;
  readonly #wgsl: string;
  readonly #probe: Probe;
  readonly #parameters: GPUBuffer;
  readonly #constants: GPUBuffer;
  readonly #known = new Map<string, Uint32Array>();
  readonly #free: (Slot | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
  readonly #waiting: ((slot: Slot | undefined) => void)[] = [];
  #retired = false;
  #last_end_ms = 0;
  #expected_end_ms = 0;

  private constructor(
    gpu: GpuDevice,
    source: GpuProgramSource,
    tables: { readonly parameters: GPUBuffer; readonly constants: GPUBuffer },
  ) {
    this.#gpu = gpu;
    this.kernel = source.kernel;
    this.#wgsl = source.wgsl;
    this.#probe = source.probe;
    this.#parameters = tables.parameters;
    this.#constants = tables.constants;
    this.maxPieces = pieceLimit(gpu.device.limits, source.kernel);
  }

  /** Uploads the tables; variants of the kernel are compiled when a dispatch needs them. @throws GpuFault */
  static async build(gpu: GpuDevice, source: GpuProgramSource): Promise<GpuProgram> {
    const { device } = gpu;
    const [parameters, constants] = await gpu.checked(
      'parameter buffers',
      () => [upload(device, source.parameterWords), upload(device, source.constants)] as const,
    );
    return new GpuProgram(gpu, source, { parameters, constants });
  }

  /**
   * Computes the pieces in one dispatch.
   * @param pieces 1 … maxPieces ranges, none longer than `kernel.maxPieceLength`
   * @param expected_ms how long it will probably take. In Node Dawn polls while a promise of its own is pending
   *   (client/node/dawn-polls.ts), so most of that time is waited for by a timer
   * @param tuning one of the kernel's tunings; absent: the conservative one
   * @throws GpuFault: `compile` with the driver's messages, when the variant is new
   */
  async dispatch(
    pieces: readonly Range[],
    expected_ms = 0,
    tuning: PipelineConstants | undefined = this.kernel.tunings?.[0],
  ): Promise<Dispatched> {
    if (pieces.length < 1 || pieces.length > this.maxPieces) {
      throw new RangeError(`a dispatch takes 1 to ${this.maxPieces} pieces, got ${pieces.length}`);
    }
    const variant = { ...this.kernel.specialise?.(hullOf(pieces)), ...tuning };
    const compiled = await compiledKernel(this.#gpu, this.kernel, this.#wgsl, variant);
    const free = await this.#acquire();
    let slot = free;
    try {
      const all = [...pieces, this.#probe.range];
      if (slot === undefined || slot.capacity < all.length) {
        slot = await this.#allocate(slot, all.length, compiled.layout);
      }
      const { words, groups, ...time } = await this.#execute(slot, all, compiled, expected_ms);
      const probeWords = words[pieces.length];
      const shape = `${groups} ${JSON.stringify(variant)}`;
      if (probeWords !== undefined) await this.#compareProbe(shape, probeWords);
      return { words: words.slice(0, pieces.length), ...time };
    } finally {
      this.#release(slot);
    }
  }

  /** Frees the buffers once all dispatches are read. Call `dispatch` no more. */
  destroyWhenIdle(): void {
    if (this.#free.length === SLOTS) this.destroy();
    else this.#retired = true;
  }

  /** Frees the buffers at once. No dispatch may be under way. */
  destroy(): void {
    for (const slot of this.#free) if (slot !== undefined) destroySlot(slot);
    this.#parameters.destroy();
    this.#constants.destroy();
  }

  async #execute(slot: Slot, pieces: readonly Range[], compiled: CompiledKernel, expected_ms: number) {
    const { device, now, sleep } = this.#gpu;
    const { kernel } = this;
    const outputBytes = pieces.length * kernel.outputWords * WORD_BYTES;
    const groups = groupsPerPiece(kernel, pieces);
    const timesAt = Math.ceil(outputBytes / 8) * 8;
    const readBytes = slot.timer === undefined ? outputBytes : timesAt + TIMESTAMP_BYTES;
    let submitted_ms = 0;
    await this.#gpu.checked('dispatch', () => {
      device.queue.writeBuffer(slot.pieces, 0, pieceWords(pieces, kernel.maxPieceLength));
      const encoder = device.createCommandEncoder();
      encoder.clearBuffer(slot.output, 0, outputBytes);
      const { timer } = slot;
      const pass = encoder.beginComputePass(timer === undefined ? {} : { timestampWrites: timer.writes });
      pass.setBindGroup(0, slot.group);
      for (const pipeline of compiled.pipelines) {
        pass.setPipeline(pipeline);
        pass.dispatchWorkgroups(groups, pieces.length, 1);
      }
      pass.end();
      encoder.copyBufferToBuffer(slot.output, 0, slot.readback, 0, outputBytes);
      timer?.readInto(encoder, slot.readback, timesAt);
      const commands = encoder.finish();
      submitted_ms = now();
      device.queue.submit([commands]);
    });
    const expected_end_ms = Math.max(submitted_ms, this.#expected_end_ms) + expected_ms;
    this.#expected_end_ms = expected_end_ms;
    const wait_ms = submitted_ms + (expected_end_ms - submitted_ms) * SLEPT_FRACTION - now();
    const sleeps = sleep !== undefined && wait_ms > 2;
    if (sleeps) await Promise.race([sleep(wait_ms), this.#gpu.lost]);
    const woken_ms = now();
    this.#gpu.assertAlive();
    try {
      await slot.readback.mapAsync(MAP_MODE_READ, 0, readBytes);
    } catch (error) {
      this.#gpu.assertAlive();
      throw new GpuFault('lost', `the GPU's words could not be read: ${messageOf(error)}`);
    }
    this.#gpu.assertAlive();
    const ended_ms = now();
    const waited_ms = ended_ms - Math.max(submitted_ms, this.#last_end_ms);
    this.#last_end_ms = ended_ms;
    if (this.#expected_end_ms === expected_end_ms) this.#expected_end_ms = ended_ms;
    const read = slot.readback.getMappedRange(0, readBytes).slice(0);
    const all = new Uint32Array(read, 0, outputBytes / WORD_BYTES);
    const timed_ms =
      slot.timer === undefined ? undefined : timedMs(read.slice(timesAt), ended_ms - submitted_ms);
    slot.readback.unmap();
    const words = pieces.map((_, index) =>
      all.subarray(index * kernel.outputWords, (index + 1) * kernel.outputWords),
    );
    const exact =
      timed_ms !== undefined || !sleeps || ended_ms - woken_ms > Math.max(SOONEST_MS, expected_ms * 0.03);
    return { words, elapsed_ms: timed_ms ?? waited_ms, exact, groups };
  }

  async #compareProbe(shape: string, words: Uint32Array): Promise<void> {
    const known = this.#known.get(shape);
    if (known === undefined) {
      await this.#probe.prove(words);
      if (this.#known.size >= KNOWN_SHAPES) this.#known.clear();
      this.#known.set(shape, words.slice());
    } else if (!known.every((word, index) => word === words[index])) {
      throw new GpuFault(
        'wrong_answer',
        `${this.kernel.source}: the known answer in a dispatch came back wrong`,
      );
    }
  }

  #acquire(): Promise<Slot | undefined> {
    if (this.#free.length > 0) return Promise.resolve(this.#free.pop());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #release(slot: Slot | undefined): void {
    const next = this.#waiting.shift();
    if (next !== undefined) next(slot);
    else {
      this.#free.push(slot);
      if (this.#retired) this.destroyWhenIdle();
    }
  }

  async #allocate(old: Slot | undefined, wanted: number, layout: GPUBindGroupLayout): Promise<Slot> {
    if (old !== undefined) destroySlot(old);
    const { device } = this.#gpu;
    const { kernel } = this;
    let capacity = 1;
    while (capacity < wanted) capacity *= 2;
    capacity = Math.min(capacity, this.maxPieces + 1);
    return this.#gpu.checked(`buffers for ${capacity} pieces`, () => {
      const buffer = (words: number, usage: number) =>
        device.createBuffer({ size: Math.max(1, words) * WORD_BYTES, usage });
      const pieces = buffer(capacity * PIECE_WORDS, STORAGE | COPY_DST);
      const output = buffer(capacity * kernel.outputWords, STORAGE | COPY_SRC | COPY_DST);
      const scratch = buffer(capacity * kernel.scratchWords, STORAGE);
      const timer = this.#gpu.hasTimestamps ? new GpuTimer(device) : undefined;
      const timeWords = timer === undefined ? 0 : 1 + TIMESTAMP_BYTES / WORD_BYTES;
      const readback = buffer(capacity * kernel.outputWords + timeWords, MAP_READ | COPY_DST);
      const group = device.createBindGroup({
        layout,
        entries: [this.#parameters, pieces, output, this.#constants, scratch].map((bound, binding) => ({
          binding,
          resource: { buffer: bound },
        })),
      });
      return { capacity, pieces, output, scratch, readback, group, timer };
    });
  }
}

function hullOf(pieces: readonly Range[]): Range {
  const [first] = pieces;
  if (first === undefined) throw new RangeError('a dispatch without pieces');
  let { start, end } = first;
  for (const piece of pieces) {
    if (piece.start < start) start = piece.start;
    if (piece.end > end) end = piece.end;
  }
  return { start, end };
}

/** The kernel's own formula: the longest piece decides for all of the dispatch. */
export function groupsPerPiece(kernel: GpuKernel, pieces: readonly Range[]): number {
  let longest = 1;
  for (const piece of pieces) longest = Math.max(longest, Number(rangeLength(piece)));
  return Math.min(kernel.maxWorkgroups, Math.ceil(longest / kernel.itemsPerWorkgroup));
}

function pieceLimit(limits: GPUSupportedLimits, kernel: GpuKernel): number {
  const binding = Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);
  const byOutput = Math.min(MAX_OUTPUT_BYTES, binding) / (Math.max(1, kernel.outputWords) * WORD_BYTES);
  const byScratch = Math.min(MAX_SCRATCH_BYTES, binding) / (Math.max(1, kernel.scratchWords) * WORD_BYTES);
  // One of them is the probe's.
  const most = Math.min(MAX_PIECES, byOutput, byScratch, limits.maxComputeWorkgroupsPerDimension);
  return Math.max(1, Math.floor(most) - 1);
}

function pieceWords(pieces: readonly Range[], maxPieceLength: number): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(pieces.length * PIECE_WORDS);
  for (const [index, piece] of pieces.entries()) {
    const length = rangeLength(piece);
    if (length < 1n || length > BigInt(maxPieceLength)) {
      throw new RangeError(`a piece takes 1 to ${maxPieceLength} units, got ${length}`);
    }
    for (let limb = 0; limb < 4; limb++) {
      words[index * PIECE_WORDS + limb] = Number((piece.start >> BigInt(32 * limb)) & 0xffffffffn);
    }
    words[index * PIECE_WORDS + 4] = Number(length);
  }
  return words;
}

function upload(device: GPUDevice, words: Uint32Array): GPUBuffer {
  const buffer = device.createBuffer({
    size: Math.max(1, words.length) * WORD_BYTES,
    usage: STORAGE | COPY_DST,
  });
  device.queue.writeBuffer(buffer, 0, words);
  return buffer;
}

function destroySlot(slot: Slot): void {
  for (const buffer of [slot.pieces, slot.output, slot.scratch, slot.readback]) buffer.destroy();
  slot.timer?.destroy();
}
