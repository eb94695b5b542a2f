/** Kernels by hash, from the coordinator, checked and kept. */
import type { KernelIndex } from '../protocol/kernels.ts';
import { kernelIndex, MAX_KERNEL_BYTES } from '../protocol/kernels.ts';
import type { LoadedKernel } from './engines/engine.ts';

export interface KernelSource {
  /** What the coordinator leases. Rejects if it can't be reached. */
  index(): Promise<KernelIndex>;
  /** Rejects if it can't be reached or does not have it, or if the bytes are not those of the hash. */
  load(sha256: string): Promise<LoadedKernel>;
}

/** The part of `fetch` that is used. */
export type Fetch = (url: string) => Promise<{
  readonly ok: boolean;
  readonly status: number;
  arrayBuffer(): Promise<ArrayBuffer>;
  json(): Promise<unknown>;
}>;

/** Lower-case hex. */
export type Sha256 = (bytes: Uint8Array<ArrayBuffer>) => Promise<string>;

/** More kernels than all workloads have; each may be some hundred KB. */
const MAX_KEPT = 32;

export class HttpKernels implements KernelSource {
  readonly #origin: string;
  readonly #fetch: Fetch;
  readonly #sha256: Sha256;
  readonly #kept = new Map<string, Promise<LoadedKernel>>();
  #bytes = 0;

  /** @param origin of the coordinator, e.g. `http://127.0.0.1:3000` */
  constructor(origin: string, parts: { readonly fetch: Fetch; readonly sha256: Sha256 }) {
    this.#origin = origin.replace(/\/+$/, '');
    this.#fetch = parts.fetch;
    this.#sha256 = parts.sha256;
  }

  /** Bytes fetched so far. */
  get fetchedBytes(): number {
    return this.#bytes;
  }

  async index(): Promise<KernelIndex> {
    const url = `${this.#origin}/kernels`;
    const response = await this.#fetch(url);
    if (!response.ok) throw new Error(`GET ${url} answered ${response.status}`);
    return kernelIndex.parse(await response.json());
  }

  load(sha256: string): Promise<LoadedKernel> {
    const kept = this.#kept.get(sha256);
    if (kept !== undefined) return kept;
    const loading = this.#load(sha256);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size < MAX_KEPT) break;
      this.#kept.delete(oldest);
    }
    this.#kept.set(sha256, loading);
    loading.catch(() => this.#kept.delete(sha256));
    return loading;
  }

  async #load(sha256: string): Promise<LoadedKernel> {
    const url = `${this.#origin}/kernels/${sha256}`;
    const response = await this.#fetch(url);
    if (!response.ok) throw new Error(`GET ${url} answered ${response.status}`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    this.#bytes += bytes.length;
    if (bytes.length > MAX_KERNEL_BYTES) throw new Error(`${url} is larger than ${MAX_KERNEL_BYTES} bytes`);
    const found = await this.#sha256(bytes);
    if (found !== sha256) throw new Error(`${url} gave other bytes than those of its hash`);
    return { sha256, bytes };
  }
}
