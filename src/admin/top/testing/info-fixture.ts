import { type ProxyReading, proxyReading } from '../reading.ts';

/** What INFO says beside its nodes; only what a test cares about need be named. */
export interface InfoFixture {
  readonly atMs: number;
  readonly runId?: string;
  readonly fields?: Readonly<Record<string, string | number>>;
  readonly commands?: Readonly<Record<string, { calls: number; usec: number; failed?: number; rejected?: number }>>;
  readonly latency?: Readonly<Record<string, readonly (readonly [number, number])[]>>;
  readonly nodes?: readonly string[];
  readonly seen?: Readonly<Record<number, string>>;
}

/** A reading of a cluster of three zones, by way of INFO's text and LATENCY HISTOGRAM's answer. */
export function readingOf(fixture: InfoFixture): ProxyReading {
  const { atMs, runId = 'a'.repeat(40), fields = {}, commands = {}, latency = {}, nodes = [], seen = {} } = fixture;
  const all: Record<string, string | number> = {
    run_id: runId,
    junokv_version: '0.1.0',
    uptime_in_seconds: 90,
    cluster_id: '00112233445566778899aabbccddeeff',
    map_epoch: 7,
    zones: 3,
    shards: 1024,
    moving_shards: 0,
    shards_to_move: 0,
    sweep_oldest_ms: 12_000,
    ...fields,
  };
  const lines = ['# Server', ...Object.entries(all).map(([name, value]) => `${name}:${value}`), '', '# Commandstats'];
  for (const [name, { calls, usec, failed = 0, rejected = 0 }] of Object.entries(commands)) {
    const counts = `calls=${calls},usec=${usec},usec_per_call=0.00,rejected_calls=${rejected},failed_calls=${failed}`;
    lines.push(`cmdstat_${name}:${counts}`);
  }
  lines.push(...nodes.map((text, index) => `node${index + 1}:${text}`));
  lines.push(...Object.entries(seen).map(([id, text]) => `seen_node${id}:${text}`));
  const histogram = Object.entries(latency).flatMap(([name, pairs]) => [
    name,
    ['calls', pairs.at(-1)?.[1] ?? 0, 'histogram_usec', pairs.flat()],
  ]);
  return proxyReading(lines.join('\r\n'), histogram, atMs);
}

/** As INFO describes a storage node that answers. */
export function nodeText(zone: number, more = 'corrupt_records=0,data_bytes=1610612736,unsynced_ms=120'): string {
  return `zone=zone${zone},address=10.0.0.${zone}:7001,up=1,${more}`;
}

export function seenText(latencyMs: number, suspect = 0): string {
  return `suspect=${suspect},latency_ms=${latencyMs.toFixed(2)},deviation_ms=0.10,suspicions=${suspect}`;
}
