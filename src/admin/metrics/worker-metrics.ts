import { type MetricGroup, single } from './metric.ts';

export const workerMetrics: MetricGroup = {
  title: 'Workers',
  intro:
    'Of a proxy with `--workers` above 1, where every sample of every metric has the label `worker`: 0 is the process that has the ports and serves nobody itself, 1 and so on are those that serve. A worker that takes the place of another one begins at zero under the same label, which rate() understands; so sum over `worker` after rate(), not before. These here are those of process 0, but for the lines of MONITOR, which all tell.',
  metrics: [
    single('gauge', 'junokv_workers', 'Workers that there should be.', ({ workers }) => workers?.workers ?? null),
    single('gauge', 'junokv_workers_serving', 'Workers that serve now.', ({ workers }) => workers?.ready ?? null),
    single(
      'counter',
      'junokv_worker_restarts_total',
      'Workers that took the place of one that had ended.',
      ({ workers }) => workers?.restarts ?? null,
    ),
    single(
      'counter',
      'junokv_worker_unanswered_total',
      'Answers of workers that did not come in time: a reply, such as that of CLIENT LIST, or a collection of metrics lacks them.',
      ({ workers }) => workers?.unanswered ?? null,
    ),
    single(
      'counter',
      'junokv_worker_refused_connections_total',
      'Connections that were closed unanswered, as no worker could take them.',
      ({ workers }) => workers?.refused ?? null,
    ),
    single(
      'counter',
      'junokv_monitor_lines_dropped_total',
      'Lines that MONITOR clients of other workers did not get, as there were too many.',
      ({ monitorLinesDropped }) => monitorLinesDropped,
    ),
  ],
};
