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

/** A rate over the last samples, as Redis's instantaneous metrics. */
class Rate {
  readonly #samples: number[] = new Array<number>(limits.rateSamples).fill(0);
  #next = 0;
  #lastTotal = 0;
  #lastAtMs = 0;

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
    return this.#samples.reduce((sum, value) => sum + value, 0) / this.#samples.length;
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

  /** CONFIG RESETSTAT. */
  reset(): void {
    for (const counters of this.#commands) Object.assign(counters, { calls: 0, totalUs: 0, rejected: 0, failed: 0 });
    this.#errors.clear();
    for (const rate of [this.#opsRate, this.#inputRate, this.#outputRate]) rate.reset();
    this.totalConnections = 0;
    this.rejectedConnections = 0;
    this.tlsHandshakesFailed = 0;
    this.commandsProcessed = 0;
    this.errorReplies = 0;
    this.netInputBytes = 0;
    this.netOutputBytes = 0;
    this.keyspaceHits = 0;
    this.keyspaceMisses = 0;
    this.outputLimitDisconnections = 0;
    this.queryLimitDisconnections = 0;
    this.maxQueryBufferBytes = 0;
    this.maxOutputBufferBytes = 0;
  }
}
