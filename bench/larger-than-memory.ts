import { statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { type Figures, type Summary, summarise } from './figures.ts';
import { fillKeys } from './fill.ts';
import { runLoad } from './load-client.ts';
import { inTurns, measured, progress } from './measure.ts';
import { type MemoryCgroup, makeMemoryCgroup } from './memory-cgroup.ts';
import type { BenchOptions } from './options.ts';
import type { Form } from './rows.ts';
import { type SystemName, startSystem } from './systems.ts';

/** GETs of data that do not fit into the memory which the processes are given, beside GETs of few of them, which do. */
export interface MemorySpec {
  readonly id: string;
  readonly title: string;
  readonly system: SystemName;
  readonly form: Form;
}

export const MEMORY_ROWS: readonly MemorySpec[] = [
  { id: 'memory-get', title: 'GET, larger than memory', system: 'junokv', form: 'full' },
  { id: 'memory-get-separate', title: 'GET, larger than memory', system: 'junokv-separate', form: 'full' },
];

const VALUE_BYTES = 1_000;
/** Bytes of values for each byte of memory. */
const VALUES_PER_LIMIT = 2;
/** Three replicas, with room for files that are being merged. */
const DISK_PER_VALUES = 8;
const CACHED_KEYS = 10_000;
const PIPELINES = [1, 16] as const;
const CONNECTIONS = 50;

export interface MemoryResult {
  readonly id: string;
  readonly title: string;
  readonly system: SystemName;
  readonly limitBytes: number;
  readonly valuesBytes: number;
  /** The most memory that the processes used, with cached files; null where the system does not say. */
  readonly peakBytes: number | null;
  readonly runs: readonly {
    readonly pipeline: number;
    /** GETs of a few keys, again and again. */
    readonly cached: Summary;
    /** GETs of all keys. */
    readonly all: Summary;
  }[];
}

/** Why this cannot be measured on this machine comes back as `skipped`. */
export async function measureLargerThanMemory(
  spec: MemorySpec,
  options: BenchOptions,
): Promise<MemoryResult | { readonly skipped: string }> {
  const valuesBytes = VALUES_PER_LIMIT * options.memoryLimitBytes;
  const disk = statfsSync(tmpdir());
  if (disk.bavail * disk.bsize < DISK_PER_VALUES * valuesBytes) {
    return { skipped: `${spec.id}: there is too little room for temporary files` };
  }
  const cgroup = makeMemoryCgroup(options.memoryLimitBytes);
  if ('problem' in cgroup) return { skipped: `${spec.id}: ${cgroup.problem}` };
  try {
    return await measureWithin(cgroup, spec, valuesBytes, options);
  } catch (error) {
    if (cgroup.killed() === 0) throw error;
    throw new Error(`${spec.system} used more memory than it was given and was killed`, { cause: error });
  } finally {
    await cgroup.remove();
  }
}

async function measureWithin(
  cgroup: MemoryCgroup,
  spec: MemorySpec,
  valuesBytes: number,
  options: BenchOptions,
): Promise<MemoryResult> {
  const system = await startSystem(spec.system, { launcher: cgroup.launcher });
  try {
    const keys = Math.floor(valuesBytes / VALUE_BYTES);
    console.error(`${spec.id}: filling ${spec.system} with ${keys} keys of ${VALUE_BYTES} bytes`);
    await fillKeys(system.endpoints, keys, VALUE_BYTES);
    const { endpoints } = system;
    const load = { endpoints, operation: 'GET', valueBytes: VALUE_BYTES, keyPattern: 'uniform' } as const;
    const runs: { pipeline: number; cached: Summary; all: Summary }[] = [];
    for (const pipeline of PIPELINES) {
      const more = { pipeline, connections: CONNECTIONS, waitForReplica: false, durationMs: options.runMs };
      const kinds = [CACHED_KEYS, keys].map((drawn) => ({ drawn, figures: [] as Figures[] }));
      for (const { drawn } of kinds) {
        await runLoad({ ...load, ...more, keys: drawn, durationMs: options.warmUpMs });
      }
      for (let round = 0; round < options.rounds; round++) {
        for (const { drawn, figures } of inTurns(kinds, round)) {
          const result = await measured(system, options, () => runLoad({ ...load, ...more, keys: drawn }));
          figures.push(result);
          progress(`${spec.id}, pipeline ${pipeline}, ${drawn} of ${keys} keys, round ${round + 1}`, result);
        }
      }
      const [cached, all] = kinds.map(({ figures }) => summarise(figures));
      if (cached !== undefined && all !== undefined) runs.push({ pipeline, cached, all });
    }
    const { id, title } = spec;
    const limitBytes = options.memoryLimitBytes;
    return { id, title, system: spec.system, limitBytes, valuesBytes, peakBytes: cgroup.peakBytes(), runs };
  } finally {
    await system.stop();
  }
}
