import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { SystemClock } from '../../base/system-clock.ts';
import { SystemRandom } from '../../base/system-random.ts';
import { createKeystore, openKeystore } from '../../crypto/keystore-file.ts';
import { assembly } from '../assemble.ts';
import { runCommandLine } from '../cli.ts';
import { configurationWith } from '../configuration.ts';
import type { Running } from '../running.ts';
import { prepareSingleCluster, type SingleCluster } from '../single-cluster.ts';
import { FakeAssembly, FakeSystem } from '../testing/fake-system.ts';
import { fileSource } from './keystore-source.ts';

const random = new SystemRandom();
const LARGE = Buffer.alloc(300_000, 'large value ');

/** A wall clock that a test sets forward: whoever waits for keys need not wait long. */
class ForwardClock implements Clock {
  readonly inner = new SystemClock();
  aheadMs = 0;

  wallUs = (): number => this.inner.wallUs() + this.aheadMs * 1_000;
  wallMs = (): number => this.inner.wallMs() + this.aheadMs;
  monotonicMs = (): number => this.inner.monotonicMs();
  after: Clock['after'] = (delayMs, fn) => this.inner.after(delayMs, fn);
  endOfTurn: Clock['endOfTurn'] = (fn) => this.inner.endOfTurn(fn);
}

const logged: string[] = [];
const note = (fields: object, message: string): void => {
  logged.push(`${message} ${JSON.stringify(fields)}`);
};
const log: Log = { debug: note, info: note, warn: note, error: note };

let clock: ForwardClock;
let folder = '';
let keystore = '';
let cluster: SingleCluster;
let running: Running;
let port = 0;
let redis: Redis;

beforeEach(async () => {
  clock = new ForwardClock();
  const parts = { clock, random, log };
  folder = mkdtempSync(join(tmpdir(), 'junokv-keys-'));
  keystore = join(folder, 'keystore.json');
  const config = configurationWith({ engine: 'memory', port: 0, shards: 8 });
  const prepared = await prepareSingleCluster(config, new Set(), parts);
  const made = createKeystore(keystore, random, clock.wallMs());
  if (!prepared.ok || !made.ok) throw new Error('no cluster');
  cluster = { ...prepared.cluster, keystore: made.keystore, keystoreSource: fileSource(keystore) };
  const started = await assembly.startSingleProcess(cluster, parts);
  if (!started.ok) throw new Error(started.problem);
  running = started.running;
  port = running.listening[0]?.port ?? 0;
  redis = new Redis(port);
});
afterEach(async () => {
  redis.disconnect();
  await running.stop();
  cluster.release();
  rmSync(folder, { recursive: true, force: true });
});

interface Ran {
  readonly exitCode: number;
  readonly text: string;
  readonly told: string;
}

async function keys(...args: string[]): Promise<Ran> {
  const system = new FakeSystem({}, clock);
  const exitCode = await runCommandLine(['keys', ...args], system, new FakeAssembly());
  return { exitCode, text: system.printed.join('\n'), told: system.complaints.join('\n') };
}

const online = (): string[] => ['--target', `127.0.0.1:${port}`];
const here = (): string[] => ['--keystore', keystore];

/** Until the proxy seals with this version. */
async function sealsWith(version: number): Promise<void> {
  for (let i = 0; i < 400; i++) {
    const { activeVersion } = JSON.parse(String(await redis.call('JUNO.KEYS', 'VERSIONS')));
    if (activeVersion === version) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('the version does not seal');
}

function keyHexes(): string[] {
  const opened = openKeystore(keystore);
  if (!opened.ok) throw new Error(opened.failure.detail);
  return [opened.keystore.recordIdKey, ...opened.keystore.sealKeys.map(({ key }) => key)].map((key) =>
    key.toString('hex'),
  );
}

describe('junokv keys', () => {
  it('rotates, seals anew and retires while clients go on', async () => {
    for (let i = 0; i < 30; i++) await redis.set(`k${i}`, `value ${i}`);
    await redis.set('brief', 'x', 'PX', 3_600_000);
    await redis.set('large', LARGE);
    const firstKeys = keyHexes();

    const rotate = await keys('rotate', ...here(), '--activate-after', '3s');
    expect(rotate).toMatchObject({ exitCode: 0 });
    expect(rotate.text).toContain('version 2 was added');
    expect((await keys('rotate', ...here())).told).toContain('does not seal yet');
    expect((await keys('list', ...here())).text).toMatch(/^2 .* seals from .* on$/m);
    expect((await keys('retire', '1', ...here(), ...online())).told).toContain('version 1 seals; only an old one');

    clock.aheadMs += 3_000;
    await sealsWith(2);
    await redis.set('k0', 'changed');
    const early = await keys('retire', '1', ...here(), ...online());
    expect(early.told).toContain('try again in');
    clock.aheadMs += 20_000;
    const inUse = await keys('retire', '1', ...here(), ...online());
    expect(inUse.exitCode).toBe(1);
    expect(inUse.told).toMatch(/version 1 is in use: it seals 9[36] records and 15 pages/);

    const reencrypt = await keys('reencrypt', ...online(), '--json');
    expect(reencrypt.exitCode).toBe(0);
    const { ok, activeVersion, failed, uses } = JSON.parse(reencrypt.text);
    expect({ ok, activeVersion, failed, unreadable: 0 }).toEqual({
      ok: true,
      activeVersion: 2,
      failed: 0,
      unreadable: 0,
    });
    expect(uses).toEqual([expect.objectContaining({ keyVersion: 2, records: 96, pages: 15 })]);

    const retire = await keys('retire', '1', ...here(), ...online());
    expect(retire).toMatchObject({ exitCode: 0 });
    expect(retire.text).toContain('Backups from before may');
    const listed = JSON.parse((await keys('list', ...here(), '--json')).text);
    expect(listed).toMatchObject({ activeVersion: 2, versions: [{ keyVersion: 2, role: 'active' }] });

    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect((await keys('list', ...here(), ...online())).text).toMatch(/^127\.0\.0\.1:\d+ +2 +2$/m);
    expect(await redis.get('k7')).toBe('value 7');
    expect(await redis.get('k0')).toBe('changed');
    expect(await redis.pttl('brief')).toBeGreaterThan(3_500_000);
    expect((await redis.getBuffer('large'))?.equals(LARGE)).toBe(true);

    const seen = [rotate, early, inUse, reencrypt, retire].flatMap(({ text, told }) => [text, told]).concat(logged);
    for (const hex of [...firstKeys, ...keyHexes()]) {
      expect(seen.join('\n')).not.toContain(hex.slice(0, 12));
    }
  }, 30_000);

  it('rotates and seals anew in one go', async () => {
    for (let i = 0; i < 5; i++) await redis.set(`k${i}`, `value ${i}`);
    const going = keys('rotate', ...here(), ...online(), '--reencrypt', '--activate-after', '3s');
    await new Promise((resolve) => setTimeout(resolve, 300));
    clock.aheadMs += 3_000;
    const { exitCode, text, told } = await going;
    expect(exitCode).toBe(0);
    expect(told).toContain('version 2 was added');
    expect(text).toContain('nothing uses an older version than 2 any more');
    expect(text).toMatch(/^2 \(seals\) +15 +0 /m);
  }, 20_000);

  it('refuses another keystore, and what is no version', async () => {
    const other = join(folder, 'other.json');
    createKeystore(other, random, 0);
    clock.aheadMs += 60_000;
    await keys('rotate', '--keystore', other, '--activate-after', '3s');
    clock.aheadMs += 60_000;
    const refused = await keys('retire', '1', '--keystore', other, ...online(), '--json');
    expect(refused.exitCode).toBe(1);
    expect(JSON.parse(refused.text).error.message).toContain('is not the keystore of');
    expect((await keys('retire', 'one', ...here(), ...online())).told).toContain("'one' is no key version");
    expect((await keys('retire', '9', ...here(), ...online())).told).toContain('has no version 9');
    expect((await keys('list', '--keystore', join(folder, 'none'))).told).toContain('There is no keystore');
  });

  it('says what proxies do not answer', async () => {
    const { exitCode, told } = await keys('reencrypt', '--target', '127.0.0.1:1');
    expect(exitCode).toBe(1);
    expect(told).toContain('127.0.0.1:1: the cluster does not answer');
  }, 20_000);
});
