import type { Clock, Timer } from '../base/clock.ts';
import type { Files } from '../base/files.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import {
  checkTls,
  readTlsFiles,
  TLS_VERSIONS,
  type TlsBytes,
  type TlsFiles,
  type TlsMaterial,
  type TlsVersion,
} from './tls-material.ts';

export interface TlsIdentityParts {
  readonly files: Files;
  readonly clock: Clock;
  readonly log: Log;
}

export type OpenedTls =
  | { readonly ok: true; readonly identity: TlsIdentity }
  | { readonly ok: false; readonly problem: string };

const DAY_MS = 86_400_000;

/**
 * One end's certificate, key and CAs, as its files have them: they are read again and again, and what has changed is used for
 * new connections. What cannot be used is logged, and what was there before stays.
 */
export class TlsIdentity {
  readonly #paths: TlsFiles;
  readonly #versions: readonly TlsVersion[];
  readonly #parts: TlsIdentityParts;
  readonly #listeners = new Set<() => void>();
  #current: TlsMaterial;
  #timer: Timer | null = null;
  #reading: Promise<void> | null = null;
  #lastProblem = '';
  #noticeAtMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  private constructor(
    paths: TlsFiles,
    versions: readonly TlsVersion[],
    material: TlsMaterial,
    parts: TlsIdentityParts,
  ) {
    this.#paths = paths;
    this.#versions = versions;
    this.#parts = parts;
    this.#current = material;
    this.#noticeExpiry();
    this.#pollLater();
  }

  /** Reads the files for the first time; `problem` says which of them is wrong, and how. */
  static async open(
    paths: TlsFiles,
    parts: TlsIdentityParts,
    versions: readonly TlsVersion[] = TLS_VERSIONS,
  ): Promise<OpenedTls> {
    const read = await readTlsFiles(paths, parts.files);
    if (!read.ok) return read;
    const checked = checkTls(paths, read.bytes, versions);
    if (!checked.ok) return checked;
    return { ok: true, identity: new TlsIdentity(paths, versions, checked.material, parts) };
  }

  /** Of use until the next change. */
  get current(): TlsMaterial {
    return this.#current;
  }

  /** Calls `listener` whenever `current` has become another; the function that is returned ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads the files now, and says again what is wrong with them. Never rejects. */
  async reload(): Promise<void> {
    await this.#reading;
    this.#lastProblem = '';
    await this.#read();
  }

  /** Reads no more. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#listeners.clear();
  }

  #pollLater(): void {
    this.#timer = this.#parts.clock.after(limits.tlsPollMs, () => {
      void this.#read().then(() => {
        if (!this.#closed) this.#pollLater();
      });
    });
  }

  #read(): Promise<void> {
    this.#reading ??= this.#readOnce().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  async #readOnce(): Promise<void> {
    const read = await readTlsFiles(this.#paths, this.#parts.files);
    if (this.#closed) return;
    this.#noticeExpiry();
    if (!read.ok) {
      this.#complain(read.problem);
      return;
    }
    if (isSame(read.bytes, this.#current.bytes)) {
      this.#lastProblem = '';
      return;
    }
    const checked = checkTls(this.#paths, read.bytes, this.#versions);
    if (!checked.ok) {
      this.#complain(checked.problem);
      return;
    }
    this.#lastProblem = '';
    this.#current = checked.material;
    this.#noticeAtMs = Number.NEGATIVE_INFINITY;
    const { subject, notAfterMs } = checked.material;
    const fields = { file: this.#paths.cert, subject, notAfter: new Date(notAfterMs).toISOString() };
    this.#parts.log.info(fields, 'TLS: a new certificate is in use for new connections');
    this.#noticeExpiry();
    for (const listener of this.#listeners) listener();
  }

  /** Each problem once. */
  #complain(problem: string): void {
    if (problem === this.#lastProblem) return;
    this.#lastProblem = problem;
    this.#parts.log.error({ problem }, 'TLS: the new files cannot be used, the old certificate stays in use');
  }

  #noticeExpiry(): void {
    const { clock, log } = this.#parts;
    const nowMs = clock.wallMs();
    const { notAfterMs, subject } = this.#current;
    if (notAfterMs - nowMs > limits.tlsExpiryNoticeMs || nowMs < this.#noticeAtMs) return;
    this.#noticeAtMs = nowMs + DAY_MS;
    const fields = { file: this.#paths.cert, subject, notAfter: new Date(notAfterMs).toISOString() };
    if (notAfterMs <= nowMs) log.error(fields, 'TLS: the certificate has expired, others will refuse it');
    else log.warn(fields, 'TLS: the certificate expires soon');
  }
}

function isSame(a: TlsBytes, b: TlsBytes): boolean {
  return a.cert.equals(b.cert) && a.key.equals(b.key) && a.ca.equals(b.ca);
}
