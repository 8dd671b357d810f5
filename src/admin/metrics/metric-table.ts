import type { MetricGroup } from './metric.ts';
import { mapMetrics, processMetrics } from './process-metrics.ts';
import { PROTOCOL_EVENTS, proposerMetrics } from './proposer-metrics.ts';
import { clientMetrics, commandMetrics } from './proxy-metrics.ts';
import { engineMetrics, storageMetrics, sweepMetrics } from './storage-metrics.ts';
import { workerMetrics } from './worker-metrics.ts';
import { traceMetrics } from './trace-metrics.ts';

/** Every metric there is; /metrics and docs/metrics.md are made from it. */
export const metricGroups: readonly MetricGroup[] = [
  commandMetrics,
  clientMetrics,
  workerMetrics,
  proposerMetrics,
  traceMetrics,
  storageMetrics,
  engineMetrics,
  sweepMetrics,
  mapMetrics,
  processMetrics,
];

const INTRO = `# Metrics

<!-- Written by \`npm run docs\` from src/admin/metrics; a test compares. -->

\`junokv start\`, \`junokv proxy\` and \`junokv storage\` serve HTTP with \`--http-port\` (none by default) on \`--http-host\` (this machine by
default):

| path | what it answers |
| --- | --- |
| \`/metrics\` | the metrics below, in Prometheus's text format |
| \`/healthz\` | 200: the process is alive and its event loop turns |
| \`/readyz\` | 200 if it is of use now, else 503 with the reasons, one a line |

A proxy, and a whole cluster in one process, is ready when it listens and reaches a majority of the zones for every shard; a storage node, when it votes:
its map is adopted, its disk trusted, its shards not learned again. While a process starts or stops it is not ready.

The port has neither password nor encryption, and tells nothing of keys, values or clients: keep it within the machine or a trusted network.

- All values are gathered when they are asked for, from counters that the rooms keep anyway.
- Counters start with the process. Those of commands and clients are set to zero by CONFIG RESETSTAT, too.
- A proxy of several workers (\`--workers\`) tells those of all, each sample with a label \`worker\`; see Workers.
- Labels take values from short lists: commands, node ids, zones, events. No key, value, client or user name is ever a label.
- \`deploy/prometheus/\` has a configuration and alert rules, \`deploy/grafana/\` a dashboard.
- Single commands are told by traces (\`--trace-endpoint\`, operations.md), SLOWLOG, LATENCY HISTOGRAM and the log.
`;

/** docs/metrics.md */
export function metricsPage(): string {
  const sections = metricGroups.map(({ title, intro, metrics }) => {
    const rows = metrics.map(({ name, type, labels, help }) => {
      const names = labels.map((label) => `\`${label}\``).join(', ');
      return `| \`${name}\` | ${type} | ${names} | ${help} |`;
    });
    return `## ${title}\n\n${intro}\n\n| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  const events = Object.entries(PROTOCOL_EVENTS).map(([event, meaning]) => `| \`${event}\` | ${meaning} |`);
  const protocol = `## Events of the protocol\n\n| event | meaning |\n| --- | --- |\n${events.join('\n')}\n`;
  return [INTRO, ...sections, protocol].join('\n');
}
