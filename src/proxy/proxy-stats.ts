import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { CommandEntry, CommandTable } from './command-table.ts';

/** One command's line of INFO commandstats. */
export interface CommandCounters {
  /** Carried out, with whatever reply. */
  calls: number;
  /** From dispatch to reply, microseconds; it includes waiting for the cluster. */
  totalUs: number;
  /** Refused before they ran: arity, authentication, limits. */
  rejected: number;
  /** Ran and answered an error. */
  failed: number;
}

/** Totals that add up over the workers of a proxy. */
const SUMMED = [
  'totalConnections',
  'rejectedConnections',
  'tlsHandshakesFailed',
  'commandsProcessed',
  'errorReplies',
  'netInputBytes',
  'netOutputBytes',
  'keyspaceHits',
  'keyspaceMisses',
  'evictedKeys',
  'outputLimitDisconnections',
  'queryLimitDisconnections',
] as const;
/** Those of which the largest counts. */
const LARGEST = ['maxQueryBufferBytes', 'maxOutputBufferBytes'] as const;

/** All counters, as one process sends them to another. */
export interface StatsFigures {
  readonly summed: readonly number[];
  readonly largest: readonly number[];
  /** By index of the command table, those that are not all 0. */
  readonly commands: readonly (readonly [index: number, counters: CommandCounters])[];
  readonly errors: readonly (readonly [string, number])[];
  /** Of commands, of bytes in and out. */
  readonly perSecond: readonly number[];
}

/** A rate over the last samples, as Redis's instantaneous metrics. */
class Rate {
  readonly #samples: number[] = new Array<number>(limits.rateSamples).fill(0);
  #next = 0;
  #lastTotal = 0;
  #lastAtMs = 0;
  #elsewhere = 0;

  sample(total: number, nowMs: number): void {
    const elapsedMs = nowMs - this.#lastAtMs;
    const grown = Math.max(0, total - this.#lastTotal);
    if (this.#lastAtMs > 0 && elapsedMs > 0) {
      this.#samples[this.#next] = (grown * 1000) / elapsedMs;
      this.#next = (this.#next + 1) % this.#samples.length;
    }
    this.#lastTotal = total;
    this.#lastAtMs = nowMs;
  }

  perSecond(): number {
    return this.#elsewhere + this.#samples.reduce((sum, value) => sum + value, 0) / this.#samples.length;
  }

  /** The rate of somebody else, on top. */
  add(perSecond: number): void {
    this.#elsewhere += perSecond;
  }

  reset(): void {
    this.#samples.fill(0);
    this.#lastTotal = 0;
  }
}

/** Counters of one proxy: what INFO stats, commandstats and errorstats print. CONFIG RESETSTAT sets them to zero. */
export class ProxyStats {
  readonly #commands: CommandCounters[];
  readonly #errors = new Map<string, number>();
  readonly #opsRate = new Rate();
  readonly #inputRate = new Rate();
  readonly #outputRate = new Rate();

  totalConnections = 0;
  rejectedConnections = 0;
  tlsHandshakesFailed = 0;
  commandsProcessed = 0;
  errorReplies = 0;
  netInputBytes = 0;
  netOutputBytes = 0;
  keyspaceHits = 0;
  keyspaceMisses = 0;
  /** Keys that this proxy deleted to keep to maxmemory. */
  evictedKeys = 0;
  /** Connections closed because they did not read what they were sent. */
  outputLimitDisconnections = 0;
  /** Connections closed because their unparsed request outgrew its limit or the common budget. */
  queryLimitDisconnections = 0;
  /** Largest unparsed request and largest unread output that one connection held. */
  maxQueryBufferBytes = 0;
  maxOutputBufferBytes = 0;

  constructor(table: CommandTable) {
    this.#commands = table.entries.map(() => ({ calls: 0, totalUs: 0, rejected: 0, failed: 0 }));
  }

  /** The live counters of a command: the serving path adds to them. */
  of(entry: CommandEntry): CommandCounters {
    const counters = this.#commands[entry.index];
    assert(counters !== undefined, 'every command has counters');
    return counters;
  }

  /** Counts an error reply by its first word, e.g. WRONGTYPE, and returns that. `text` is the line without the dash. */
  countError(text: string): string {
    this.errorReplies += 1;
    const space = text.indexOf(' ');
    const prefix = space < 0 ? text : text.slice(0, space);
    const count = this.#errors.get(prefix);
    if (count !== undefined || this.#errors.size < limits.errorPrefixes) this.#errors.set(prefix, (count ?? 0) + 1);
    return prefix;
  }

  /** Error replies by first word, for INFO errorstats. */
  errors(): ReadonlyMap<string, number> {
    return this.#errors;
  }

  /** Takes one sample of the rates; `proxy.ts` calls it every limits.rateSampleMs. */
  sample(nowMonotonicMs: number): void {
    this.#opsRate.sample(this.commandsProcessed, nowMonotonicMs);
    this.#inputRate.sample(this.netInputBytes, nowMonotonicMs);
    this.#outputRate.sample(this.netOutputBytes, nowMonotonicMs);
  }

  opsPerSecond(): number {
    return this.#opsRate.perSecond();
  }

  inputBytesPerSecond(): number {
    return this.#inputRate.perSecond();
  }

  outputBytesPerSecond(): number {
    return this.#outputRate.perSecond();
  }

  figures(): StatsFigures {
    const used = this.#commands.map((counters, index) => [index, { ...counters }] as const);
    return {
      summed: SUMMED.map((name) => this[name]),
      largest: LARGEST.map((name) => this[name]),
      commands: used.filter(([, { calls, rejected, failed }]) => calls + rejected + failed > 0),
      errors: [...this.#errors],
      perSecond: this.#rates.map((rate) => rate.perSecond()),
    };
  }

  /** Counts what somebody else with the same commands has counted. */
  add({ summed, largest, commands, errors, perSecond }: StatsFigures): void {
    for (const [index, name] of SUMMED.entries()) this[name] += summed[index] ?? 0;
    for (const [index, name] of LARGEST.entries()) this[name] = Math.max(this[name], largest[index] ?? 0);
    for (const [index, { calls, totalUs, rejected, failed }] of commands) {
      const counters = this.#commands[index];
      assert(counters !== undefined, 'workers have the same commands');
      counters.calls += calls;
      counters.totalUs += totalUs;
      counters.rejected += rejected;
      counters.failed += failed;
    }
    for (const [prefix, count] of errors) {
      const known = this.#errors.get(prefix);
      if (known !== undefined || this.#errors.size < limits.errorPrefixes)
        this.#errors.set(prefix, (known ?? 0) + count);
    }
    for (const [index, rate] of this.#rates.entries()) rate.add(perSecond[index] ?? 0);
  }

  get #rates(): readonly Rate[] {
    return [this.#opsRate, this.#inputRate, this.#outputRate];
  }

  /** CONFIG RESETSTAT. */
  reset(): void {
    for (const counters of this.#commands) Object.assign(counters, { calls: 0, totalUs: 0, rejected: 0, failed: 0 });
    this.#errors.clear();
    for (const rate of this.#rates) rate.reset();
    for (const name of [...SUMMED, ...LARGEST]) this[name] = 0;
  }
}
