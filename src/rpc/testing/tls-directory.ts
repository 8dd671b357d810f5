import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Log, silentLog } from '../../base/log.ts';
import { SystemClock } from '../../base/system-clock.ts';
import { SystemFiles } from '../../base/system-files.ts';
import type { TestAuthority, TestCertificate } from '../../crypto/testing/test-certificates.ts';
import { TlsIdentity } from '../tls-identity.ts';
import type { TlsFiles, TlsVersion } from '../tls-material.ts';

/** Keeps what was logged, as `level message fields`. */
export class LogLines implements Log {
  readonly lines: string[] = [];
  debug(fields: object, message: string): void {
    this.#add('debug', fields, message);
  }
  info(fields: object, message: string): void {
    this.#add('info', fields, message);
  }
  warn(fields: object, message: string): void {
    this.#add('warn', fields, message);
  }
  error(fields: object, message: string): void {
    this.#add('error', fields, message);
  }

  /** All lines as one text. */
  get text(): string {
    return this.lines.join('\n');
  }

  #add(level: string, fields: object, message: string): void {
    this.lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  }
}

/** A directory of certificates, and the identities that were opened from it. */
export class TlsDirectory {
  readonly path = mkdtempSync(join(tmpdir(), 'junokv-tls-'));
  readonly #identities: TlsIdentity[] = [];

  /** Writes `name.crt`, `name.key` and, of `authority`, `name.ca`. */
  write(name: string, { cert, key }: TestCertificate, authority: TestAuthority | null): TlsFiles {
    const at = (extension: string): string => join(this.path, `${name}.${extension}`);
    writeFileSync(at('crt'), cert);
    writeFileSync(at('key'), key, { mode: 0o600 });
    if (authority !== null) writeFileSync(at('ca'), authority.cert);
    return { cert: at('crt'), key: at('key'), ca: authority === null ? '' : at('ca') };
  }

  async open(files: TlsFiles, log: Log = silentLog, versions?: readonly TlsVersion[]): Promise<TlsIdentity> {
    const opened = await TlsIdentity.open(files, { files: new SystemFiles(), clock: new SystemClock(), log }, versions);
    if (!opened.ok) throw new Error(opened.problem);
    this.#identities.push(opened.identity);
    return opened.identity;
  }

  remove(): void {
    for (const identity of this.#identities) identity.close();
    rmSync(this.path, { recursive: true, force: true });
  }
}
