import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assert } from '../../base/assert.ts';
import { limits } from '../../base/limits.ts';
import { allCommands } from '../../proxy/commands/all-commands.ts';
import { ProxyHarness } from '../../proxy/testing/proxy-harness.ts';
import { RealRedis, whyNoRealRedis } from '../../proxy/testing/real-redis.ts';
import { runCommandLine } from '../cli.ts';
import { FakeAssembly, FakeSystem } from '../testing/fake-system.ts';
import { MixedWrites } from './testing/mixed-writes.ts';

const KEYS = 300;
const ALREADY = new Set(['connection', 'string']);

const why = whyNoRealRedis();
describe.skipIf(why !== null)(
  `import and export${why === null ? '' : ` (skipped: ${why})`}`,
  { timeout: 180_000 },
  () => {
    let directory = '';
    let redis: RealRedis;
    let proxy: ProxyHarness;
    let source: Redis;
    let target: Redis;

    beforeEach(async () => {
      directory = mkdtempSync(join(tmpdir(), 'junokv-import-'));
      redis = await RealRedis.start('--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1');
      proxy = await ProxyHarness.start({ commands: allCommands.filter((row) => !ALREADY.has(row.group)) });
      source = new Redis(redis.port, '127.0.0.1');
      target = new Redis(proxy.port, '127.0.0.1');
    });
    afterEach(async () => {
      source.disconnect();
      target.disconnect();
      await redis.stop();
      await proxy.stop();
      rmSync(directory, { recursive: true, force: true });
    });

    const at = (name: string): string => join(directory, name);
    const url = (): string => `redis://127.0.0.1:${redis.port}`;

    async function run(
      system: FakeSystem,
      ...words: string[]
    ): Promise<{ code: number; out: string; result: Record<string, unknown> }> {
      const place = ['--target', `127.0.0.1:${proxy.port}`, '--json'];
      const state = words[0] === 'import' ? ['--state', at('state')] : [];
      const code = await runCommandLine([...words, ...place, ...state], system, new FakeAssembly());
      const out = [...system.printed, ...system.complaints].join('\n');
      return { code, out, result: JSON.parse(system.printed.at(-1) ?? '{}') as Record<string, unknown> };
    }

    const junokv = (...words: string[]) => run(new FakeSystem(), ...words);

    async function write(count: number, seed: number, isChanging: boolean): Promise<void> {
      const writes = new MixedWrites(seed, KEYS);
      const pipeline = source.pipeline();
      for (let i = 0; i < count; i++) {
        const [name = '', ...args] = writes.next(isChanging);
        pipeline.call(name, ...args);
      }
      await pipeline.exec();
    }

    async function rdbOf(): Promise<string> {
      await source.call('SAVE');
      const [, dir = ''] = (await source.config('GET', 'dir')) as string[];
      return join(dir, 'dump.rdb');
    }

    it('copies a running Redis, all of its databases and types', async () => {
      await write(3_000, 1, false);
      await source.call('XADD', 'stream', '*', 'a', 'b');
      await source.call('FUNCTION', 'LOAD', "#!lua name=lib\nredis.register_function('f', function() return 1 end)");
      await source.select(5);
      await source.set('there', 'too', 'PX', 5_000_000);
      await source.rpush('long', ...Array.from({ length: 3_000 }, (_, i) => `element ${i} ${'x'.repeat(1_000)}`));
      const { code, out, result } = await junokv('import', url(), '--verify');
      expect(code, out).toBe(0);
      expect(result).toMatchObject({
        ok: true,
        skipped: { stream: { count: 1, names: ['stream'] }, functions: { count: 1, names: ['lib'] } },
        failed: {},
        verified: { different: 0 },
      });
      await target.select(5);
      expect(await target.llen('long')).toBe(3_000);
      expect(await target.pexpiretime('there')).toBe(await source.pexpiretime('there'));
    });

    it('imports an RDB file, and says what it does not take', async () => {
      await write(3_000, 2, false);
      await source.call('XADD', 'stream', '*', 'a', 'b');
      await source.call('FUNCTION', 'LOAD', "#!lua name=lib\nredis.register_function('f', function() return 1 end)");
      const { code, out, result } = await junokv('import', await rdbOf());
      expect(code, out).toBe(0);
      expect(result).toMatchObject({
        keys: (await source.dbsize()) - 1,
        skipped: { stream: { count: 1 }, functions: { count: 1, names: ['lib'] } },
      });
      const compared = await junokv('import', url(), '--merge', '--verify');
      expect(compared.result['verified']).toMatchObject({ different: 0 });
    });

    it('refuses a target with keys', async () => {
      await target.set('a', 'b');
      const { code, result } = await junokv('import', url());
      expect(code).toBe(1);
      expect(JSON.stringify(result)).toContain('--merge');
    });

    it('follows a source that is written to, until it has caught up', async () => {
      await write(3_000, 3, false);
      const writer = (async () => {
        for (let seed = 100; seed < 140; seed++) {
          await write(50, seed, true);
          await source.call('XADD', 'stream', '*', 'a', 'b');
          await source.multi().incr('counter').rpush('both', String(seed)).exec();
        }
      })();
      const { code, out, result } = await junokv('import', url(), '--follow', '--until-caught-up', '--verify');
      await writer;
      expect(code, out).toBe(0);
      expect(result).toMatchObject({ ok: true, failed: {}, verified: { different: 0, problems: [] } });
    });

    it('follows several databases, each in its order, and what goes from one to another', async () => {
      await source.set('counter', '0');
      const system = new FakeSystem();
      const running = run(system, 'import', url(), '--follow', '--until-caught-up', '--verify');
      for (let round = 0; round < 60; round++) {
        const pipeline = source.pipeline();
        for (const database of ['0', '5', '9']) {
          pipeline.call('SELECT', database);
          pipeline.rpush('list', `${round}`).call('COPY', 'list', `from ${database}`, 'DB', '7', 'REPLACE');
          pipeline.set(`moved ${round}`, database).call('MOVE', `moved ${round}`, '7');
        }
        pipeline.call('MULTI').incr('counter').call('SELECT', '5');
        pipeline.rpush('list', 'together').call('SELECT', '9').incr('counter').call('EXEC');
        await pipeline.exec();
      }
      const { code, out, result } = await running;
      expect(code, out).toBe(0);
      expect(result).toMatchObject({ refused: {}, failed: {}, verified: { different: 0, problems: [] } });
    });

    it('goes on after a stop, and after commands that may have been carried out', async () => {
      await write(2_000, 4, false);
      await source.set('counter', '0');
      const first = new FakeSystem();
      const running = run(first, 'import', url(), '--follow');
      await expect.poll(() => target.get('counter'), { timeout: 20_000 }).toBe('0');
      for (let i = 0; i < 50; i++) await source.incr('counter');
      await expect.poll(() => target.get('counter'), { timeout: 20_000 }).toBe('50');
      first.signal();
      expect((await running).result).toMatchObject({ ok: true, stopped: true });
      await write(500, 5, true);
      for (let i = 0; i < 25; i++) await source.incr('counter');
      const { code, out, result } = await junokv('import', url(), '--follow', '--until-caught-up', '--verify');
      expect(code, out).toBe(0);
      expect(result).toMatchObject({ verified: { different: 0 } });
      expect(await target.get('counter')).toBe('75');
    });

    it('copies once more what may have been made of keys that commands were carried out on twice', async () => {
      await source.rpush('list', 'a');
      const follow = async (key: string, value: () => Promise<number>, expected: number): Promise<void> => {
        const system = new FakeSystem();
        const running = run(system, 'import', url(), '--follow');
        await expect.poll(value, { message: key, timeout: 20_000 }).toBe(expected);
        system.signal();
        expect((await running).result).toMatchObject({ ok: true, stopped: true });
      };
      await follow('list', () => target.llen('list'), 1);
      const before = JSON.parse(readFileSync(at('state/state.json'), 'utf8')) as Record<string, unknown>;
      await source.rpush('list', 'b');
      await source.call('COPY', 'list', 'copy', 'DB', '9', 'REPLACE');
      const other = target.duplicate({ db: 9 });
      await follow('copy', () => other.llen('copy'), 2);
      // As if it had been killed before it noted that.
      const after = JSON.parse(readFileSync(at('state/state.json'), 'utf8')) as Record<string, unknown>;
      const position = Math.max(Number(before['position']), Number(after['rdbPlace']));
      writeFileSync(at('state/state.json'), JSON.stringify({ ...after, position, database: before['database'] }));
      const { code, out, result } = await junokv('import', url(), '--follow', '--until-caught-up', '--verify');
      expect(code, out).toBe(0);
      expect(result).toMatchObject({ verified: { different: 0 } });
      expect(await other.lrange('copy', 0, -1)).toEqual(['a', 'b']);
      other.disconnect();
    });

    it('follows SWAPDB, also in a transaction, and says where it is open whether it was carried out', async () => {
      await write(500, 8, false);
      await source.set('mark', 'copied');
      const followTo = async (mark: string): Promise<string> => {
        const system = new FakeSystem();
        const running = run(system, 'import', url(), '--follow');
        await expect.poll(() => target.get('mark'), { timeout: 20_000 }).toBe(mark);
        system.signal();
        expect((await running).result).toMatchObject({ ok: true, stopped: true });
        return readFileSync(at('state/state.json'), 'utf8');
      };
      const before = JSON.parse(await followTo('copied')) as Record<string, unknown>;
      await source.swapdb(0, 3);
      await write(100, 9, true);
      await source.multi().set('j', 'three').swapdb(0, 3).set('j', 'zero').exec();
      await source.swapdb(3, 4);
      await source.set('mark', 'swapped');
      const after = await followTo('swapped');
      // As if it had been killed before it noted that.
      const position = Math.max(Number(before['position']), Number(before['rdbPlace']));
      const isOpen = { ...(JSON.parse(after) as object), position, database: before['database'] };
      writeFileSync(at('state/state.json'), JSON.stringify(isOpen));
      const refused = await junokv('import', url(), '--follow', '--until-caught-up');
      expect(refused.code).toBe(1);
      expect(refused.out).toContain('it is open whether the target has carried it out');
      writeFileSync(at('state/state.json'), after);
      const { code, out, result } = await junokv('import', url(), '--follow', '--until-caught-up', '--verify');
      expect(code, out).toBe(0);
      expect(result).toMatchObject({ verified: { different: 0 } });
      expect(await target.get('j')).toBe('zero');
      const other = target.duplicate({ db: 4 });
      expect(await other.get('j')).toBe('three');
      other.disconnect();
    });

    it('has keys that the source made live on before their time was over, though it comes later', async () => {
      await source.set('counter', '0');
      const first = new FakeSystem();
      const running = run(first, 'import', url(), '--follow');
      await expect.poll(() => target.get('counter'), { timeout: 20_000 }).toBe('0');
      first.signal();
      expect((await running).result).toMatchObject({ ok: true, stopped: true });
      const endsMs = Date.now() + 2_000;
      await source.multi().rpush('stays', 'a').pexpireat('stays', endsMs).persist('stays').exec();
      await source
        .multi()
        .set('longer', 'b', 'PXAT', endsMs)
        .pexpireat('longer', endsMs + 1_000_000)
        .exec();
      await expect.poll(() => Date.now(), { timeout: 20_000 }).toBeGreaterThan(endsMs);
      const { code, out, result } = await junokv('import', url(), '--follow', '--until-caught-up', '--verify');
      expect(code, out).toBe(0);
      expect(result).toMatchObject({ verified: { different: 0 } });
      expect(await target.lrange('stays', 0, -1)).toEqual(['a']);
      expect(await target.pexpiretime('longer')).toBe(endsMs + 1_000_000);
    });

    /** Keys of which the target is told that they end at `endsMs`. */
    async function writeEnding(endsMs: number): Promise<void> {
      await source.multi().set('counted', '5', 'PXAT', endsMs).incr('counted').exec();
      await source.multi().rpush('old name', 'a').pexpireat('old name', endsMs).rename('old name', 'new name').exec();
      await source.set('there', 'yes');
      await expect.poll(() => target.exists('early', 'counted', 'new name', 'there'), { timeout: 20_000 }).toBe(4);
    }

    /** What the target hears of after they have ended. */
    async function useEnding(): Promise<void> {
      await source.call('BITOP', 'OR', 'made', 'early', 'nothing');
      await source.call('SET', 'early', 'def', 'KEEPTTL');
      await source.multi().incr('counted').pexpireat('counted', '9000000000000').exec();
      await source.multi().rpush('new name', 'b').call('COPY', 'new name', 'copy').persist('copy').exec();
    }

    async function expectUsed(running: Promise<{ code: number; out: string; result: unknown }>): Promise<void> {
      const { code, out, result } = await running;
      expect(code, out).toBe(0);
      expect(result).toMatchObject({ verified: { different: 0 } });
      expect(await target.get('made')).toBe('abc');
      expect(await target.get('counted')).toBe('7');
      expect(await target.lrange('copy', 0, -1)).toEqual(['a', 'b']);
      expect(await target.exists('early', 'new name')).toBe(0);
    }

    it('has what the source made of keys before their time was over, though a slow target gets it later', async () => {
      const endsMs = Date.now() + 3_000;
      await source.set('early', 'abc', 'PXAT', endsMs);
      const system = new FakeSystem();
      const running = run(system, 'import', url(), '--follow', '--verify');
      await writeEnding(endsMs);
      await target.call('CLIENT', 'PAUSE', String(endsMs + 500 - Date.now()), 'WRITE');
      await useEnding();
      expect(Date.now(), 'all of this before their time').toBeLessThan(endsMs);
      await expect.poll(() => target.exists('made'), { timeout: 20_000 }).toBe(1);
      system.signal();
      await expectUsed(running);
    });

    it('has it also where it was interrupted in between', async () => {
      const endsMs = Date.now() + 4_000;
      await source.set('early', 'abc', 'PXAT', endsMs);
      const system = new FakeSystem();
      const running = run(system, 'import', url(), '--follow');
      await writeEnding(endsMs);
      system.signal();
      expect((await running).result).toMatchObject({ ok: true, stopped: true });
      // Behind what is looked at again in any case, for it may have been carried out.
      await source.set('long', 'x'.repeat(2 * limits.importAheadBytes));
      await useEnding();
      expect(Date.now(), 'all of this before their time').toBeLessThan(endsMs);
      await expect.poll(() => Date.now(), { timeout: 20_000 }).toBeGreaterThan(endsMs);
      await expectUsed(junokv('import', url(), '--follow', '--until-caught-up', '--verify'));
    });

    it('goes on when the connection to the source breaks', async () => {
      await write(1_000, 6, false);
      const system = new FakeSystem();
      const running = run(system, 'import', url(), '--follow', '--until-caught-up', '--verify');
      for (let i = 0; i < 5; i++) {
        await source.call('CLIENT', 'KILL', 'TYPE', 'replica');
        await write(200, 200 + i, true);
      }
      const { code, out, result } = await running;
      expect(code, out).toBe(0);
      expect(result).toMatchObject({ verified: { different: 0 } });
    });

    it('exports a file that redis-server loads', async () => {
      await write(3_000, 7, false);
      await source.rpush('long', ...Array.from({ length: 3_000 }, (_, i) => `element ${i}`));
      expect((await junokv('import', url())).code).toBe(0);
      const { code, out, result } = await junokv('export', at('dump.rdb'));
      expect(code, out).toBe(0);
      expect(result).toMatchObject({ ok: true, keys: await source.dbsize() });
      const loaded = await RealRedis.start('--dir', directory, '--dbfilename', 'dump.rdb');
      try {
        const from = `redis://127.0.0.1:${loaded.port}`;
        const compared = await junokv('import', from, '--merge', '--verify');
        expect(compared.code, compared.out).toBe(0);
        expect(compared.result).toMatchObject({ keys: await source.dbsize(), verified: { different: 0 } });
      } finally {
        await loaded.stop();
      }
    });

    it('asks for what belongs together', async () => {
      for (const words of [['--follow'], ['--verify']]) {
        const { code, out } = await junokv('import', at('dump.rdb'), ...words);
        expect(code, out).toBe(2);
      }
      expect((await junokv('import', url(), '--until-caught-up')).code).toBe(2);
      expect((await junokv('import', at('nosuch.rdb'))).code).toBe(1);
      assert(directory !== '', 'there is a directory');
    });
  },
);
