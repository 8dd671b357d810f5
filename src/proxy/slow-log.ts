import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { NumberRow } from './peers/number-row.ts';
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

/** An entry while it is kept: its arguments are the client's until the turn ends, then copies. */
interface KeptEntry extends SlowLogEntry {
  args: readonly Buffer[];
}

const FORGOTTEN: KeptEntry = { id: 0, unixSeconds: 0, durationUs: 0, args: [], clientAddress: '', clientName: '' };
/** Entries that were forgotten are cut off when so many have piled up. */
const COMPACT_AT = 1_024;

/**
 * Redis's slow log (SLOWLOG): the latest slow commands of this proxy. Under overload every command is slow, so only those
 * that are still kept when the turn ends have their arguments copied.
 */
export class SlowLog {
  readonly #config: RuntimeConfig;
  readonly #clock: Clock;
  /** Newest last; the kept ones begin at `#first`. */
  #entries: KeptEntry[] = [];
  #first = 0;
  /** From here on arguments are not copied yet. */
  #copied = 0;
  readonly #ids: NumberRow;
  readonly #copyNow = (): void => this.#copy();

  constructor(config: RuntimeConfig, clock: Clock, ids = new NumberRow()) {
    this.#config = config;
    this.#clock = clock;
    this.#ids = ids;
  }

  /**
   * Call for every finished command that has no skip_slowlog flag; cheap when it was fast enough. `unixMs`: now. The
   * arguments must not change before the turn ends.
   */
  record(
    args: readonly Buffer[],
    durationUs: number,
    unixMs: number,
    client: { readonly remoteAddress: string; readonly name: string },
  ): void {
    const threshold = this.#config.slowlogLogSlowerThanUs;
    if (threshold < 0 || durationUs < threshold) return;
    if (this.#copied === this.#entries.length) this.#clock.endOfTurn(this.#copyNow);
    this.#entries.push({
      // From 0, as Redis's.
      id: this.#ids.next() - 1,
      unixSeconds: Math.floor(unixMs / 1000),
      durationUs: Math.floor(durationUs),
      args,
      clientAddress: client.remoteAddress,
      clientName: client.name,
    });
    this.#forgetOldest(Math.min(this.#config.slowlogMaxLen, limits.slowLogEntries));
  }

  /** Newest first, at most `count`. */
  latest(count: number): readonly SlowLogEntry[] {
    this.#copy();
    return this.#entries.slice(Math.max(this.#first, this.#entries.length - count)).reverse();
  }

  get length(): number {
    return this.#entries.length - this.#first;
  }

  /** Ids go on counting. */
  reset(): void {
    this.#entries = [];
    this.#first = 0;
    this.#copied = 0;
  }

  #forgetOldest(maxLen: number): void {
    while (this.length > maxLen) this.#entries[this.#first++] = FORGOTTEN;
    if (this.#first < COMPACT_AT) return;
    this.#entries = this.#entries.slice(this.#first);
    this.#copied = Math.max(0, this.#copied - this.#first);
    this.#first = 0;
  }

  #copy(): void {
    for (let i = Math.max(this.#copied, this.#first); i < this.#entries.length; i++) {
      const entry = this.#entries[i];
      if (entry !== undefined) entry.args = shortenedAll(withoutSecrets(entry.args));
    }
    this.#copied = this.#entries.length;
  }
}
