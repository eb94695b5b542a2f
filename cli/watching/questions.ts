/** The questions that the report asks, in PromQL. `w` is the time that it looks at, as PromQL writes it: `3600s`. */

export function questions(w: string) {
  return {
    units: `sum by (type, kind) (increase(cluster_units_total[${w}]))`,
    batches: `sum by (type, kind) (increase(cluster_batches_total{outcome="accepted"}[${w}]))`,
    // A result whose job is over meanwhile was nobody's fault.
    outcomes: `sum by (outcome) (increase(cluster_batches_total{outcome!="lease_superseded"}[${w}]))`,
    leases_ended: `sum by (how) (increase(cluster_leases_ended_total[${w}]))`,
    busy: `avg by (node_id) (avg_over_time(worker_busy_fraction[${w}]))`,
    kinds: `max by (node_id, kind) (max_over_time(worker_info[${w}]))`,
    present: 'max by (node_id) (worker_connected)',
    expected: 'max(cluster_workers_expected)',
    connected: `sum by (whose) (avg_over_time(cluster_connected_workers[${w}]))`,
    volunteers_busy: `sum(avg_over_time(cluster_busy_workers{whose="volunteer"}[${w}]))`,
    waiting: `sum(avg_over_time(cluster_queue_depth{of="jobs"}[${w}]))`,
    running: `sum(avg_over_time(cluster_jobs_by_status{status="running"}[${w}]))`,
    coordinator_memory: `max(max_over_time(process_resident_memory_bytes{job="coordinator"}[${w}]))`,
    coordinator_limit: 'max(cluster_memory_limit_bytes)',
    worker_memory: `max by (instance) (max_over_time(worker_memory_bytes[${w}]))`,
    worker_limits: 'max by (instance) (worker_memory_limit_bytes)',
    worker_places: 'max by (instance, node_id) (worker_info)',
    disk_free: 'min(cluster_data_free_bytes)',
    disk_total: 'min(cluster_data_total_bytes)',
    http_by_status: `sum by (status) (increase(cluster_http_request_seconds_count[${w}]))`,
    fired: `sum by (alertname) (count_over_time(ALERTS{alertstate="firing"}[${w}]))`,
  } as const;
}

export type Question = keyof ReturnType<typeof questions>;

/** When the coordinator was first seen, in Unix seconds; asked in steps, the finest that Prometheus allows in a subquery. */
export function firstSeenQuestion(seconds: number): string {
  const step = Math.max(1, Math.ceil(seconds / MOST_STEPS));
  return `min(min_over_time(timestamp(cluster_sockets)[${seconds}s:${step}s]))`;
}

const MOST_STEPS = 5000;

export const HISTOGRAMS = {
  http: { metric: 'cluster_http_request_seconds', by: [] },
  commits: { metric: 'cluster_commit_seconds', by: [] },
  batch_compute: { metric: 'cluster_batch_compute_seconds', by: ['kind'] },
} as const;
export type Histogram = (typeof HISTOGRAMS)[keyof typeof HISTOGRAMS];

/** How many observations, and the values below which half of them lie, nine in ten, and ninety-nine in a hundred. */
export function latencyQuestions({ metric, by }: Histogram, w: string) {
  const labels = ['le', ...by].join(', ');
  const quantile = (share: number) =>
    `histogram_quantile(${share}, sum by (${labels}) (increase(${metric}_bucket[${w}])))`;
  return {
    count: `sum by (${by.join(', ')}) (increase(${metric}_count[${w}]))`,
    p50: quantile(0.5),
    p90: quantile(0.9),
    p99: quantile(0.99),
  } as const;
}
