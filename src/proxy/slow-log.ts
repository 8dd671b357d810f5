import { limits } from '../base/limits.ts';
import { withoutSecrets } from './redact.ts';
import type { RuntimeConfig } from './runtime-config.ts';

/** One command that took longer than slowlog-log-slower-than. */
export interface SlowLogEntry {
  readonly id: number;
  /** Seconds since 1970 at which it was answered. */
  readonly unixSeconds: number;
  /** From its arrival to its answer, so waiting for the cluster counts. */
  readonly durationUs: number;
  /** At most 32, each at most 128 bytes; what is cut off is said in Redis's words. */
  readonly args: readonly Buffer[];
  readonly clientAddress: string;
  readonly clientName: string;
}

function shortened(argument: Buffer): Buffer {
  const keptBytes = limits.slowLogArgumentBytes;
  if (argument.length <= keptBytes) return Buffer.from(argument);
  const more = Buffer.from(`... (${argument.length - keptBytes} more bytes)`);
  return Buffer.concat([argument.subarray(0, keptBytes), more]);
}

/** Copies: the log must not keep the large buffers that arguments are slices of. */
function shortenedAll(args: readonly Buffer[]): Buffer[] {
  const kept = limits.slowLogArguments;
  if (args.length <= kept) return args.map(shortened);
  const short = args.slice(0, kept - 1).map(shortened);
  short.push(Buffer.from(`... (${args.length - kept + 1} more arguments)`));
  return short;
}

/** Redis's slow log (SLOWLOG): the latest slow commands of this proxy. */
export class SlowLog {
  readonly #config: RuntimeConfig;
  /** Newest last. */
  #entries: SlowLogEntry[] = [];
  #nextId = 0;

  constructor(config: RuntimeConfig) {
    this.#config = config;
  }

  /** Call for every finished command that has no skip_slowlog flag; cheap when it was fast enough. `unixMs`: now. */
  record(
    args: readonly Buffer[],
    durationUs: number,
    unixMs: number,
    client: { readonly remoteAddress: string; readonly name: string },
  ): void {
    const threshold = this.#config.slowlogLogSlowerThanUs;
    if (threshold < 0 || durationUs < threshold) return;
    this.#entries.push({
      id: this.#nextId++,
      unixSeconds: Math.floor(unixMs / 1000),
      durationUs: Math.floor(durationUs),
      args: shortenedAll(withoutSecrets(args)),
      clientAddress: client.remoteAddress,
      clientName: client.name,
    });
    const maxLen = Math.min(this.#config.slowlogMaxLen, limits.slowLogEntries);
    if (this.#entries.length > maxLen) this.#entries.splice(0, this.#entries.length - maxLen);
  }

  /** Newest first, at most `count`. */
  latest(count: number): readonly SlowLogEntry[] {
    return this.#entries.slice(Math.max(0, this.#entries.length - count)).reverse();
  }

  get length(): number {
    return this.#entries.length;
  }

  /** Ids go on counting. */
  reset(): void {
    this.#entries = [];
  }
}
