import { closeSync, constants, fsyncSync, openSync, writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Audit, AuditEntry } from '../base/audit.ts';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';

const APPENDING = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT;
const OWNER_ONLY = 0o600;

/** A line of the audit log: JSON with the time (ISO 8601), the process, and the entry. */
export function auditLine(entry: AuditEntry, process: string, wallMs: number): string {
  const { user, address, action, outcome, detail } = entry;
  const line = {
    time: new Date(wallMs).toISOString(),
    process,
    user,
    address,
    action,
    arguments: entry.arguments,
    outcome,
  };
  return `${JSON.stringify(detail === undefined ? line : { ...line, detail })}\n`;
}

/** Appends one entry, durably, and returns; what is wrong in words, or null. For commands that end soon. */
export function appendAudit(path: string, entry: AuditEntry, process: string, wallMs: number): string | null {
  try {
    const descriptor = openSync(path, APPENDING, OWNER_ONLY);
    try {
      writeSync(descriptor, auditLine(entry, process, wallMs));
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    return null;
  } catch (error) {
    return `cannot write the audit log ${path}: ${messageOf(error)}`;
  }
}

export type OpenedAuditLog =
  | { readonly ok: true; readonly audit: AuditLog }
  | { readonly ok: false; readonly problem: string };

export interface AuditLogParts {
  readonly path: string;
  /** What the process is, in each line. */
  readonly process: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Opens the audit log of a process that serves, made if missing, for its owner only. */
export async function openAuditLog(parts: AuditLogParts): Promise<OpenedAuditLog> {
  try {
    return { ok: true, audit: new AuditLog(parts, await openForAppending(parts.path)) };
  } catch (error) {
    return { ok: false, problem: `--audit-log: cannot open ${parts.path}: ${messageOf(error)}` };
  }
}

interface Waiting {
  readonly line: string;
  readonly written: () => void;
}

/**
 * Who has changed what, a line each, appended and synced in the order in which it happened; many that come together are one
 * write. Where the file cannot be written lines wait, and are tried again every second; what does not fit into the queue any more
 * is counted, said in the log, and entered as lost.
 */
export class AuditLog implements Audit {
  readonly #parts: AuditLogParts;
  #file: FileHandle | null;
  #queue: Waiting[] = [];
  #lost = 0;
  #reopen = false;
  #failed = false;
  /** What is being written; null if nothing is. */
  #writing: Promise<void> | null = null;
  #closed = false;

  constructor(parts: AuditLogParts, file: FileHandle) {
    this.#parts = parts;
    this.#file = file;
  }

  note(entry: AuditEntry): Promise<void> {
    const { process, clock, log } = this.#parts;
    if (this.#closed || this.#queue.length >= limits.auditQueueEntries) {
      this.#lost++;
      log.error({ action: entry.action, user: entry.user, lost: this.#lost }, 'an entry of the audit log is lost');
      return Promise.resolve();
    }
    const line = auditLine(entry, process, clock.wallMs());
    return new Promise((resolve) => {
      this.#queue.push({ line, written: resolve });
      this.#start();
    });
  }

  /** The file was renamed: what comes next goes to a new one of its name. */
  reopen(): void {
    this.#reopen = true;
    this.#start();
  }

  /** Writes what waits, once. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#failed = false;
    await this.#writing;
    await this.#write();
    for (const { written } of this.#queue.splice(0)) written();
    await this.#file?.close().catch(() => {});
    this.#file = null;
  }

  #start(): void {
    if (this.#writing !== null || this.#failed || this.#closed) return;
    this.#writing = this.#write().finally(() => {
      this.#writing = null;
      if ((this.#queue.length > 0 || this.#reopen) && !this.#failed) this.#start();
    });
  }

  async #write(): Promise<void> {
    const { path, log, clock } = this.#parts;
    const batch = this.#queue;
    this.#queue = [];
    try {
      if (this.#reopen || this.#file === null) {
        // What waits was done before the file was renamed, but the old file may be gone: better late than nowhere.
        this.#reopen = false;
        await this.#file?.close();
        this.#file = null;
        this.#file = await openForAppending(path);
      }
      if (batch.length === 0) return;
      await this.#file.appendFile(batch.map(({ line }) => line).join('') + this.#lostLine());
      await this.#file.sync();
      this.#lost = 0;
      for (const { written } of batch) written();
    } catch (error) {
      this.#queue = [...batch, ...this.#queue];
      this.#failed = true;
      log.error({ auditLog: path, problem: messageOf(error) }, 'the audit log cannot be written; its entries wait');
      clock.after(limits.auditRetryMs, () => {
        this.#failed = false;
        this.#start();
      });
    }
  }

  #lostLine(): string {
    if (this.#lost === 0) return '';
    const { process, clock } = this.#parts;
    const lost = { user: '', address: '', action: 'lost entries', arguments: [String(this.#lost)] };
    return auditLine({ ...lost, outcome: 'failed' }, process, clock.wallMs());
  }
}

/** A new file's name survives a loss of power only once its folder is synced. */
async function openForAppending(path: string): Promise<FileHandle> {
  const file = await open(path, APPENDING, OWNER_ONLY);
  const folder = await open(dirname(path), constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
  return file;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
