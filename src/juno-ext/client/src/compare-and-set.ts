import type { JunoClient, JunoError, JunoRecord, Key, Payload, RecordContext, Result, WriteOptions } from './types.ts';

const DELAY_FIRST_MS = 1;
const DELAY_MOST_MS = 64;

/** See JunoClient.compareAndSet. */
export async function compareAndSet(
  client: Pick<JunoClient, 'create' | 'get' | 'update'>,
  key: Key,
  change: (current: JunoRecord | null) => Payload | null,
  options: WriteOptions & { readonly deadlineMs: number },
): Promise<Result<RecordContext | null>> {
  const deadlineAtMs = performance.now() + options.deadlineMs;
  let conflict: JunoError | null = null;
  for (let attempt = 0; ; attempt++) {
    const leftMs = deadlineAtMs - performance.now();
    if (leftMs <= 0) return { ok: false, error: conflict ?? deadlinePassed() };
    const signal = options.signal === undefined ? {} : { signal: options.signal };
    const found = await client.get(key, { ...signal, deadlineMs: leftMs });
    if (!found.ok) return found;
    const current = found.value;
    // A repeat of what is there already: the answer to the first time was lost.
    if (current !== null && options.requestId !== undefined && current.requestId === options.requestId.toLowerCase()) {
      const { value: _, ...context } = current;
      return { ok: true, value: context };
    }
    const value = change(current);
    if (value === null) return { ok: true, value: null };
    const writeOptions = { ...options, deadlineMs: Math.max(1, deadlineAtMs - performance.now()) };
    const written =
      current === null
        ? await client.create(key, value, writeOptions)
        : await client.update(key, value, {
            ...writeOptions,
            recordVersion: current.recordVersion,
            creationTimeMs: current.creationTimeMs,
          });
    if (written.ok || !isConflict(written.error)) return written;
    conflict = written.error;
    await delay(attempt);
  }
}
function isConflict(error: JunoError): boolean {
  return error.kind === 'duplicate-key' || error.kind === 'no-key' || error.kind === 'version-conflict';
}

function deadlinePassed(): JunoError {
  return { kind: 'timed-out', message: 'no time was left for an attempt', requestId: null };
}

/** Random, so that those who met do not meet again. */
function delay(attempt: number): Promise<void> {
  const mostMs = Math.min(DELAY_MOST_MS, DELAY_FIRST_MS * 2 ** attempt);
  return new Promise((resolve) => {
    setTimeout(resolve, Math.random() * mostMs);
  });
}
