/** The process that runner.ts starts: runs programs, pinned to a core, and says how long they take. */
import { caseOf, type Case } from './cases.ts';
import { textbookSubject, twinSubject, wasmSubject } from './cpu-subjects.ts';
import type { BenchGpu } from './gpu-subjects.ts';
import { runnerRequest, type RunnerReply, type RunnerRequest } from './runner-messages.ts';
import { CPU_CALL_S, fittingCall, GPU_CALL_S, measure, type Subject } from './subject.ts';

type Kind = Exclude<RunnerRequest, { op: 'open' }>['kind'];

interface Ready {
  readonly subject: Subject;
  call: bigint | undefined;
}

let gpu: BenchGpu | undefined;
/** Of the case at hand: tables of several would add up. */
let ready = new Map<string, Promise<Ready>>();
let current = '';

async function answer(request: RunnerRequest): Promise<unknown> {
  if (request.op === 'open') {
    await open(request);
    return null;
  }
  const test = caseOf(request.test);
  const prepared = await subjectFor(request.kind, test);
  const { subject } = prepared;
  const call_s = gpu === undefined ? CPU_CALL_S : GPU_CALL_S;
  switch (request.op) {
    case 'prepare':
      return { call: (prepared.call ??= await fittingCall(subject, test, call_s)) };
    case 'fields':
      return subject.fields(request.range);
    case 'measure':
      prepared.call ??= await fittingCall(subject, test, call_s);
      return measure(subject, request.start, prepared.call, request.seconds);
  }
}

async function open({ adapter, software, core }: Extract<RunnerRequest, { op: 'open' }>): Promise<void> {
  if (adapter === null) return;
  // Dawn is loaded only where it is used.
  const { openGpu } = await import('./gpu-subjects.ts');
  gpu = await openGpu(adapter, software, core);
}

async function subjectFor(kind: Kind, test: Case): Promise<Ready> {
  if (current !== test.name) {
    for (const old of ready.values()) (await old).subject.close();
    ready = new Map();
    current = test.name;
  }
  const made = ready.get(kind) ?? build(kind, test).then((subject) => ({ subject, call: undefined }));
  ready.set(kind, made);
  return made;
}

async function build(kind: Kind, test: Case): Promise<Subject> {
  switch (kind) {
    case 'wasm':
      return wasmSubject(test);
    case 'twin':
      return twinSubject(test);
    case 'textbook':
      return textbookSubject(test);
    case 'wgsl':
    case 'textbook-wgsl': {
      if (gpu === undefined) throw new Error('no adapter was opened');
      const { textbookWgslSubject, wgslSubject } = await import('./gpu-subjects.ts');
      return kind === 'wgsl' ? wgslSubject(gpu, test) : textbookWgslSubject(gpu, test);
    }
  }
}

let before: Promise<void> = Promise.resolve();

process.on('message', (message) => {
  const request = runnerRequest.parse(message);
  before = before.then(async () => {
    let reply: RunnerReply;
    try {
      reply = { id: request.id, value: await answer(request) };
    } catch (error) {
      reply = { id: request.id, error: error instanceof Error ? error.message : String(error) };
    }
    process.send?.(reply);
  });
});
// Its starter is gone, or wants no more: nothing here is to be kept.
process.on('disconnect', () => process.exit(0));
