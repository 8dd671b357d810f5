import { type Attributes, type Context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Clock } from '../../base/clock.ts';
import { JUNOKV_VERSION } from '../../base/junokv-version.ts';
import { limits } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import type {
  FinishedTrace,
  TracedCall,
  TracedPhase,
  TraceFigures,
  TraceSink,
} from '../../proxy/tracing/finished-trace.ts';

export interface OtlpTracesOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Of a collector, for OTLP over HTTP. */
  readonly endpoint: string;
  /** Tells this proxy from others. */
  readonly instance: string;
}

/**
 * Sends finished traces to an OpenTelemetry collector with OpenTelemetry's own packages, in the background and within bounds:
 * what finds no room is dropped whole and counted. Loaded only where traces are wanted.
 */
export class OtlpTraces implements TraceSink {
  readonly #clock: Clock;
  readonly #provider: TracerProvider;
  readonly #tracer: ReturnType<TracerProvider['getTracer']>;
  #exported = 0;
  #failed = 0;
  #dropped = 0;
  #waiting = 0;

  constructor(options: OtlpTracesOptions) {
    this.#clock = options.clock;
    const exporter = new OTLPTraceExporter({ url: options.endpoint, timeoutMillis: limits.traceExportTimeMs });
    this.#provider = new TracerProvider({
      resource: resourceFromAttributes({
        'service.name': 'junokv',
        'service.version': JUNOKV_VERSION,
        'service.instance.id': options.instance,
      }),
      spanProcessors: [
        new BatchSpanProcessor({
          exporter: this.#counting(exporter, options.log),
          // Room is kept by `take`, so nothing is ever dropped there unseen.
          maxQueueSize: limits.traceSpansWaiting,
          maxExportBatchSize: limits.traceSpansPerExport,
          scheduledDelayMillis: limits.traceExportDelayMs,
          exportTimeoutMillis: limits.traceExportTimeMs,
        }),
      ],
    });
    this.#tracer = this.#provider.getTracer('junokv', JUNOKV_VERSION);
  }

  get figures(): TraceFigures {
    return { exported: this.#exported, failed: this.#failed, dropped: this.#dropped, waiting: this.#waiting };
  }

  take(finished: FinishedTrace): void {
    let spans = 1;
    for (const phase of finished.phases) spans += 1 + phase.calls.length;
    if (this.#waiting + spans > limits.traceSpansWaiting) {
      this.#dropped += spans;
      return;
    }
    this.#waiting += spans;
    const times = new Times(finished);
    const isFailure = finished.outcome !== 'ok';
    const root = this.#tracer.startSpan(
      finished.command.toUpperCase(),
      { kind: SpanKind.SERVER, startTime: times.at(finished.startMs), attributes: commandAttributes(finished) },
      ROOT_CONTEXT,
    );
    if (isFailure) root.setStatus({ code: SpanStatusCode.ERROR, message: finished.outcome });
    const within = trace.setSpan(ROOT_CONTEXT, root);
    for (const phase of finished.phases) this.#addPhase(phase, within, times);
    root.end(times.at(finished.endMs));
  }

  /** Sends what waits, for a short while; then nothing more is sent. */
  async stop(): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.after(limits.traceFlushMs, resolve);
    await Promise.race([this.#provider.shutdown().catch(() => {}), late]);
    timer.cancel();
  }

  #addPhase(phase: TracedPhase, parent: Context, times: Times): void {
    const attributes = { 'junokv.record.index': phase.record };
    const span = this.#tracer.startSpan(phase.name, { startTime: times.at(phase.startMs), attributes }, parent);
    const within = trace.setSpan(ROOT_CONTEXT, span);
    for (const call of phase.calls) {
      const options = { kind: SpanKind.CLIENT, startTime: times.at(call.sentMs), attributes: callAttributes(call) };
      const child = this.#tracer.startSpan(call.request, options, within);
      if (call.response === 'fault' || call.response === 'lost') {
        child.setStatus({ code: SpanStatusCode.ERROR, message: call.response });
      }
      child.end(times.at(call.answeredMs ?? times.endMs));
    }
    span.end(times.at(phase.endMs));
  }

  #counting(exporter: OTLPTraceExporter, log: Log): SpanExporter {
    return {
      export: (spans, done) =>
        exporter.export(spans, (result) => {
          this.#waiting -= spans.length;
          if (result.code === 0) this.#exported += spans.length;
          else {
            this.#failed += spans.length;
            log.warn({ spans: spans.length, err: result.error }, 'the collector did not take traces');
          }
          done(result);
        }),
      forceFlush: () => exporter.forceFlush(),
      shutdown: () => exporter.shutdown(),
    };
  }
}

/** Monotonic times of one trace as OpenTelemetry has them: seconds and nanoseconds since 1970. */
class Times {
  readonly endMs: number;
  readonly #offsetMs: number;

  constructor(finished: FinishedTrace) {
    this.endMs = finished.endMs;
    this.#offsetMs = finished.startedAtMs - finished.startMs;
  }

  at(monotonicMs: number): [number, number] {
    const us = Math.round((monotonicMs + this.#offsetMs) * 1_000);
    const seconds = Math.floor(us / 1_000_000);
    return [seconds, (us - seconds * 1_000_000) * 1_000];
  }
}

function commandAttributes(finished: FinishedTrace): Attributes {
  const attributes: Attributes = {
    'db.system.name': 'junokv',
    'db.operation.name': finished.command.toUpperCase(),
    'db.namespace': `${finished.namespace}/${finished.database}`,
    'junokv.outcome': finished.outcome,
    'junokv.records': finished.records,
  };
  if (finished.outcome !== 'ok') attributes['error.type'] = finished.outcome;
  if (finished.callsLeftOut > 0) attributes['junokv.calls.left_out'] = finished.callsLeftOut;
  return attributes;
}

function callAttributes(call: TracedCall): Attributes {
  return {
    'junokv.node.id': call.nodeId,
    'junokv.message.records': call.records,
    // Nobody waited for it: a majority had answered.
    'junokv.response': call.answeredMs === null ? 'none' : call.response,
  };
}
