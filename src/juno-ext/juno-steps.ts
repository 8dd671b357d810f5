import { limits } from '../base/limits.ts';
import { isString, stringReply } from '../proxy/values/string-value.ts';
import { versionAfterPut } from '../quorum/apply-change.ts';
import type { RunContext, Step, StepResult } from '../quorum/operation.ts';
import { stringFromBytes } from '../record/paged-string.ts';
import { findRequest, mayBeForgotten } from '../record/request-history.ts';
import { type LiveRecord, RequestAction, type RequestRecord } from '../record/state.ts';
import { type ErrorReply, OK, type Reply, WRONGTYPE } from '../resp/reply.ts';
import type { JunoOptions } from './juno-options.ts';
import {
  contextReply,
  duplicateKey,
  forgottenRequest,
  NOKEY,
  OTHER_OPERATION,
  repeatedContextReply,
  requestIdOf,
  versionConflict,
} from './juno-replies.ts';

function unchanged(reply: Reply): StepResult<Reply> {
  return { reply, change: null };
}

/** JUNO.* commands know strings only; the other types of Redis are none of theirs. */
export function wrongType(record: LiveRecord | null): ErrorReply | null {
  return record === null || isString(record) ? null : WRONGTYPE;
}

/** Null unless the record is of another version, or another incarnation, than the options ask for. */
function conflict(record: LiveRecord, options: JunoOptions): ErrorReply | null {
  const { recordVersion, creationTimeMs } = options;
  if (recordVersion === null) return null;
  const isSame =
    record.recordVersion === recordVersion && record.creationTimeMs === (creationTimeMs ?? record.creationTimeMs);
  return isSame ? null : versionConflict(record);
}

/** TTLs only grow; a record that never expires stays so. `defaultTtlMs` is for one that is created without. */
function grownExpiry(record: LiveRecord | null, ttlMs: number, defaultTtlMs: number, nowMs: number): number {
  const givenMs = record === null && ttlMs === 0 ? defaultTtlMs : ttlMs;
  const oldMs = record?.expiresAtMs ?? 0;
  if (givenMs === 0 || (record !== null && oldMs === 0)) return oldMs;
  return Math.max(oldMs, Math.min(nowMs + givenMs, limits.maxExpiresAtMs));
}

/** The value with its context, and with a TTL a longer life. */
export class JunoGetStep implements Step<Reply> {
  readonly access: 'read' | 'write';
  readonly needs = 'value';
  readonly #ttlMs: number;

  constructor(ttlMs: number) {
    this.access = ttlMs === 0 ? 'read' : 'write';
    this.#ttlMs = ttlMs;
  }

  run(record: LiveRecord | null, { nowMs, pages }: RunContext): StepResult<Reply> {
    if (record === null) return unchanged(null);
    if (!isString(record)) return unchanged(WRONGTYPE);
    const expiresAtMs = grownExpiry(record, this.#ttlMs, 0, nowMs);
    const { recordVersion, creationTimeMs, lastModifiedMs } = record;
    const context = { recordVersion, creationTimeMs, lastModifiedMs, expiresAtMs, requestId: requestIdOf(record) };
    const reply = contextReply(context, nowMs, [['value', stringReply(record, pages)]]);
    return { reply, change: expiresAtMs === record.expiresAtMs ? null : { kind: 'expire', expiresAtMs } };
  }
}

/** What the writes have in common: a request that was carried out before is answered, and nothing is done. */
abstract class RequestStep implements Step<Reply> {
  readonly access = 'write';
  readonly needs = 'meta';
  protected readonly options: JunoOptions;

  constructor(options: JunoOptions) {
    this.options = options;
  }

  run(record: LiveRecord | null, context: RunContext): StepResult<Reply> {
    const { requestId } = this.options;
    if (requestId !== undefined) {
      const entry = findRequest(context.past.requests, requestId);
      if (entry !== null) return unchanged(this.repeat(entry) ?? OTHER_OPERATION);
      if (mayBeForgotten(context.past, requestId, context.nowMs)) return unchanged(forgottenRequest(record));
    }
    const refusal = wrongType(record) ?? this.refuse(record);
    return refusal === null ? this.write(record, context) : unchanged(refusal);
  }

  /** What the first one answered; null if that was another operation. */
  protected abstract repeat(entry: RequestRecord): Reply | null;
  protected abstract refuse(record: LiveRecord | null): ErrorReply | null;
  protected abstract write(record: LiveRecord | null, context: RunContext): StepResult<Reply>;
}

abstract class JunoPutStep extends RequestStep {
  readonly #bytes: Buffer;
  readonly #defaultTtlMs: number;

  /** `bytes` is kept by reference; `defaultTtlMs` 0 = none. */
  constructor(bytes: Buffer, options: JunoOptions, defaultTtlMs: number) {
    super(options);
    this.#bytes = bytes;
    this.#defaultTtlMs = defaultTtlMs;
  }

  protected write(record: LiveRecord | null, { nowMs, pages, past }: RunContext): StepResult<Reply> {
    const { ttlMs, requestId } = this.options;
    const expiresAtMs = grownExpiry(record, ttlMs, this.#defaultTtlMs, nowMs);
    const version = versionAfterPut(record, past, nowMs);
    const context = { ...version, lastModifiedMs: nowMs, expiresAtMs, requestId: requestId ?? null };
    const put = { kind: 'put', value: stringFromBytes(this.#bytes, pages), expiresAtMs } as const;
    return {
      reply: contextReply(context, nowMs, [], this.outcome(record === null)),
      change: requestId === undefined ? put : { ...put, requestId },
    };
  }

  /** Further entries of the reply. */
  protected outcome(_created: boolean): readonly (readonly [Reply, Reply])[] {
    return [];
  }
}

export class JunoCreateStep extends JunoPutStep {
  protected repeat(entry: RequestRecord): Reply | null {
    return entry.action === RequestAction.created ? repeatedContextReply(entry) : null;
  }

  protected refuse(record: LiveRecord | null): ErrorReply | null {
    return record === null ? null : duplicateKey(record);
  }
}

export class JunoUpdateStep extends JunoPutStep {
  protected repeat(entry: RequestRecord): Reply | null {
    return entry.action === RequestAction.updated ? repeatedContextReply(entry) : null;
  }

  protected refuse(record: LiveRecord | null): ErrorReply | null {
    return record === null ? NOKEY : conflict(record, this.options);
  }
}

export class JunoSetStep extends JunoPutStep {
  protected repeat(entry: RequestRecord): Reply | null {
    if (entry.action === RequestAction.destroyed) return null;
    return repeatedContextReply(entry, this.outcome(entry.action === RequestAction.created));
  }

  protected refuse(): ErrorReply | null {
    return null;
  }

  protected override outcome(created: boolean): readonly (readonly [Reply, Reply])[] {
    return [['created', created ? 1 : 0]];
  }
}

/** An absent record is destroyed already, whatever version was asked for. */
export class JunoDestroyStep extends RequestStep {
  protected repeat(entry: RequestRecord): Reply | null {
    return entry.action === RequestAction.destroyed ? OK : null;
  }

  protected refuse(record: LiveRecord | null): ErrorReply | null {
    return record === null ? null : conflict(record, this.options);
  }

  protected write(record: LiveRecord | null): StepResult<Reply> {
    const { requestId } = this.options;
    if (requestId !== undefined) return { reply: OK, change: { kind: 'delete', requestId } };
    return { reply: OK, change: record === null ? null : { kind: 'delete' } };
  }
}
