import { describe, expect, it, onTestFinished } from 'vitest';
import { InvariantError } from '../base/assert.ts';
import {
  type Engine,
  type EngineCallback,
  type EngineChange,
  type EngineEntry,
  type EngineFailureKind,
  type EngineRange,
  mayHaveMore,
} from './engine.ts';

/** An engine on empty data; `reopen` opens the same data again after the engine was closed (durable engines). */
export interface OpenedEngine {
  readonly engine: Engine;
  readonly reopen?: () => Promise<Engine>;
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const put = (key: string, value: string): EngineChange => ({ key: bytes(key), value: bytes(value) });
const remove = (key: string): EngineChange => ({ key: bytes(key), value: null });

function promised<T>(call: (callback: EngineCallback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, result) => (error === null ? resolve(result as T) : reject(error)));
  });
}

/** An engine's calls as promises, for tests. */
export function write(engine: Engine, changes: readonly EngineChange[]): Promise<void> {
  return promised((callback) => engine.write(changes, callback));
}

export function getMany(engine: Engine, keys: readonly string[]): Promise<readonly (Buffer | null)[]> {
  return promised((callback) => engine.getMany(keys.map(bytes), callback));
}

export function scan(engine: Engine, range: Partial<EngineRange>): Promise<readonly EngineEntry[]> {
  const whole = { from: bytes(''), to: bytes('\xff'), limit: 1_000_000, limitBytes: 1e9, keysOnly: false };
  return promised((callback) => engine.scan({ ...whole, ...range }, callback));
}

export function sync(engine: Engine): Promise<void> {
  return promised((callback) => engine.sync(callback));
}

export function close(engine: Engine): Promise<void> {
  return promised((callback) => engine.close(callback));
}

const texts = (values: readonly (Buffer | null)[]): (string | null)[] =>
  values.map((value) => (value === null ? null : value.toString('latin1')));
const keysOf = (entries: readonly EngineEntry[]): string[] => entries.map((entry) => entry.key.toString('latin1'));

type Open = () => Promise<OpenedEngine>;

/** What every engine must do; an engine's own test calls this in one line. */
export function describeEngine(name: string, open: Open): void {
  const opened = async (): Promise<Engine> => {
    const { engine } = await open();
    onTestFinished(() => close(engine).catch(() => {}));
    return engine;
  };
  describe(`${name}: conformance`, () => {
    describeWrites(opened);
    describeScans(opened);
    describeLifecycle(open, opened);
  });
}

function describeWrites(opened: () => Promise<Engine>): void {
  it('answers reads in the order of the keys, null where there is none', async () => {
    const engine = await opened();
    await write(engine, [put('b', '2'), put('a', '1'), put('empty', '')]);
    expect(texts(await getMany(engine, ['a', 'none', 'b', 'a', 'empty', 'ab']))).toEqual([
      '1',
      null,
      '2',
      '1',
      '',
      null,
    ]);
    expect(await getMany(engine, [])).toEqual([]);
  });

  it('applies the changes of a batch in order, the later one of a key wins', async () => {
    const engine = await opened();
    await write(engine, [put('gone', 'x'), put('k', 'old')]);
    await write(engine, [put('k', 'new'), remove('gone'), remove('k2'), put('k2', 'back'), put('k', 'newest')]);
    expect(texts(await getMany(engine, ['k', 'k2', 'gone']))).toEqual(['newest', 'back', null]);
    await write(engine, [put('k', 'again'), remove('k')]);
    expect(texts(await getMany(engine, ['k']))).toEqual([null]);
    expect(keysOf(await scan(engine, {}))).toEqual(['k2']);
  });

  it('takes an empty batch', async () => {
    const engine = await opened();
    await write(engine, []);
    expect(await scan(engine, {})).toEqual([]);
  });

  it('shows a batch whole or not at all', async () => {
    const engine = await opened();
    const names = Array.from({ length: 50 }, (_, i) => `k${i}`);
    for (let round = 0; round < 20; round++) {
      const writing = write(
        engine,
        names.map((key) => put(key, `${round}`)),
      );
      const seen = new Set((await scan(engine, {})).map((entry) => entry.value.toString()));
      expect(seen.size).toBeLessThanOrEqual(1);
      await writing;
    }
  });

  it('shows a batch to every read made after its callback', async () => {
    const engine = await opened();
    for (let round = 0; round < 100; round++) {
      await write(engine, [put('k', `${round}`), round % 2 === 0 ? put('flip', 'on') : remove('flip')]);
      const [values, entries] = await Promise.all([getMany(engine, ['k', 'flip']), scan(engine, {})]);
      expect(texts(values)).toEqual([`${round}`, round % 2 === 0 ? 'on' : null]);
      expect(keysOf(entries)).toEqual(round % 2 === 0 ? ['flip', 'k'] : ['k']);
    }
  });

  it('keeps values of several megabytes', async () => {
    const engine = await opened();
    const big = Buffer.alloc(5_000_000, 'abc');
    await write(engine, [{ key: bytes('big'), value: big }, put('small', 's')]);
    const [read, small] = await getMany(engine, ['big', 'small']);
    expect(read?.equals(big)).toBe(true);
    expect(small?.toString()).toBe('s');
    expect((await scan(engine, { from: bytes('big'), to: bytes('bih') }))[0]?.value.equals(big)).toBe(true);
  });

  it('keeps values that are a part of a larger buffer', async () => {
    const engine = await opened();
    const frame = Buffer.from(`head${'x'.repeat(100_000)}`);
    await write(engine, [{ key: frame.subarray(0, 2), value: frame.subarray(2, 4) }]);
    frame.fill(0);
    expect(texts(await getMany(engine, ['he']))).toEqual(['ad']);
  });

  it('refuses what is not a buffer, and a second batch in flight', async () => {
    const engine = await opened();
    const wrong = [{ key: bytes('k'), value: 'text' as unknown as Buffer }];
    expect(() => engine.write(wrong, () => {})).toThrow(InvariantError);
    expect(() => engine.getMany(['k' as unknown as Buffer], () => {})).toThrow(InvariantError);
    let done = false;
    const first = promised<void>((callback) =>
      engine.write([put('k', 'first')], (error, result) => {
        done = true;
        callback(error, result);
      }),
    );
    // An engine that answers before the call returns never has one in flight.
    if (!done) expect(() => engine.write([put('k', 'second')], () => {})).toThrow(InvariantError);
    await first;
    await write(engine, [put('l', 'third')]);
    expect(texts(await getMany(engine, ['k', 'l']))).toEqual(['first', 'third']);
  });
}

function describeScans(opened: () => Promise<Engine>): void {
  it('scans in byte order, from inclusive to exclusive', async () => {
    const engine = await opened();
    const keys = ['', 'a', 'a\0', 'aa', 'b', 'b\xff', 'c', '\x80', '\xfe', '\xff'];
    await write(
      engine,
      [...keys].reverse().map((key) => put(key, `v${key}`)),
    );
    const range = async (from: string, to: string): Promise<string[]> =>
      keysOf(await scan(engine, { from: bytes(from), to: bytes(to) }));
    expect(await range('', '\xff\xff')).toEqual(keys);
    expect(await range('a', 'b')).toEqual(['a', 'a\0', 'aa']);
    expect(await range('a\0', 'b\xff')).toEqual(['a\0', 'aa', 'b']);
    expect(await range('bb', 'c')).toEqual(['b\xff']);
    expect(await range('d', '\x80')).toEqual([]);
    expect(await range('b', 'b')).toEqual([]);
    expect(await range('c', 'a')).toEqual([]);
    expect(await range('', '')).toEqual([]);
  });

  it('stops at its limits, with at least one entry, and goes on from the last key', async () => {
    const engine = await opened();
    const keys = Array.from({ length: 2_500 }, (_, i) => `k${String(i).padStart(5, '0')}`);
    await write(
      engine,
      keys.map((key) => put(key, 'v'.repeat(94))),
    );
    expect(keysOf(await scan(engine, {}))).toEqual(keys);
    expect(keysOf(await scan(engine, { limit: 7 }))).toEqual(keys.slice(0, 7));
    expect(keysOf(await scan(engine, { limitBytes: 1_000 }))).toEqual(keys.slice(0, 10));
    expect(keysOf(await scan(engine, { limitBytes: 1_001 }))).toEqual(keys.slice(0, 11));
    expect(keysOf(await scan(engine, { limitBytes: 1 }))).toEqual(keys.slice(0, 1));
    let from = bytes('');
    const found: string[] = [];
    for (;;) {
      const limit = { limit: 300, limitBytes: 25_000 };
      const page = await scan(engine, { from, ...limit });
      const last = page.at(-1);
      if (last === undefined) break;
      found.push(...keysOf(page));
      if (!mayHaveMore(page, limit)) break;
      from = Buffer.concat([last.key, Buffer.alloc(1)]);
    }
    expect(found).toEqual(keys);
  });

  it('answers keys alone when asked to', async () => {
    const engine = await opened();
    await write(engine, [put('a', 'x'.repeat(1_000)), put('b', 'y')]);
    const entries = await scan(engine, { keysOnly: true, limitBytes: 2 });
    expect(keysOf(entries)).toEqual(['a', 'b']);
    expect(entries.map((entry) => entry.value.length)).toEqual([0, 0]);
  });

  it('agrees with a plain sorted map over many random changes', async () => {
    const engine = await opened();
    const model = new Map<string, string>();
    let seed = 7;
    const below = (n: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((seed / 2_147_483_648) * n);
    };
    for (let round = 0; round < 60; round++) {
      const changes: EngineChange[] = [];
      for (let i = 0; i < 200; i++) {
        const key = `${below(4_000)}`;
        // Mostly growing first, then mostly shrinking.
        if (below(10) < (round < 30 ? 8 : 2)) {
          changes.push(put(key, `${round}.${i}`));
          model.set(key, `${round}.${i}`);
        } else {
          changes.push(remove(key));
          model.delete(key);
        }
      }
      await write(engine, changes);
      const from = `${below(10)}`;
      const expected = [...model].filter(([key]) => key >= from).sort(([a], [b]) => (a < b ? -1 : 1));
      const entries = await scan(engine, { from: bytes(from) });
      expect(entries.map((entry) => [entry.key.toString(), entry.value.toString()])).toEqual(expected);
    }
  });
}

function describeLifecycle(open: Open, opened: () => Promise<Engine>): void {
  it('tells its size', async () => {
    const engine = await opened();
    await write(engine, [{ key: bytes('k'), value: Buffer.alloc(100_000, 1) }]);
    expect(engine.sizeBytes()).toBeGreaterThanOrEqual(0);
    expect(Number.isSafeInteger(engine.sizeBytes())).toBe(true);
  });

  it('syncs, also several times at once and with nothing written', async () => {
    const engine = await opened();
    await sync(engine);
    await write(engine, [put('k', 'v')]);
    await Promise.all([sync(engine), sync(engine), sync(engine)]);
    await sync(engine);
  });

  it('says closed after its close, and finishes what was in flight', async () => {
    const engine = await opened();
    const writing = write(engine, [put('k', 'v')]);
    const reading = getMany(engine, ['none']);
    const scanning = scan(engine, { from: bytes('x') });
    await close(engine);
    expect(await Promise.all([writing, reading, scanning])).toEqual([undefined, [null], []]);
    const closed: { kind: EngineFailureKind } = { kind: 'closed' };
    await expect(write(engine, [put('k', 'w')])).rejects.toMatchObject(closed);
    await expect(getMany(engine, ['k'])).rejects.toMatchObject(closed);
    await expect(scan(engine, {})).rejects.toMatchObject(closed);
    await expect(sync(engine)).rejects.toMatchObject(closed);
    await expect(close(engine)).rejects.toMatchObject(closed);
    expect(engine.sizeBytes()).toBeGreaterThanOrEqual(0);
  });

  it('keeps its data over a close if it is durable', async () => {
    const { engine, reopen } = await open();
    expect(engine.supports.durable).toBe(reopen !== undefined);
    await write(engine, [put('kept', 'v'), put('gone', 'v')]);
    await write(engine, [remove('gone')]);
    await close(engine);
    if (reopen === undefined) return;
    const again = await reopen();
    onTestFinished(() => close(again).catch(() => {}));
    expect(texts(await getMany(again, ['kept', 'gone']))).toEqual(['v', null]);
    expect(keysOf(await scan(again, {}))).toEqual(['kept']);
  });
}
