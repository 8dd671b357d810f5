import { limits } from '../../base/limits.ts';
import type { ClientTls } from '../client-tls.ts';
import { parseHostAndPort } from '../host-and-port.ts';
import type { Configuration } from '../option-table.ts';
import { type CommandSet, chooseOperations, type MixShare, type Operation } from './operations.ts';
import { largestSize } from './value-sizes.ts';
import type { WorkloadOptions } from './workload.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
  /** Null: plain TCP. */
  readonly tls: ClientTls | null;
}

/** The measured part ends with `requests` (if not 0) or `durationMs`, whichever is first. */
export interface LoadTimes {
  readonly rampMs: number;
  readonly warmupMs: number;
  readonly durationMs: number;
  readonly requests: number;
}

/** What the options ask for, checked. */
export interface LoadPlan {
  readonly targets: readonly Target[];
  readonly commands: CommandSet;
  readonly requestIds: boolean;
  /** What each connection sends first: AUTH, JUNO.NAMESPACE, SELECT, as far as needed. */
  readonly greeting: readonly (readonly string[])[];
  readonly workload: WorkloadOptions;
  /** What is written beforehand, one key after the other; null: nothing. */
  readonly preload: WorkloadOptions | null;
  readonly connections: number;
  /** Requests of one connection under way at once: always (closed loop), at most (open loop). */
  readonly depth: number;
  readonly preloadDepth: number;
  /** Requests per second of an open loop; 0 for a closed one. */
  readonly rate: number;
  readonly arrival: 'poisson' | 'even';
  readonly spin: boolean;
  readonly times: LoadTimes;
  /** null: the median service time. */
  readonly expectedIntervalUs: number | null;
}

export type PlanResult =
  | { readonly ok: true; readonly plan: LoadPlan }
  | { readonly ok: false; readonly problem: string };

const DEFAULT_MIX: readonly MixShare[] = [
  { operation: 'get', weight: 90 },
  { operation: 'set', weight: 10 },
];
/** The command, options and request id; and what is around a key's prefix and a value. */
const REQUEST_OVERHEAD_BYTES = 160;
const KEY_OVERHEAD_BYTES = 48;

/** The mix that is meant where none is given. */
export function mixOf(config: Configuration): readonly MixShare[] {
  return config.mix.length === 0 ? DEFAULT_MIX : config.mix;
}

/**
 * Checks what no single option can. `durationGiven`: --duration was named, so that it counts beside --requests. `password`:
 * from --password or the file. `tls`: null for plain TCP.
 */
export function planLoad(
  config: Configuration,
  durationGiven: boolean,
  password: string,
  tls: ClientTls | null = null,
): PlanResult {
  const mix = mixOf(config);
  const operations = chooseOperations(config.commands, mix);
  if (typeof operations === 'string') return { ok: false, problem: operations };
  const workload = workloadOf(config, operations, mix);
  const problem = problemOf(config, workload, password);
  if (problem !== null) return { ok: false, problem };
  const { connections, rate, arrival, spin, requests } = config;
  const isBoundOnly = requests > 0 && !durationGiven;
  const depthByBytes = Math.max(
    1,
    Math.floor(limits.loadRequestBytes / connections / largestRequest(config, workload)),
  );
  const openDepth = Math.min(depthByBytes, Math.ceil(limits.loadOpenRequests / connections));
  return {
    ok: true,
    plan: {
      targets: config.target.flatMap((text) => {
        const address = parseHostAndPort(text);
        return address === null ? [] : [{ ...address, tls }];
      }),
      commands: config.commands,
      requestIds: config.requestIds,
      greeting: greetingOf(config, password),
      workload,
      preload: config.preload ? preloadOf(config, workload) : null,
      connections,
      depth: rate > 0 ? openDepth : config.pipeline,
      preloadDepth: Math.min(
        depthByBytes,
        limits.loadPreloadDepth,
        Math.ceil(limits.loadPreloadRequests / connections),
      ),
      rate,
      arrival,
      spin,
      times: {
        rampMs: config.ramp,
        warmupMs: config.warmup,
        durationMs: isBoundOnly ? limits.loadRequestsMaxMs : config.duration,
        requests,
      },
      expectedIntervalUs: config.expectedInterval === '' ? null : Number(config.expectedInterval) * 1_000,
    },
  };
}

function workloadOf(
  config: Configuration,
  operations: readonly Operation[],
  mix: readonly MixShare[],
): WorkloadOptions {
  return {
    operations,
    weights: mix.map(({ weight }) => weight),
    keys: config.keys,
    keyPrefix: config.keyPrefix,
    keyDistribution: config.keyDistribution,
    valueSizes: config.valueSize,
    multiKeys: config.multiKeys,
    ttlMs: config.expire,
    seed: config.seed,
  };
}

function preloadOf(config: Configuration, workload: WorkloadOptions): WorkloadOptions {
  const operations = chooseOperations(config.commands, [{ operation: 'set', weight: 1 }]);
  return {
    ...workload,
    operations: typeof operations === 'string' ? [] : operations,
    weights: [1],
    keyDistribution: { kind: 'sequential' },
  };
}

function greetingOf(config: Configuration, password: string): string[][] {
  const greeting: string[][] = [];
  if (config.username !== '') greeting.push(['AUTH', config.username, password]);
  else if (password !== '') greeting.push(['AUTH', password]);
  if (config.namespace !== '') greeting.push(['JUNO.NAMESPACE', config.namespace]);
  if (config.database !== 0) greeting.push(['SELECT', String(config.database)]);
  return greeting;
}

function problemOf(config: Configuration, workload: WorkloadOptions, password: string): string | null {
  if (config.target.length === 0) return '--target: at least one address is needed';
  if (config.username !== '' && password === '') return '--username: a password is needed as well';
  if (config.requestIds && config.commands !== 'juno') return '--request-ids: only --commands juno has them';
  if (config.keys > limits.loadKeys) return `--keys: at most ${limits.loadKeys}`;
  if (config.requests > limits.loadRequests) return `--requests: at most ${limits.loadRequests}`;
  if (config.rate > 0 && config.pipeline > 1) {
    return '--pipeline: with --rate the number under way is what the rate and the answers make it; leave one of them out';
  }
  const together = config.connections * config.pipeline * largestRequest(config, workload);
  if (together > limits.loadRequestBytes) {
    return `--connections, --pipeline, --value-size: together ${together} bytes could be on their way at once; at most ${limits.loadRequestBytes} may`;
  }
  return null;
}

/** Bytes of the largest request that can be, preloading included; an estimate from above. */
function largestRequest(config: Configuration, { operations }: WorkloadOptions): number {
  const hasMany = operations.some(({ many }) => many);
  const hasManyValues = operations.some(({ many, hasValue }) => many && hasValue);
  const hasValue = config.preload || operations.some((operation) => operation.hasValue);
  const keyBytes = (hasMany ? config.multiKeys : 1) * (Buffer.byteLength(config.keyPrefix) + KEY_OVERHEAD_BYTES);
  const valueBytes = hasValue ? largestSize(config.valueSize) * (hasManyValues ? config.multiKeys : 1) : 0;
  return keyBytes + valueBytes + REQUEST_OVERHEAD_BYTES;
}
