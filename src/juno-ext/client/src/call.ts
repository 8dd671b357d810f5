import type { Argument, Link, TryOutcome } from './link.ts';
import type { Pool } from './pool.ts';
import { readError, UnexpectedReply } from './reply.ts';
import { requestIds, requestIdTimeMs } from './request-id.ts';
import type { CallOptions, ClientMetrics, JunoError, Result } from './types.ts';

const DELAY_FIRST_MS = 5;
const DELAY_MOST_MS = 1000;
/** With less time left no further try is made: it would hardly be answered, and leave open what happened. */
const LAST_TRY_MS = 20;
/** How often a request id is made anew with a later time. Its lead grows from a second to about three days. */
const RENEWALS_MOST = 10;
const LEAD_FIRST_MS = 1000;
const LEAD_GROWTH = 4;

/** One operation, ready to be sent. */
export interface Request<T> {
  /** As the metrics call it. */
  readonly operation: string;
  /** Decides which address is asked first. */
  readonly key: Buffer;
  readonly command: string;
  readonly args: readonly Argument[];
  /** What a write is told apart by; null for a read. */
  readonly requestId: string | null;
  /** The id was made by this client for this call: nobody has sent it before. */
  readonly isOwnId: boolean;
  /** May throw UnexpectedReply. */
  readonly read: (reply: unknown) => Result<T> | Promise<Result<T>>;
}

export interface CallSettings {
  readonly pool: Pool;
  readonly deadlineMs: number;
  readonly tryTimeoutMs: number;
  readonly metrics: ClientMetrics;
}

/** What is known of the tries so far. */
interface Progress {
  requestId: string | null;
  tries: number;
  /** Tries with the present request id. */
  triesOfId: number;
  renewals: number;
  /** A try was sent whose fate is not known. */
  isOpen: boolean;
  /** What the last try failed with. */
  lastError: JunoError | null;
}

/** Calls a hook; what it throws is its own affair. */
export function tell(hook: () => void): void {
  try {
    hook();
  } catch {
    // A hook that fails must not make an operation fail that succeeded.
  }
}

/** Sends the request, again and again where that is safe and may help, until there is an answer or the deadline. */
export async function call<T>(
  settings: CallSettings,
  request: Request<T>,
  options: CallOptions | undefined,
): Promise<Result<T>> {
  const startMs = performance.now();
  const deadlineAtMs = startMs + (options?.deadlineMs ?? settings.deadlineMs);
  const progress: Progress = {
    requestId: request.requestId,
    tries: 0,
    triesOfId: 0,
    renewals: 0,
    isOpen: false,
    lastError: null,
  };
  const abort = watchAbort(options?.signal);
  try {
    const result = await tryUntil(settings, request, progress, deadlineAtMs, abort);
    const outcome = result.ok ? 'ok' : result.error.kind;
    const durationMs = performance.now() - startMs;
    tell(() => settings.metrics.onOperation?.(request.operation, outcome, durationMs, progress.tries));
    return result;
  } finally {
    abort?.stop();
  }
}

async function tryUntil<T>(
  settings: CallSettings,
  request: Request<T>,
  progress: Progress,
  deadlineAtMs: number,
  abort: AbortWatch | null,
): Promise<Result<T>> {
  for (;;) {
    if (abort?.signal.aborted === true) return failed(abortError(progress));
    const leftMs = deadlineAtMs - performance.now();
    if (leftMs <= (progress.tries > 0 ? LAST_TRY_MS : 0)) return failed(deadlineError(progress));
    const link = settings.pool.pick(request.key, progress.tries);
    if (link === null) {
      const refusal = settings.pool.refusal();
      if (refusal !== null && !mayBeDone(progress)) return failed(readError(refusal, progress.requestId));
      progress.lastError = { kind: 'unavailable', message: `no connection: ${settings.pool.describe()}` };
      await orAborted(settings.pool.changed(leftMs), abort);
      continue;
    }
    const outcome = await orAborted(sendOnce(link, request, progress, Math.min(leftMs, settings.tryTimeoutMs)), abort);
    if (outcome === null) {
      progress.isOpen = true;
      continue;
    }
    const idBefore = progress.requestId;
    const done = await judge(request, progress, outcome);
    if (done !== null) return done;
    const reason = retryReason(outcome, progress);
    tell(() => settings.metrics.onRetry?.(request.operation, reason, link.address));
    if (progress.requestId !== idBefore) continue;
    const delayMs = Math.min(DELAY_MOST_MS, DELAY_FIRST_MS * 2 ** Math.min(progress.tries - 1, 16));
    await pause(Math.min(delayMs * (0.5 + Math.random() / 2), deadlineAtMs - performance.now()), abort);
  }
}

function sendOnce<T>(link: Link, request: Request<T>, progress: Progress, timeoutMs: number): Promise<TryOutcome> {
  progress.tries++;
  progress.triesOfId++;
  const { requestId } = progress;
  const args = requestId === null ? request.args : [...request.args, 'REQUESTID', requestId];
  return link.send(request.command, args, Math.max(1, Math.ceil(timeoutMs)));
}

/** The result, if this outcome settles the call; null if it is to be tried again. */
async function judge<T>(request: Request<T>, progress: Progress, outcome: TryOutcome): Promise<Result<T> | null> {
  switch (outcome.kind) {
    case 'reply':
      try {
        return await request.read(outcome.reply);
      } catch (error) {
        if (!(error instanceof UnexpectedReply)) throw error;
        return failed({ kind: 'server', message: `unexpected reply to ${request.command}: ${error.message}` });
      }
    case 'error-reply':
      return judgeError(request, progress, readError(outcome.message, progress.requestId));
    case 'lost':
      progress.isOpen ||= outcome.mayBeSent;
      progress.lastError = { kind: 'unavailable', message: outcome.message };
      return null;
    case 'try-timed-out':
      progress.isOpen = true;
      progress.lastError = { kind: 'timed-out', message: 'no answer', requestId: progress.requestId };
      return null;
  }
}

/** What the server says where a request id is older than all that it still remembers of the record. */
const ID_TOO_OLD = /request id is older than what the record remembers/;

function judgeError<T>(request: Request<T>, progress: Progress, error: JunoError): Result<T> | null {
  if (error.kind === 'uncertain') {
    if (ID_TOO_OLD.test(error.message)) {
      if (!renewRequestId(request, progress)) return failed(error);
    } else if (request.requestId !== null) {
      // Repeated with the same id, the server answers what happened.
      progress.isOpen = true;
    }
    progress.lastError = error;
    return null;
  }
  if (error.kind !== 'unavailable' && error.kind !== 'busy') return failed(error);
  progress.lastError = error;
  return null;
}

/**
 * The server cannot tell whether it has seen an id so early, and has written nothing. An id that this client made and
 * sent once has certainly not been seen before, so the operation may be repeated under a later one: the only request
 * with the first id has been answered, and no other is under way. Not so for an id that was sent twice, or that the
 * application brought.
 */
function renewRequestId<T>(request: Request<T>, progress: Progress): boolean {
  const { requestId } = progress;
  if (requestId === null || !request.isOwnId || progress.triesOfId !== 1) return false;
  if (progress.renewals === RENEWALS_MOST) return false;
  // No further ahead than this record needs: an id from the future makes others of the record look old.
  const leadMs = LEAD_FIRST_MS * LEAD_GROWTH ** progress.renewals;
  progress.renewals++;
  progress.requestId = requestIds.at(Math.max(Date.now(), requestIdTimeMs(requestId)) + leadMs);
  progress.triesOfId = 0;
  return true;
}

function retryReason(outcome: TryOutcome, progress: Progress): string {
  if (outcome.kind === 'lost') return 'connection-lost';
  return outcome.kind === 'try-timed-out' ? outcome.kind : (progress.lastError?.kind ?? 'unavailable');
}

/** A write whose fate is open. */
function mayBeDone(progress: Progress): boolean {
  return progress.isOpen && progress.requestId !== null;
}

function failed<T>(error: JunoError): Result<T> {
  return { ok: false, error };
}

function deadlineError(progress: Progress): JunoError {
  const { lastError, requestId, tries } = progress;
  const last = lastError === null ? '' : `; last: ${lastError.message}`;
  if (lastError?.kind === 'uncertain') return lastError;
  if (!mayBeDone(progress) && lastError !== null && lastError.kind !== 'timed-out') return lastError;
  return { kind: 'timed-out', message: `no answer before the deadline after ${tries} tries${last}`, requestId };
}

function abortError(progress: Progress): JunoError {
  return { kind: 'aborted', message: 'aborted by the caller', requestId: progress.requestId };
}

interface AbortWatch {
  readonly signal: AbortSignal;
  readonly aborted: Promise<null>;
  stop(): void;
}

function watchAbort(signal: AbortSignal | undefined): AbortWatch | null {
  if (signal === undefined) return null;
  let onAbort = (): void => undefined;
  const aborted = new Promise<null>((resolve) => {
    onAbort = () => resolve(null);
  });
  signal.addEventListener('abort', onAbort, { once: true });
  return { signal, aborted, stop: () => signal.removeEventListener('abort', onAbort) };
}

/** The promise's value, or null as soon as the caller gives up. */
function orAborted<T>(promise: Promise<T>, abort: AbortWatch | null): Promise<T | null> {
  return abort === null ? promise : Promise.race([promise, abort.aborted]);
}

async function pause(timeMs: number, abort: AbortWatch | null): Promise<void> {
  if (timeMs <= 0) return;
  let timer: NodeJS.Timeout | undefined;
  await orAborted(
    new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeMs);
    }),
    abort,
  );
  clearTimeout(timer);
}
