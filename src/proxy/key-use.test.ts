import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { SystemClock } from '../base/system-clock.ts';
import { genericKeyCommands } from './commands/generic-commands.ts';
import { serverCommands } from './commands/server-commands.ts';
import { KeyUse } from './key-use.ts';
import { RuntimeConfig } from './runtime-config.ts';
import { ProxyHarness } from './testing/proxy-harness.ts';
import type { RawClient } from './testing/raw-client.ts';

const HOUR_MS = 3_600_000;
const key = (name: string): Buffer => Buffer.from(name);
/** Every use counts that may. */
const always = { fill: () => {}, unit: () => 0, below: () => 0 };
const never = { ...always, unit: () => 0.999_999 };

describe('the use of keys', () => {
  it('is known by namespace and key, long ones too', () => {
    const use = new KeyUse(new RuntimeConfig(), always);
    const [long, other] = [key(`${'a'.repeat(80)}1`), key(`${'a'.repeat(80)}2`)];
    use.touch(0, key('k'), 5_000);
    use.touch(0, long, 7_250);
    expect(use.idleSeconds(0, key('k'), 9_000)).toBe(4);
    expect(use.idleSeconds(1, key('k'), 9_000)).toBeNull();
    expect(use.idleSeconds(0, key('l'), 9_000)).toBeNull();
    expect(use.idleSeconds(0, long, 9_000)).toBe(2);
    expect(use.idleSeconds(0, other, 9_000)).toBeNull();
    const manyDaysMs = 400 * 24 * HOUR_MS;
    use.touch(0, key('k'), manyDaysMs);
    expect(use.idleSeconds(0, key('k'), manyDaysMs + 61_000)).toBe(61);
  });

  it('is remembered of as many keys as there is room for', () => {
    const use = new KeyUse(new RuntimeConfig(), always);
    const many = 2 * limits.keyUseSlots;
    for (let i = 0; i < many; i++) use.touch(0, key(`key:${i}`), i);
    let known = 0;
    for (let i = 0; i < many; i++) if (use.idleSeconds(0, key(`key:${i}`), many) !== null) known++;
    expect(known).toBeLessThanOrEqual(limits.keyUseSlots);
    expect(known).toBeGreaterThan(limits.keyUseSlots / 2);
    expect(use.idleSeconds(0, key(`key:${many - 1}`), many)).not.toBeNull();
  });

  it('is counted on a logarithmic scale, and fades', () => {
    const use = new KeyUse(new RuntimeConfig({ maxmemoryPolicy: 'allkeys-lfu' }), always);
    for (let i = 0; i < 300; i++) use.touch(0, key('k'), 0);
    expect(use.frequency(0, key('k'), 0, 0)).toBe(255);
    expect(use.frequency(0, key('k'), 10 * 60_000, 0)).toBe(245);
    expect(use.frequency(0, key('k'), 24 * HOUR_MS, 0)).toBe(0);
    expect(use.frequency(0, key('not used here'), 0, 0)).toBe(5);
    expect(use.frequency(0, key('not used here'), 0, 2 * 60_000)).toBe(3);
    const unlucky = new KeyUse(new RuntimeConfig({ maxmemoryPolicy: 'allkeys-lfu' }), never);
    for (let i = 0; i < 300; i++) unlucky.touch(0, key('k'), 0);
    expect(unlucky.frequency(0, key('k'), 0, 0)).toBe(6);
  });
});

/** The machine's, but it can be put forward. */
class SkippingClock extends SystemClock {
  skippedMs = 0;

  override monotonicMs(): number {
    return super.monotonicMs() + this.skippedMs;
  }

  override wallMs(): number {
    return super.wallMs() + this.skippedMs;
  }
}

describe('OBJECT IDLETIME and FREQ', () => {
  const clock = new SkippingClock();
  let harness: ProxyHarness;
  let client: RawClient;
  beforeEach(async () => {
    harness = await ProxyHarness.start({ clock, commands: [...genericKeyCommands, ...serverCommands] });
    client = await harness.client();
  });
  afterEach(() => harness.stop());

  async function number(...words: readonly string[]): Promise<number> {
    client.command(...words);
    return Number((await client.readLine()).slice(1));
  }

  it('count from the last use, unless a command only looks', async () => {
    await client.ask('+OK\r\n', 'SET', 'k', 'v');
    clock.skippedMs += HOUR_MS;
    for (const only of ['TYPE', 'EXISTS', 'TTL', 'PTTL']) await number(only, 'k');
    expect(await number('OBJECT', 'REFCOUNT', 'k')).toBe(1);
    expect(await number('OBJECT', 'IDLETIME', 'k')).toBeGreaterThanOrEqual(3_600);
    await number('TOUCH', 'k');
    expect(await number('OBJECT', 'IDLETIME', 'k')).toBeLessThan(3_600);
  });

  it('do not count the uses of a client that says so, but for TOUCH', async () => {
    await client.ask('+OK\r\n', 'SET', 'k', 'v');
    await client.ask('+OK\r\n', 'CLIENT', 'NO-TOUCH', 'ON');
    clock.skippedMs += HOUR_MS;
    await number('STRLEN', 'k');
    expect(await number('OBJECT', 'IDLETIME', 'k')).toBeGreaterThanOrEqual(3_600);
    await number('TOUCH', 'k');
    expect(await number('OBJECT', 'IDLETIME', 'k')).toBeLessThan(3_600);
  });

  it('are answered each under its own policies', async () => {
    await client.ask('+OK\r\n', 'SET', 'k', 'v');
    client.command('OBJECT', 'FREQ', 'k');
    expect(await client.readLine()).toMatch(/^-ERR An LFU maxmemory policy is not selected/);
    await client.ask('+OK\r\n', 'CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lfu');
    client.command('OBJECT', 'IDLETIME', 'k');
    expect(await client.readLine()).toMatch(/^-ERR An LFU maxmemory policy is selected/);
    expect(await number('OBJECT', 'FREQ', 'k')).toBe(5);
    for (let i = 0; i < 50; i++) await number('STRLEN', 'k');
    const frequency = await number('OBJECT', 'FREQ', 'k');
    expect(frequency).toBeGreaterThan(5);
    expect(frequency).toBeLessThan(50);
  });
});
