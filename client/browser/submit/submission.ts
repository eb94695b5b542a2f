/** From a filled-in form to one job, however often somebody clicks. */
import { useRef, useState } from 'preact/hooks';
import { api, ApiError } from '../api/api.ts';
import type { Problems, Reading } from './reading.ts';
import { problemsOfApi } from './reading.ts';

interface State {
  /** editing: nothing is on its way. */
  readonly phase: 'editing' | 'sending' | 'done';
  /** Fields whose problems are shown: left, or sent, once. */
  readonly shown: ReadonlySet<string>;
  /** What the API refused, until that field is edited. */
  readonly refused: Problems;
  /** What concerns no field. */
  readonly message: string | undefined;
  readonly jobId: string | undefined;
}

const START: State = {
  phase: 'editing',
  shown: new Set(),
  refused: new Map(),
  message: undefined,
  jobId: undefined,
};

/** The second click of a double one asks for nothing more. */
const DOUBLE_CLICK_MS = 700;

export interface Submission extends State {
  problem(field: string): string | undefined;
  edited(field: string): void;
  left(field: string): void;
  /** @returns false if a field is wrong: nothing was sent */
  send(): boolean;
  /** The next one is another job, even if nothing is changed. */
  again(): void;
}

export function useSubmission(reading: Reading, onSubmitted: (jobId: string) => void): Submission {
  const [state, setState] = useState(START);
  const sending = useRef(false);
  const keyed = useRef({ body: '', key: '' });
  const doneAt = useRef(0);

  async function post(): Promise<void> {
    if (reading.problems !== undefined) return;
    sending.current = true;
    setState((was) => ({ ...was, phase: 'sending', message: undefined, refused: new Map() }));
    // The key belongs to what was filled in: a click too many, or a try after a lost answer, finds the same job.
    const body = JSON.stringify(reading.body);
    if (keyed.current.body !== body) keyed.current = { body, key: newKey() };
    try {
      const { job_id } = await api.submit(reading.body, keyed.current.key);
      doneAt.current = performance.now();
      setState((was) => ({ ...was, phase: 'done', jobId: job_id }));
      onSubmitted(job_id);
    } catch (error) {
      const refused = error instanceof ApiError ? problemsOfApi(error.fields) : new Map<string, string>();
      const said = error instanceof ApiError ? error.message : 'The job could not be submitted. Try again.';
      setState((was) => ({
        ...was,
        phase: 'editing',
        refused,
        message: refused.size > 0 ? undefined : said,
      }));
    } finally {
      sending.current = false;
    }
  }

  return {
    ...state,
    problem(field) {
      const own = state.shown.has(field) ? reading.problems?.get(field) : undefined;
      return own ?? state.refused.get(field);
    },
    edited(field) {
      setState((was) => ({
        ...was,
        phase: was.phase === 'done' ? 'editing' : was.phase,
        jobId: undefined,
        message: undefined,
        refused: new Map([...was.refused].filter(([name]) => name !== field)),
      }));
    },
    left(field) {
      if (!state.shown.has(field)) setState((was) => ({ ...was, shown: new Set([...was.shown, field]) }));
    },
    send() {
      if (reading.problems !== undefined) {
        const wrong = reading.problems;
        setState((was) => ({ ...was, shown: new Set([...was.shown, ...wrong.keys()]) }));
        return false;
      }
      if (!sending.current && state.phase !== 'done') void post();
      return true;
    },
    again() {
      if (performance.now() - doneAt.current < DOUBLE_CLICK_MS) return;
      keyed.current = { body: '', key: '' };
      setState(START);
    },
  };
}

/** randomUUID() is missing at addresses that are no secure context. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(16)).join('-');
}
