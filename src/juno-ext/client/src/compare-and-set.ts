import type { Operations } from './operations.ts';
import { positive } from './options.ts';
import type { JunoError, JunoRecord, Key, Payload, RecordContext, Result, WriteOptions } from './types.ts';

const DELAY_FIRST_MS = 1;
const DELAY_MOST_MS = 64;

type Options = WriteOptions & { readonly deadlineMs: number };
type Change = (current: JunoRecord | null) => Payload | null;

/**
 * Reads, changes and writes under the version that was read, until nobody came between or the deadline. Each attempt has
 * a request id of its own, unless `options` bring one: then a repeat of the whole with the same id answers what the
 * first one did, as long as the record remembers that.
 */
export async function compareAndSet(
  operations: Operations,
  key: Key,
  change: Change,
  options: Options,
): Promise<Result<RecordContext | null>> {
  const deadlineAtMs = performance.now() + positive('deadlineMs', options.deadlineMs);
  const { ttlMs: _, requestId: __, ...callOptions } = options;
  let conflict: JunoError | null = null;
  for (let attempt = 0; ; attempt++) {
    const leftMs = deadlineAtMs - performance.now();
    // Nothing was written: the last attempt was refused.
    if (leftMs <= 0 && conflict !== null) return { ok: false, error: conflict };
    const found = await operations.get(key, { ...callOptions, deadlineMs: Math.max(1, leftMs) });
    // Nothing was written here either: why it came to no end is the conflict.
    if (!found.ok)
      return found.error.kind === 'timed-out' && conflict !== null ? { ok: false, error: conflict } : found;
    const current = found.value;
    if (current !== null && isRepeat(current, options)) return { ok: true, value: contextOf(current) };
    const value = change(current);
    if (value === null) return { ok: true, value: null };
    const written = await write(operations, key, value, current, {
      ...options,
      deadlineMs: Math.max(1, deadlineAtMs - performance.now()),
    });
    if (written.ok || !isConflict(written.error)) return written;
    conflict = written.error;
    await delay(attempt);
  }
}

/** Whether the request id that the caller brought has made the present value. */
function isRepeat(current: JunoRecord, { requestId }: Options): boolean {
  return requestId !== undefined && current.requestId === requestId.toLowerCase();
}

function contextOf({ value: _, ...context }: JunoRecord): RecordContext {
  return context;
}

/** No record is ever of it: an update that asks for it can only be answered from memory. */
const NO_INCARNATION = { recordVersion: Number.MAX_SAFE_INTEGER, creationTimeMs: 1 };

/** What the server says where a request id was used for a create and comes with an update, or the reverse. */
const OTHER_OPERATION = /request id was used for another operation/;

async function write(
  operations: Operations,
  key: Key,
  value: Payload,
  current: JunoRecord | null,
  options: Options,
): Promise<Result<RecordContext>> {
  const create = (): Promise<Result<RecordContext>> => operations.create(key, value, options);
  const update = (): Promise<Result<RecordContext>> => {
    const { recordVersion, creationTimeMs } = current ?? NO_INCARNATION;
    return operations.update(key, value, { ...options, recordVersion, creationTimeMs });
  };
  const written = await (current === null ? create() : update());
  const isOther = !written.ok && written.error.kind === 'bad-parameter' && OTHER_OPERATION.test(written.error.message);
  if (!isOther || options.requestId === undefined) return written;
  // The id has done its work before, when the record was not what it is now: the other operation answers what it did.
  return current === null ? update() : create();
}

function isConflict(error: JunoError): boolean {
  return error.kind === 'duplicate-key' || error.kind === 'no-key' || error.kind === 'version-conflict';
}

/** Random, so that those who met do not meet again. */
function delay(attempt: number): Promise<void> {
  const mostMs = Math.min(DELAY_MOST_MS, DELAY_FIRST_MS * 2 ** Math.min(attempt, 16));
  return new Promise((resolve) => {
    setTimeout(resolve, Math.random() * mostMs);
  });
}
