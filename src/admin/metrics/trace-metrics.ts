import type { MetricGroup } from './metric.ts';
import { labelled, ofProxy } from './proxy-rows.ts';

export const traceMetrics: MetricGroup = {
  title: 'Traces',
  intro: 'Of a proxy, and of one process; zero without `--trace-endpoint`.',
  metrics: [
    ofProxy(
      'counter',
      'junokv_traced_commands_total',
      'Commands that were traced.',
      ({ context }) => context.tracer?.traced ?? 0,
    ),
    labelled(
      'counter',
      'junokv_trace_spans_total',
      'Spans that the collector took (exported) or did not take (failed), and those that found no room to wait for it (dropped).',
      'result',
      ({ context }) => {
        const figures = context.tracer?.options.sink.figures;
        return [
          ['exported', figures?.exported ?? 0],
          ['failed', figures?.failed ?? 0],
          ['dropped', figures?.dropped ?? 0],
        ];
      },
    ),
    ofProxy(
      'gauge',
      'junokv_trace_spans_waiting',
      'Spans that wait for the collector.',
      ({ context }) => context.tracer?.options.sink.figures.waiting ?? 0,
    ),
  ],
};
