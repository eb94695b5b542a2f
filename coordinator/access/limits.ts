/** What may be done how often, by default. Declared apart, so that the command line need not load the coordinator. */

/** What is counted: HTTP requests, jobs submitted, workers connecting, messages of workers. */
export const COUNTED = ['requests', 'submits', 'connects', 'messages'] as const;
export type Counted = (typeof COUNTED)[number];

/** Per second, by key or else by address; 0: without limit; undefined: the default, which spares loopback callers. */
export type Rates = Readonly<Record<Counted, number | undefined>>;

export const DEFAULT_RATES = {
  requests: 50,
  submits: 20,
  connects: 10,
  messages: 1000,
} as const satisfies Rates;

/** A bucket holds so many seconds of its rate: a page that opens asks for thirty files at once. */
export const BURST_SECONDS = 10;

export const DEFAULT_CONNECTIONS_PER_ADDRESS = 256;
