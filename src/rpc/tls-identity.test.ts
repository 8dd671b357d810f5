import { rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Log } from '../base/log.ts';
import { SystemFiles } from '../base/system-files.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { TestAuthority } from '../crypto/testing/test-certificates.ts';
import { LogLines, TlsDirectory } from './testing/tls-directory.ts';
import { TlsIdentity } from './tls-identity.ts';
import type { TlsFiles } from './tls-material.ts';

const DAY_MS = 86_400_000;
const authority = new TestAuthority();
let directory: TlsDirectory;

beforeEach(() => {
  directory = new TlsDirectory();
});

afterEach(() => directory.remove());

function openAt(files: TlsFiles, log: Log, clock = new ManualClock()) {
  return TlsIdentity.open(files, { files: new SystemFiles(), clock, log });
}

async function problemOf(files: TlsFiles): Promise<string> {
  const opened = await openAt(files, new LogLines());
  return opened.ok ? '' : opened.problem;
}

describe('opening', () => {
  it('says which file is wrong, and how, without a byte of the key', async () => {
    const own = authority.issue();
    const good = directory.write('a', own, authority);
    const other = directory.write('b', authority.issue(), authority);
    expect(await problemOf(good)).toBe('');
    expect(await problemOf({ ...good, cert: `${good.cert}.none` })).toMatch(/^cannot read .*a\.crt\.none: ENOENT/);
    expect(await problemOf({ ...good, key: other.key })).toMatch(/key in .*b\.key does not belong to .*a\.crt/);
    expect(await problemOf({ ...good, cert: good.key })).toMatch(/a\.key holds no certificate/);
    expect(await problemOf({ ...good, key: good.cert })).toMatch(/a\.crt holds no private key/);
    expect(await problemOf({ ...good, ca: good.key })).toMatch(/a\.key holds no certificate/);
    writeFileSync(good.key, own.key.replace('PRIVATE KEY', 'PRIVATE JUNK'));
    expect(await problemOf(good)).toBe(`${good.key} holds no private key (PEM, without a passphrase)`);
    writeFileSync(good.cert, own.cert.slice(0, -100));
    expect(await problemOf(good)).toMatch(/a\.crt holds no certificate/);
  });

  it('takes a certificate that has expired or soon will, and says so every day', async () => {
    const clock = new ManualClock();
    const log = new LogLines();
    const inADay = authority.issue({ notAfterMs: clock.wallMs() + DAY_MS });
    const opened = await openAt(directory.write('a', inADay, authority), log, clock);
    if (!opened.ok) throw new Error(opened.problem);
    expect(log.lines).toEqual([expect.stringContaining('warn TLS: the certificate expires soon')]);
    clock.advance(DAY_MS + 1);
    await opened.identity.reload();
    expect(log.lines[1]).toContain('error TLS: the certificate has expired');
    await opened.identity.reload();
    expect(log.lines).toHaveLength(2);
    opened.identity.close();
  });
});

describe('files that change', () => {
  it('are seen by looking again and again; bad ones are logged once and the old ones stay', async () => {
    const clock = new ManualClock();
    const log = new LogLines();
    const later = { notAfterMs: clock.wallMs() + 1_000 * DAY_MS };
    const files = directory.write('a', authority.issue({ commonName: 'first', ...later }), authority);
    const opened = await openAt(files, log, clock);
    if (!opened.ok) throw new Error(opened.problem);
    const { identity } = opened;
    let changes = 0;
    identity.onChange(() => changes++);
    /** Until what was read is known: the files are real. */
    const look = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) {
        clock.advance(2_500);
        await identity.reload();
      }
    };

    const second = authority.issue({ commonName: 'second', ...later });
    writeFileSync(files.cert, second.cert);
    clock.advance(2_500);
    for (let i = 0; i < 200 && log.lines.length === 0; i++) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(log.lines[0]).toMatch(/error .*old certificate stays in use.*does not belong to the certificate/);
    expect(identity.current.subject).toBe('CN=first');
    writeFileSync(files.key, second.key);
    await look();
    expect(identity.current.subject).toBe('CN=second');
    expect(log.lines.at(-1)).toMatch(/info TLS: a new certificate is in use.*CN=second/);
    expect(changes).toBe(1);

    rmSync(files.ca);
    await identity.reload();
    expect(log.lines.at(-1)).toContain('cannot read');
    expect(identity.current.subject).toBe('CN=second');
    expect(changes).toBe(1);
    identity.close();
  });
});
