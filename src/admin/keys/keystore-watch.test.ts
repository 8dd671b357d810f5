import { chmodSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Log } from '../../base/log.ts';
import { SystemRandom } from '../../base/system-random.ts';
import { ManualClock } from '../../base/testing/manual-clock.ts';
import { encodeKeystore, generateKeystore, type Keystore } from '../../crypto/keystore.ts';
import { addKeyVersion, createKeystore } from '../../crypto/keystore-file.ts';
import { LiveKeyRing } from '../../crypto/live-key-ring.ts';
import { commandSource, fileSource, type KeystoreSource } from './keystore-source.ts';
import { KeystoreWatch } from './keystore-watch.ts';

const random = new SystemRandom();

let clock: ManualClock;
let folder = '';
let path = '';
let lines: string[] = [];
let watch: KeystoreWatch | null = null;

const log: Log = {
  debug: (fields, message) => lines.push(`debug ${message} ${JSON.stringify(fields)}`),
  info: (fields, message) => lines.push(`info ${message} ${JSON.stringify(fields)}`),
  warn: (fields, message) => lines.push(`warn ${message} ${JSON.stringify(fields)}`),
  error: (fields, message) => lines.push(`error ${message} ${JSON.stringify(fields)}`),
};

beforeEach(() => {
  clock = new ManualClock();
  folder = mkdtempSync(join(tmpdir(), 'junokv-watch-'));
  path = join(folder, 'keystore.json');
  lines = [];
  watch = null;
});
afterEach(() => {
  watch?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function created(): Keystore {
  const result = createKeystore(path, random, clock.wallMs());
  if (!result.ok) throw new Error(result.failure.detail);
  return result.keystore;
}

function rotate(activeAfterMs: number): Keystore {
  const result = addKeyVersion(path, random, clock.wallMs(), clock.wallMs() + activeAfterMs);
  if (!result.ok) throw new Error(result.failure.detail);
  return result.keystore;
}

function watched(keystore: Keystore, source: KeystoreSource = fileSource(path)): LiveKeyRing {
  const ring = new LiveKeyRing(keystore, clock.wallMs());
  watch = new KeystoreWatch({ source, ring, clock, log });
  return ring;
}

/** Lets what a process in the background says arrive. */
async function eventually(isSo: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !isSo(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(isSo()).toBe(true);
}

async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    clock.advance(500);
    for (let i = 0; i < 5; i++) await Promise.resolve();
  }
}

function hexOf(keystore: Keystore): string[] {
  return [keystore.recordIdKey, ...keystore.sealKeys.map(({ key }) => key)].map((key) => key.toString('hex'));
}

describe('a keystore file that is watched', () => {
  it('is taken up when it changes, before its new version seals', async () => {
    const ring = watched(created());
    const next = rotate(10_000);
    await pass(2_000);
    expect(ring.versions).toEqual([1, 2]);
    expect(ring.activeVersion).toBe(1);
    await pass(10_000);
    expect(ring.activeVersion).toBe(2);
    expect(lines.map((line) => line.slice(0, line.indexOf(' {')))).toEqual([
      'info the keystore was taken up',
      'info another key version seals from now on',
    ]);
    for (const hex of hexOf(next)) expect(lines.join('\n')).not.toContain(hex.slice(0, 12));
  });

  it('is not read again while it stays the same', async () => {
    created();
    const inner = fileSource(path);
    let loads = 0;
    const counting: KeystoreSource = {
      ...inner,
      load: () => {
        loads++;
        return inner.load();
      },
    };
    watched(generateKeystore(random, 0), counting);
    await pass(5_000);
    expect(loads).toBe(0);
    watch?.reload();
    expect(loads).toBe(1);
  });

  it('is kept as it was when the new one cannot be used, which is said once', async () => {
    const first = created();
    const ring = watched(first);
    writeFileSync(path, encodeKeystore(first).subarray(0, 100));
    await pass(3_000);
    const stat = statSync(path);
    utimesSync(path, stat.atime, new Date(stat.mtimeMs + 5_000));
    await pass(3_000);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('the one before is kept');
    expect(lines[0]).not.toContain(hexOf(first)[0]?.slice(0, 12));
    rmSync(path);
    await pass(2_000);
    expect(lines).toHaveLength(2);
    expect(ring.sealKey(1)?.equals(first.sealKeys[0]?.key ?? Buffer.alloc(0))).toBe(true);
    writeFileSync(path, encodeKeystore(first), { mode: 0o600 });
    await pass(2_000);
    rotate(3_000);
    await pass(2_000);
    expect(ring.versions).toEqual([1, 2]);
  });

  it('is refused when others may read it', async () => {
    const ring = watched(created());
    rotate(3_000);
    chmodSync(path, 0o644);
    await pass(2_000);
    expect(ring.versions).toEqual([1]);
    expect(lines[0]).toContain('chmod 600');
  });

  it('is read at once, but seldom, when something is sealed with an unknown version', () => {
    const ring = watched(created());
    rotate(3_000);
    expect(ring.sealKey(2)).not.toBeNull();
    rotateAgain();
    expect(ring.sealKey(3)).toBeNull();
    clock.advance(900);
    expect(ring.sealKey(3)).toBeNull();
  });

  function rotateAgain(): void {
    const result = addKeyVersion(path, random, clock.wallMs() + 5_000, clock.wallMs() + 9_000);
    expect(result.ok).toBe(true);
  }
});

describe('a command that writes the keystore', () => {
  it('is run again when told to, and now and then', async () => {
    const ring = watched(created(), commandSource(`cat '${path}'`));
    rotate(3_000);
    watch?.reload();
    await eventually(() => ring.versions.length === 2);
    clock.advance(3_000);
    expect(ring.activeVersion).toBe(2);
    rotate(3_000);
    clock.advance(50_000);
    expect(ring.versions).toEqual([1, 2]);
    clock.advance(15_000);
    await eventually(() => ring.versions.length === 3);
  });

  it('is not waited for beyond its end, whatever it leaves running', async () => {
    created();
    expect(await commandSource(`sleep 600 & cat '${path}'`).load()).toMatchObject({ ok: true });
  });

  it('gives the keystore', async () => {
    const keystore = created();
    expect(await commandSource(`cat '${path}'`).load()).toEqual({ ok: true, keystore });
  });

  it.each([
    ['exit 3', 'ended with status 3'],
    ['kill -9 $$', 'was killed'],
    ['echo no keystore', 'writes no keystore: it is not JSON'],
    ['head -c 2000000 /dev/zero', 'writes too much'],
    ['/no/such/program', 'ended with status 127'],
  ])('that fails (%s) is told without what it wrote, and without its words', async (command, problem) => {
    const secret = 'fade'.repeat(16);
    const result = await commandSource(`echo ${secret}; echo ${secret} >&2; ${command}`).load();
    if (result.ok) throw new Error('it worked');
    expect(result.failure.kind).toBe('command');
    expect(result.failure.detail).toContain(problem);
    expect(JSON.stringify(result)).not.toContain('fade');
  });
});
