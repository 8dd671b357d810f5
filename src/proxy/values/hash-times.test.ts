import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SessionRunner, type ShownReply, shown } from '../testing/session-runner.ts';

interface ModelField {
  readonly value: string;
  /** 0: never. */
  readonly timeMs: number;
}

type Model = Map<string, ModelField>;
const KEY = 'h';

async function ask(session: SessionRunner, ...words: readonly (string | number)[]): Promise<ShownReply> {
  return shown((await session.runArguments(words.map((word) => Buffer.from(String(word), 'latin1')))) ?? null);
}

function form(session: SessionRunner): 'inline' | 'trees' | 'none' {
  const record = session.proxy.cluster.record(0, KEY);
  return record === null ? 'none' : record.value.paged ? 'trees' : 'inline';
}

function trees(session: SessionRunner): number {
  const value = session.proxy.cluster.record(0, KEY)?.value;
  return value?.paged === true && 'trees' in value ? value.trees.length : 0;
}

function forget(model: Model, nowMs: number): void {
  for (const [field, { timeMs }] of model) if (timeMs !== 0 && timeMs <= nowMs) model.delete(field);
}

/** What is there, by every command that tells. */
async function expectSame(session: SessionRunner, key: string, model: Model): Promise<void> {
  const fields = [...model.keys()];
  const plain = Object.fromEntries([...model].map(([field, { value }]) => [field, value]));
  expect(await ask(session, 'EXISTS', key)).toBe(model.size === 0 ? 0 : 1);
  expect(await ask(session, 'HLEN', key)).toBe(model.size);
  expect(await ask(session, 'HGETALL', key)).toEqual(plain);
  expect(new Set((await ask(session, 'HKEYS', key)) as string[])).toEqual(new Set(fields));
  expect(((await ask(session, 'HVALS', key)) as string[]).sort()).toEqual(Object.values(plain).sort());
  expect(new Set((await ask(session, 'HRANDFIELD', key, 10_000)) as string[])).toEqual(new Set(fields));
  expect(await scanned(session, key)).toEqual(plain);
  if (fields.length === 0) return;
  const some = fields.slice(0, 30);
  expect(await ask(session, 'HMGET', key, ...some)).toEqual(some.map((field) => model.get(field)?.value));
  expect(await ask(session, 'HPEXPIRETIME', key, 'FIELDS', some.length, ...some)).toEqual(
    some.map((field) => model.get(field)?.timeMs || -1),
  );
}

async function scanned(session: SessionRunner, key: string): Promise<Record<string, ShownReply>> {
  const found: Record<string, ShownReply> = {};
  let cursor = '0';
  do {
    const reply = await ask(session, 'HSCAN', key, cursor, 'COUNT', 100);
    if (!Array.isArray(reply) || !Array.isArray(reply[1])) throw new Error('a cursor and elements');
    cursor = String(reply[0]);
    for (let i = 0; i < reply[1].length; i += 2) found[String(reply[1][i])] = reply[1][i + 1] ?? null;
  } while (cursor !== '0');
  return found;
}

const LONG_NAMES = ['l'.repeat(505), 'm'.repeat(506), 'n'.repeat(509), 'o'.repeat(3_000)];
const field = fc.oneof(
  { weight: 10, arbitrary: fc.nat(40).map((n) => `f${n}`) },
  { weight: 1, arbitrary: fc.constantFrom('', ...LONG_NAMES) },
);
const fields = fc.uniqueArray(field, { minLength: 1, maxLength: 5 });
const text = fc.oneof(
  { weight: 5, arbitrary: fc.nat(99).map(String) },
  { weight: 1, arbitrary: fc.nat(3_000).map((n) => 'v'.repeat(n)) },
);
const condition = fc.constantFrom('', '', '', 'NX', 'XX', 'GT', 'LT');
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('set' as const), fields, text }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('expire' as const), fields, condition, ms: fc.nat(60) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('persist' as const), fields }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), fields }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('add' as const), field }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('getdel' as const), fields }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('getex' as const), fields, ms: fc.nat(60) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('setex' as const), fields, text, ms: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('keep' as const), fields, text }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(20) }) },
);
type StepOf = typeof step extends fc.Arbitrary<infer T> ? T : never;

function expireInModel(model: Model, name: string, momentMs: number, nowMs: number): 1 | 2 {
  const old = model.get(name);
  if (momentMs <= nowMs) model.delete(name);
  else model.set(name, { value: old?.value ?? '', timeMs: momentMs });
  return momentMs <= nowMs ? 2 : 1;
}

function codeOf(model: Model, name: string, when: string, momentMs: number, nowMs: number): number {
  const old = model.get(name);
  if (old === undefined) return -2;
  const isMet =
    old.timeMs === 0
      ? when !== 'XX' && when !== 'GT'
      : when === '' ||
        when === 'XX' ||
        (when === 'GT' && momentMs > old.timeMs) ||
        (when === 'LT' && momentMs < old.timeMs);
  return isMet ? expireInModel(model, name, momentMs, nowMs) : 0;
}

/** Does a step on both, and expects the same reply. */
async function perform(session: SessionRunner, model: Model, one: StepOf): Promise<void> {
  const { clock } = session.proxy;
  const nowMs = clock.wallMs();
  const before = model.size;
  const old = (names: readonly string[]): (string | null)[] => names.map((name) => model.get(name)?.value ?? null);
  switch (one.kind) {
    case 'wait':
      clock.advance(one.ms);
      forget(model, clock.wallMs());
      return;
    case 'set':
      for (const name of one.fields) model.set(name, { value: one.text, timeMs: 0 });
      expect(await ask(session, 'HSET', KEY, ...one.fields.flatMap((name) => [name, one.text]))).toBe(
        model.size - before,
      );
      return;
    case 'delete':
      for (const name of one.fields) model.delete(name);
      expect(await ask(session, 'HDEL', KEY, ...one.fields)).toBe(before - model.size);
      return;
    case 'persist': {
      const codes = one.fields.map((name) => {
        const found = model.get(name);
        if (found === undefined) return -2;
        model.set(name, { ...found, timeMs: 0 });
        return found.timeMs === 0 ? -1 : 1;
      });
      expect(await ask(session, 'HPERSIST', KEY, 'FIELDS', one.fields.length, ...one.fields)).toEqual(codes);
      return;
    }
    case 'expire': {
      const momentMs = nowMs + one.ms;
      const codes = one.fields.map((name) => codeOf(model, name, one.condition, momentMs, nowMs));
      const words = one.condition === '' ? [] : [one.condition];
      const reply = await ask(session, 'HPEXPIRE', KEY, one.ms, ...words, 'FIELDS', one.fields.length, ...one.fields);
      expect(reply).toEqual(codes);
      return;
    }
    case 'add': {
      const found = model.get(one.field);
      if (found !== undefined && !/^\d{1,9}$/.test(found.value)) return;
      const sum = Number(found?.value ?? 0) + 7;
      model.set(one.field, { value: String(sum), timeMs: found?.timeMs ?? 0 });
      expect(await ask(session, 'HINCRBY', KEY, one.field, 7)).toBe(sum);
      return;
    }
    case 'getdel': {
      const values = old(one.fields);
      for (const name of one.fields) model.delete(name);
      expect(await ask(session, 'HGETDEL', KEY, 'FIELDS', one.fields.length, ...one.fields)).toEqual(values);
      return;
    }
    case 'getex': {
      const values = old(one.fields);
      for (const name of one.fields) if (model.has(name)) expireInModel(model, name, nowMs + one.ms, nowMs);
      const reply = await ask(session, 'HGETEX', KEY, 'PX', one.ms, 'FIELDS', one.fields.length, ...one.fields);
      expect(reply).toEqual(values);
      return;
    }
    case 'setex':
    case 'keep': {
      const isKept = one.kind === 'keep';
      for (const name of one.fields) {
        model.set(name, { value: one.text, timeMs: isKept ? (model.get(name)?.timeMs ?? 0) : 0 });
        if (!isKept) expireInModel(model, name, nowMs + one.ms, nowMs);
      }
      const words = one.kind === 'keep' ? ['KEEPTTL'] : ['PX', one.ms];
      const pairs = one.fields.flatMap((name) => [name, one.text]);
      expect(await ask(session, 'HSETEX', KEY, ...words, 'FIELDS', one.fields.length, ...pairs)).toBe(1);
    }
  }
}

/** Fields of which every third expires, at one of several moments. */
async function fill(session: SessionRunner, model: Model, count: number): Promise<void> {
  const names = Array.from({ length: count }, (_, i) => `filler-${i}`);
  for (const name of names) model.set(name, { value: `a value of some length, ${name}`, timeMs: 0 });
  await ask(session, 'HSET', KEY, ...names.flatMap((name) => [name, `a value of some length, ${name}`]));
  const timed = names.filter((_, i) => i % 3 === 0);
  const momentOf = (i: number): number => session.proxy.clock.wallMs() + 10 + (i % 7) * 15;
  for (let group = 0; group < 7; group++) {
    const some = timed.filter((_, i) => i % 7 === group);
    for (const name of some) model.set(name, { value: `a value of some length, ${name}`, timeMs: momentOf(group) });
    if (some.length === 0) continue;
    const codes = await ask(session, 'HPEXPIREAT', KEY, momentOf(group), 'FIELDS', some.length, ...some);
    expect(codes).toEqual(some.map(() => 1));
  }
}

describe('a hash whose fields expire', () => {
  it.each([
    ['small', 0, 60],
    ['large', 600, 8],
  ] as const)(
    'is a map of fields that vanish, %s',
    async (_name, count, numRuns) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
          const session = new SessionRunner();
          const model: Model = new Map();
          if (count > 0) await fill(session, model, count);
          expect(form(session)).toBe(count > 0 ? 'trees' : 'none');
          for (const one of steps) await perform(session, model, one);
          await expectSame(session, KEY, model);
          await ask(session, 'COPY', KEY, 'copy');
          const payload = await session.runArguments([Buffer.from('DUMP'), Buffer.from(KEY)]);
          if (Buffer.isBuffer(payload)) {
            const restored = await session.runArguments([
              Buffer.from('RESTORE'),
              Buffer.from('restored'),
              Buffer.from('0'),
              payload,
            ]);
            expect(shown(restored ?? null)).toBe('+OK');
          }
          for (let waited = 0; waited < 2; waited++) {
            await expectSame(session, 'copy', model);
            await expectSame(session, 'restored', model);
            session.proxy.clock.advance(45);
            forget(model, session.proxy.clock.wallMs());
            await expectSame(session, KEY, model);
          }
        }),
        { numRuns },
      );
    },
    60_000,
  );

  it('is one of any other when no field expires any more, large and small', async () => {
    for (const count of [20, 2_000]) {
      const session = new SessionRunner();
      const names = Array.from({ length: count }, (_, i) => `f${i}`);
      await ask(session, 'HSET', KEY, ...names.flatMap((name) => [name, 'some value']));
      const before = session.proxy.cluster.record(0, KEY)?.sizeBytes;
      await ask(session, 'HEXPIRE', KEY, 100, 'FIELDS', 2, 'f3', 'f17');
      expect(trees(session)).toBe(count > 1_000 ? 3 : 0);
      expect(await ask(session, 'HPERSIST', KEY, 'FIELDS', 2, 'f3', 'f17')).toEqual([1, 1]);
      const record = session.proxy.cluster.record(0, KEY);
      expect(record?.sizeBytes).toBe(before);
      expect(record?.value).not.toHaveProperty('fieldTimes');
    }
  });

  it('vanishes with its last field, and with its key, whichever is first', async () => {
    for (const count of [3, 1_000]) {
      const session = new SessionRunner();
      const { clock } = session.proxy;
      const names = Array.from({ length: count }, (_, i) => `f${i}`);
      const set = async (): Promise<void> => {
        await ask(session, 'HSET', KEY, ...names.flatMap((name) => [name, 'a value of some length']));
        await ask(session, 'HPEXPIRE', KEY, 50, 'FIELDS', count - 1, ...names.slice(1));
        await ask(session, 'HPEXPIRE', KEY, 70, 'FIELDS', 1, 'f0');
      };
      await set();
      expect(await ask(session, 'PTTL', KEY)).toBe(-1);
      clock.advance(60);
      expect(await ask(session, 'HLEN', KEY)).toBe(1);
      expect(await ask(session, 'HGETALL', KEY)).toEqual({ f0: 'a value of some length' });
      expect(await ask(session, 'DBSIZE')).toBe(1);
      clock.advance(10);
      expect(await ask(session, 'TYPE', KEY)).toBe('+none');
      expect(await ask(session, 'DBSIZE')).toBe(0);
      expect(await ask(session, 'KEYS', '*')).toEqual([]);

      await set();
      expect(await ask(session, 'PEXPIRE', KEY, 30)).toBe(1);
      expect(await ask(session, 'PTTL', KEY)).toBe(30);
      expect(await ask(session, 'HPTTL', KEY, 'FIELDS', 1, 'f0')).toEqual([70]);
      expect(await ask(session, 'PERSIST', KEY)).toBe(1);
      expect(await ask(session, 'PTTL', KEY)).toBe(-1);
      await ask(session, 'PEXPIRE', KEY, 30);
      await ask(session, 'HSET', KEY, 'f0', 'again');
      clock.advance(30);
      expect(await ask(session, 'EXISTS', KEY)).toBe(0);
    }
  });

  it('does not read or write long values whose times change', async () => {
    const session = new SessionRunner();
    const names = ['short', 'l'.repeat(505), 'o'.repeat(600)];
    for (const name of names) await ask(session, 'HSET', KEY, name, name[0]?.repeat(100_000) ?? '');
    const { pages } = session.proxy.cluster;
    const before = new Set([...pages].flatMap(([id, bytes]) => (bytes.length > 10_000 ? [id] : [])));
    expect(before.size).toBeGreaterThan(5);
    for (const words of [
      ['HEXPIRE', KEY, 50],
      ['HEXPIRE', KEY, 70],
      ['HPERSIST', KEY],
    ]) {
      expect(await ask(session, ...words, 'FIELDS', 3, ...names)).toEqual([1, 1, 1]);
      const after = [...pages].flatMap(([id, bytes]) => (bytes.length > 10_000 ? [id] : []));
      expect(new Set(after)).toEqual(before);
      for (const name of names) expect(await ask(session, 'HGET', KEY, name)).toBe(name[0]?.repeat(100_000));
    }
  });

  it('never piles up what has expired', async () => {
    const session = new SessionRunner();
    await ask(session, 'HSET', KEY, ...Array.from({ length: 1_000 }, (_, i) => [`kept-${i}`, 'v']).flat());
    let most = 0;
    for (let round = 0; round < 200; round++) {
      const names = Array.from({ length: 10 }, (_, i) => `r${round}-${i}`);
      await ask(session, 'HSETEX', KEY, 'PX', 5, 'FIELDS', names.length, ...names.flatMap((name) => [name, 'v']));
      session.proxy.clock.advance(1);
      const value = session.proxy.cluster.record(0, KEY)?.value;
      if (value?.paged === true && 'trees' in value) most = Math.max(most, value.trees[2]?.count ?? 0);
    }
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(150);
    expect(await ask(session, 'HLEN', KEY)).toBe(1_000 + 5 * 10 - 10);
  });
});
