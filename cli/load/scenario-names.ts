/** What `threads load` can do. Declared apart, so that the command line need not load all that does it. */

/**
 * idle: connected, nothing to do · paced: so many round trips per second · flood: as many as are acknowledged · storm:
 * all connections end at once · churn: visitors come, go, are slow, fall silent
 */
export const SCENARIOS = ['idle', 'paced', 'flood', 'storm', 'churn'] as const;
export type Scenario = (typeof SCENARIOS)[number];

/** restart: the coordinator is told to stop, and started again · kill: it is killed · cut: connections alone break */
export const STORMS = ['restart', 'kill', 'cut'] as const;
export type Storm = (typeof STORMS)[number];
