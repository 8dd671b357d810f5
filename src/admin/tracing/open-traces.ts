import { storedAs } from '../../cluster/databases.ts';
import type { ClusterMap } from '../../cluster/map.ts';
import type { RecordIdHasher } from '../../crypto/record-id.ts';
import { CommandTracer } from '../../proxy/tracing/command-tracer.ts';
import { TracedTransport } from '../../proxy/tracing/traced-transport.ts';
import type { Transport } from '../../rpc/transport.ts';
import type { Configuration } from '../option-table.ts';
import type { ProcessParts } from '../running.ts';

/** The tracing of a proxy's commands; where it is off, nothing but what was given. */
export interface Traces {
  readonly tracer: CommandTracer | null;
  /** For all that asks storage nodes. */
  readonly transport: Transport;
  /** Sends what is left. */
  stop(): Promise<void>;
}

/** As `--trace-endpoint` says. `ids` and `map` make record ids of keys; `instance` tells this proxy from others. */
export async function openTraces(
  config: Pick<Configuration, 'traceEndpoint' | 'traceSample'>,
  transport: Transport,
  ids: RecordIdHasher,
  map: () => ClusterMap,
  instance: string,
  parts: Pick<ProcessParts, 'clock' | 'random' | 'log'>,
): Promise<Traces> {
  if (config.traceEndpoint === '') return { tracer: null, transport, stop: () => Promise.resolve() };
  // Some megabytes of code that nobody else needs.
  const { OtlpTraces } = await import('./otlp-traces.ts');
  const { clock, random, log } = parts;
  const sink = new OtlpTraces({ clock, log, endpoint: config.traceEndpoint, instance });
  const recordIdOf = (namespace: number, key: Buffer): string => {
    const stored = storedAs(map(), namespace);
    return ids.recordId(stored, map().namespaces[stored]?.generation ?? 0, key);
  };
  const tracer = new CommandTracer({ clock, random, sink, every: 1 / config.traceSample, map, recordIdOf });
  return { tracer, transport: new TracedTransport(transport, tracer), stop: () => sink.stop() };
}
