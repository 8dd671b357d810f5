import type { Clock } from '../base/clock.ts';
import { limits as bounds } from '../base/limits.ts';
import type { NamespaceGroup, NamespaceLimits } from '../cluster/map.ts';
import { LIMIT_NAMES } from '../cluster/namespace-groups.ts';
import { valueSizeBytes } from '../quorum/apply-change.ts';
import type { Change, RunContext, Step, StepResult } from '../quorum/operation.ts';
import type { LiveRecord } from '../record/state.ts';
import { ErrorReply, type Reply } from '../resp/reply.ts';
import type { CommandRow, KeyedStep, MultiStep } from './command.ts';
import { requestSize } from './pending-command.ts';
import { TokenBucket } from './token-bucket.ts';

/** Says no for a limit; a type of its own, so that no reply made of several parts loses it. */
export class LimitReply extends ErrorReply {}

/** The limits of one namespace group, as one proxy holds its clients to them. */
export class NamespaceGate {
  readonly #name: string;
  readonly #limits: NamespaceLimits;
  readonly #clock: Clock;
  readonly #requests: TokenBucket | null;
  readonly #bytes: TokenBucket | null;
  readonly #limitsRecords: boolean;
  readonly #tooManyRequests: ErrorReply;
  readonly #tooManyBytes: ErrorReply;
  /** What was asked for since the last `takeDemand`. */
  #requestsAsked = 0;
  #bytesAsked = 0;

  /** `before`: the gate that this one takes the place of, or null. `share`: the part of the rates that is for this worker. */
  constructor(group: NamespaceGroup, clock: Clock, before: NamespaceGate | null, share = 1) {
    const { name, limits } = group;
    const { requestsPerSecond, bytesPerSecond, ...records } = limits;
    const nowMs = clock.monotonicMs();
    this.#name = name;
    this.#limits = limits;
    this.#clock = clock;
    this.#requests =
      requestsPerSecond === 0
        ? null
        : new TokenBucket(requestsPerSecond, nowMs, before === null ? null : before.#requests, share);
    this.#bytes =
      bytesPerSecond === 0
        ? null
        : new TokenBucket(bytesPerSecond, nowMs, before === null ? null : before.#bytes, share);
    this.#limitsRecords = Object.values(records).some((limit) => limit !== 0);
    this.#tooManyRequests = overRate(name, `${requestsPerSecond} requests/s`);
    this.#tooManyBytes = overRate(name, `${bytesPerSecond} bytes/s`);
  }

  /** Whether this is the gate for the group as it is now. */
  isFor({ name, limits }: NamespaceGroup): boolean {
    return name === this.#name && LIMIT_NAMES.every((limit) => limits[limit] === this.#limits[limit]);
  }

  /** What a record gets that is created without an expiry, milliseconds; 0: none. */
  get defaultTtlMs(): number {
    return this.#limits.defaultTtlMs === 0 ? this.#limits.maxTtlMs : this.#limits.defaultTtlMs;
  }

  /** Counts a command against the rates; null, or why it must not start. */
  admit(args: readonly Buffer[]): ErrorReply | null {
    const requests = this.#requests;
    const bytes = this.#bytes;
    if (requests === null && bytes === null) return null;
    const nowMs = this.#clock.monotonicMs();
    this.#requestsAsked += 1;
    if (requests !== null && !requests.has(1, nowMs)) return this.#tooManyRequests;
    if (bytes !== null) {
      const size = requestSize(args);
      this.#bytesAsked += size;
      if (size > bytes.perSecond) {
        return this.#refusal(`the command has ${size} bytes`, `${bytes.perSecond} bytes/s on this proxy`);
      }
      if (!bytes.has(size, nowMs)) return this.#tooManyBytes;
      bytes.take(size);
    }
    requests?.take(1);
    return null;
  }

  /** What clients have asked for of its rates since the last call; null: it has none. */
  takeDemand(): { readonly requests: number; readonly bytes: number } | null {
    const demand = { requests: this.#requestsAsked, bytes: this.#bytesAsked };
    this.#requestsAsked = 0;
    this.#bytesAsked = 0;
    return this.#requests === null && this.#bytes === null ? null : demand;
  }

  /** The parts of the rates that are for this worker. */
  setShares(requests: number, bytes: number): void {
    const nowMs = this.#clock.monotonicMs();
    this.#requests?.setShare(requests, nowMs);
    this.#bytes?.setShare(bytes, nowMs);
  }

  /** The step, held to the limits of records. */
  limitStep(key: Buffer, step: Step<Reply>): Step<Reply> {
    return this.#limitsRecords && step.access === 'write' ? new LimitedStep(this, key, step) : step;
  }

  /**
   * The same for a command over several keys. What its arguments show to be too large is refused as a whole; a key
   * refused later, by what its record is, makes the whole command answer that.
   */
  limitSteps(row: CommandRow, args: readonly Buffer[], multi: MultiStep): MultiStep | ErrorReply {
    if (!this.#limitsRecords || !row.flags.includes('write')) return multi;
    if (row.keys?.step === 2) {
      const problem = this.#pairsProblem(args, row.keys.first);
      if (problem !== null) return problem;
    }
    return {
      steps: multi.steps.map(({ key, step }): KeyedStep => ({ key, step: this.limitStep(key, step) })),
      combine: (replies) => replies.find((reply) => reply instanceof LimitReply) ?? multi.combine(replies),
    };
  }

  /** The result of a step, or why its change is not made. */
  limited(key: Buffer, record: LiveRecord | null, result: StepResult<Reply>, nowMs: number): StepResult<Reply> {
    const { change } = result;
    if (change === null || change.kind === 'delete') return result;
    const problem =
      (change.kind === 'put' ? this.#sizeProblem(key.length, valueSizeBytes(change.value)) : null) ??
      this.#expiryProblem(record, change, nowMs);
    if (problem !== null) return { reply: problem, change: null };
    const { defaultTtlMs } = this;
    const isNew = record === null || record.expiresAtMs !== 0;
    if (change.kind === 'expire' || change.expiresAtMs !== 0 || !isNew || defaultTtlMs === 0) return result;
    return {
      reply: result.reply,
      change: { ...change, expiresAtMs: Math.min(nowMs + defaultTtlMs, bounds.maxExpiresAtMs) },
    };
  }

  #pairsProblem(args: readonly Buffer[], first: number): ErrorReply | null {
    for (let i = first; i + 1 < args.length; i += 2) {
      const problem = this.#sizeProblem(args[i]?.length ?? 0, args[i + 1]?.length ?? 0);
      if (problem !== null) return problem;
    }
    return null;
  }

  #sizeProblem(keyBytes: number, valueBytes: number): ErrorReply | null {
    const { maxKeyBytes, maxValueBytes } = this.#limits;
    if (maxKeyBytes !== 0 && keyBytes > maxKeyBytes) {
      return this.#refusal(`the key has ${keyBytes} bytes`, `${maxKeyBytes}`);
    }
    if (maxValueBytes !== 0 && valueBytes > maxValueBytes) {
      return this.#refusal(`the value has ${valueBytes} bytes`, `${maxValueBytes}`);
    }
    return null;
  }

  /** An expiry that the record has already may stay. */
  #expiryProblem(record: LiveRecord | null, change: Change, nowMs: number): ErrorReply | null {
    const { maxTtlMs } = this.#limits;
    if (maxTtlMs === 0 || change.kind === 'delete' || change.expiresAtMs === record?.expiresAtMs) return null;
    if (change.kind === 'expire' && change.expiresAtMs === 0) {
      return this.#refusal('the key would never expire', `a time to live of ${maxTtlMs} ms`);
    }
    const ttlMs = change.expiresAtMs - nowMs;
    if (ttlMs <= maxTtlMs) return null;
    return this.#refusal(`the time to live is ${ttlMs} ms`, `${maxTtlMs}`);
  }

  #refusal(what: string, allowed: string): LimitReply {
    return new LimitReply(`BADPARAM ${what}; namespace ${this.#name} allows at most ${allowed}`);
  }
}

function overRate(name: string, rate: string): ErrorReply {
  return new ErrorReply(
    `BUSY namespace ${name} is over its limit of ${rate} on this proxy. Nothing was changed; try again later`,
  );
}

class LimitedStep implements Step<Reply> {
  readonly access: Step<Reply>['access'];
  readonly needs: Step<Reply>['needs'];
  readonly #gate: NamespaceGate;
  readonly #key: Buffer;
  readonly #step: Step<Reply>;

  constructor(gate: NamespaceGate, key: Buffer, step: Step<Reply>) {
    this.access = step.access;
    this.needs = step.needs;
    this.#gate = gate;
    this.#key = key;
    this.#step = step;
  }

  run(record: LiveRecord | null, context: RunContext): StepResult<Reply> {
    return this.#gate.limited(this.#key, record, this.#step.run(record, context), context.nowMs);
  }
}
