import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../base/log.ts';
import { SystemClock } from '../../base/system-clock.ts';
import { SystemRandom } from '../../base/system-random.ts';
import { assembly } from '../assemble.ts';
import { configurationWith } from '../configuration.ts';
import type { Configuration } from '../option-table.ts';
import { prepareSingleCluster } from '../single-cluster.ts';
import { FakeSystem } from '../testing/fake-system.ts';
import type { Terminal } from './terminal.ts';
import { topCommand } from './top-command.ts';

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** The address of a proxy of a whole cluster in memory. */
async function startCluster(changes: Partial<Configuration> = {}): Promise<string> {
  const parts = { clock: new SystemClock(), random: new SystemRandom(), log: silentLog };
  const config = configurationWith({ port: 0, shards: 16, engine: 'memory', ...changes });
  const prepared = await prepareSingleCluster(config, new Set(), parts);
  if (!prepared.ok) throw new Error(prepared.problem);
  const started = await assembly.startSingleProcess(prepared.cluster, parts);
  if (!started.ok) throw new Error(started.problem);
  cleanUps.push(() => started.running.stop());
  return `127.0.0.1:${started.running.listening[0]?.port ?? 0}`;
}

async function closedPort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

class FakeTerminal implements Terminal {
  columns = 100;
  readonly rows = 30;
  readonly frames: (readonly string[])[] = [];
  closes = 0;
  key: (key: string) => void = () => {};
  resize: () => void = () => {};
  #onFrame: () => void = () => {};

  show(lines: readonly string[]): void {
    this.frames.push(lines);
    this.#onFrame();
  }

  onKey(listener: (key: string) => void): void {
    this.key = listener;
  }

  onResize(listener: () => void): void {
    this.resize = listener;
  }

  close(): void {
    this.closes++;
  }

  /** Resolves when so many frames were shown. */
  shown(frames: number): Promise<void> {
    return new Promise((resolve) => {
      this.#onFrame = () => {
        if (this.frames.length >= frames) resolve();
      };
      this.#onFrame();
    });
  }
}

function input(system: FakeSystem, changes: Partial<Configuration>) {
  return { config: configurationWith(changes), given: new Set<never>(), words: [], system };
}

describe('junokv top', () => {
  it('prints one frame where there is no terminal, of the second in which it looked', async () => {
    const target = await startCluster();
    const silent = await closedPort();
    const redis = new Redis({ port: Number(target.split(':')[1]), retryStrategy: () => null });
    cleanUps.push(async () => redis.disconnect());
    await redis.set('k', 'v');
    const timer = setInterval(() => void redis.get('k').catch(() => {}), 20);
    cleanUps.push(async () => clearInterval(timer));
    const system = new FakeSystem();
    expect(await topCommand(input(system, { target: [target, silent] }), () => null)).toBe(0);
    const [frame = ''] = system.printed;
    expect(frame).toContain('3 of 3 nodes up');
    expect(frame).toMatch(new RegExp(`^${target} +\\d`, 'm'));
    expect(frame).toContain(`! ${silent}: connect ECONNREFUSED`);
    expect(frame).toMatch(/^get +\d/m);
    expect(frame).not.toMatch(/^(set|info) +\d/m);
    expect(frame).toMatch(/^zone2 +2 +up/m);
    expect(frame).toContain('moves: none');
    expect([system.holds, system.complaints]).toEqual([0, []]);
  });

  it('draws until q is typed, and anew when the terminal changes its size', async () => {
    const target = await startCluster();
    for (const key of ['q', '\u0003']) {
      const terminal = new FakeTerminal();
      const system = new FakeSystem();
      const ended = topCommand(input(system, { target: [target] }), () => terminal);
      await terminal.shown(key === 'q' ? 2 : 1);
      terminal.columns = 20;
      terminal.resize();
      expect(terminal.frames.at(-1)?.[0]).toContain('junokv top');
      terminal.key('x');
      terminal.key(key);
      expect(await ended).toBe(0);
      const { length } = terminal.frames;
      terminal.resize();
      expect([terminal.frames.length, terminal.closes, system.holds]).toEqual([length, 1, 0]);
    }
  });

  it('gives the terminal back on a signal, also while no proxy answers', async () => {
    const terminal = new FakeTerminal();
    const system = new FakeSystem();
    const ended = topCommand(input(system, { target: [await closedPort()] }), () => terminal);
    await terminal.shown(1);
    expect(terminal.frames[0]?.join('\n')).toContain('no proxy answers');
    system.signal();
    expect(await ended).toBe(0);
    expect(terminal.closes).toBe(1);
  });

  it('fails where no proxy lets it in, and says why', async () => {
    const target = await startCluster({ requirepass: 'secret-of-the-test' });
    const system = new FakeSystem();
    expect(await topCommand(input(system, { target: [target], json: true }))).toBe(1);
    const json: unknown = JSON.parse(system.printed[0] ?? '');
    expect(json).toMatchObject({
      ok: false,
      proxies: [{ address: target, problem: expect.stringMatching(/^NOAUTH/) }],
    });
    const right = new FakeSystem();
    const login = { target: [target], password: 'secret-of-the-test', once: true };
    expect(await topCommand(input(right, login))).toBe(0);
    expect(right.printed[0]).toContain('3 of 3 nodes up');
  });
});
