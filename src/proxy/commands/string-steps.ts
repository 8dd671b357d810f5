import type { RunContext, Step, StepResult } from '../../quorum/operation.ts';
import type { LiveRecord } from '../../record/state.ts';
import { ErrorReply, OK, type Reply } from '../../resp/reply.ts';
import { type ExpiryArgument, expiresAt } from '../values/expiry.ts';
import { isString, keptExpiry, putString, stringReply, WRONG_TYPE } from '../values/string-value.ts';
import { NIL } from './keyed-row.ts';

/** GET's step: the whole string, nil if there is none. */
export const GET_STEP: Step<Reply> = {
  access: 'read',
  needs: 'value',
  run: (record, { pages }) => {
    if (record === null) return NIL;
    return isString(record) ? { reply: stringReply(record, pages), change: null } : WRONG_TYPE;
  },
};

/** MGET's: what is no string counts as absent. */
export const GET_IF_STRING_STEP: Step<Reply> = {
  access: 'read',
  needs: 'value',
  run: (record, { pages }) =>
    record === null || !isString(record) ? NIL : { reply: stringReply(record, pages), change: null },
};

/** Sets the string whatever was there; what SET without options, MSET and the like do. */
export class PlainSetStep implements Step<Reply> {
  readonly access = 'write';
  readonly needs = 'meta';
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  run(_record: LiveRecord | null, { pages }: RunContext): StepResult<Reply> {
    return { reply: OK, change: putString(this.#bytes, 0, pages) };
  }
}

export interface SetChoices {
  /** Set only if the key is absent (nx) or live (xx). */
  readonly condition: 'nx' | 'xx' | null;
  /** Reply the old value, whether or not it is replaced. */
  readonly get: boolean;
  readonly keepTtl: boolean;
  readonly expiry: ExpiryArgument | null;
  /** Answered when the moment of expiry overflows. */
  readonly invalidExpiry: ErrorReply;
  /** Answered when the value was set, and when it was not, unless `get`. */
  readonly done: Reply;
  readonly refused: Reply;
}

/** Sets the string as SET with options, SETNX, SETEX, PSETEX and GETSET do. */
export class SetStep implements Step<Reply> {
  readonly access = 'write';
  readonly needs: 'meta' | 'value';
  readonly #bytes: Buffer;
  readonly #choices: SetChoices;

  constructor(bytes: Buffer, choices: SetChoices) {
    this.needs = choices.get ? 'value' : 'meta';
    this.#bytes = bytes;
    this.#choices = choices;
  }

  run(record: LiveRecord | null, { nowMs, pages }: RunContext): StepResult<Reply> {
    const { condition, get, keepTtl, expiry, invalidExpiry, done, refused } = this.#choices;
    if (get && record !== null && !isString(record)) return WRONG_TYPE;
    let expiresAtMs = keepTtl ? keptExpiry(record) : 0;
    if (expiry !== null) {
      const moment = expiresAt(expiry, nowMs);
      if (moment === null) return { reply: invalidExpiry, change: null };
      expiresAtMs = moment;
    }
    const oldValue = get && record !== null && isString(record) ? stringReply(record, pages) : null;
    if (condition !== null && (condition === 'nx') === (record !== null)) {
      return { reply: get ? oldValue : refused, change: null };
    }
    const reply = get ? oldValue : done;
    // A value that is set already expired is never seen.
    if (expiry !== null && expiresAtMs <= nowMs) {
      return { reply, change: record === null ? null : { kind: 'delete' } };
    }
    return { reply, change: putString(this.#bytes, expiresAtMs, pages) };
  }
}

/** Replies the string and deletes it. */
export const GETDEL_STEP: Step<Reply> = {
  access: 'write',
  needs: 'value',
  run: (record, { pages }) => {
    if (record === null) return NIL;
    return isString(record) ? { reply: stringReply(record, pages), change: { kind: 'delete' } } : WRONG_TYPE;
  },
};

/** Replies the string and takes its expiry away. */
export const GET_PERSIST_STEP: Step<Reply> = {
  access: 'write',
  needs: 'value',
  run: (record, { pages }) => {
    if (record === null) return NIL;
    if (!isString(record)) return WRONG_TYPE;
    const change = record.expiresAtMs === 0 ? null : ({ kind: 'expire', expiresAtMs: 0 } as const);
    return { reply: stringReply(record, pages), change };
  },
};

/** Replies the string and sets its expiry; an error of the expiry is answered only where there is a string, as in Redis. */
export class GetExpireStep implements Step<Reply> {
  readonly access = 'write';
  readonly needs = 'value';
  readonly #expiry: ExpiryArgument | ErrorReply;
  readonly #invalidExpiry: ErrorReply;

  constructor(expiry: ExpiryArgument | ErrorReply, invalidExpiry: ErrorReply) {
    this.#expiry = expiry;
    this.#invalidExpiry = invalidExpiry;
  }

  run(record: LiveRecord | null, { nowMs, pages }: RunContext): StepResult<Reply> {
    if (record === null) return NIL;
    if (!isString(record)) return WRONG_TYPE;
    const expiry = this.#expiry;
    if (expiry instanceof ErrorReply) return { reply: expiry, change: null };
    const expiresAtMs = expiresAt(expiry, nowMs);
    if (expiresAtMs === null) return { reply: this.#invalidExpiry, change: null };
    const reply = stringReply(record, pages);
    if (expiresAtMs <= nowMs) return { reply, change: { kind: 'delete' } };
    return { reply, change: { kind: 'expire', expiresAtMs } };
  }
}
