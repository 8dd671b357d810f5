import { describe, expect, it } from 'vitest';
import { checkSerial, type SerialAccess, type SerialTxn } from './serial-checker.ts';
import { SimRandom } from './sim-random.ts';

/** `read a 1 2`: found the marks 1 and 2 at a; `write a 1`, `delete a`, and `update a 1 > 2`: found 1, left 2. */
function access(text: string): SerialAccess {
  const [verb, key = '', ...words] = text.split(' ');
  if (verb === 'read') return { key, found: words };
  if (verb === 'write') return { key, found: null, left: words[0] ?? '' };
  if (verb === 'delete') return { key, found: null, left: null };
  if (verb === 'rewrite') return { key, found: null, hidden: words.slice(0, -1), left: words.at(-1) ?? '' };
  const to = words.indexOf('>');
  const left = words[to + 1];
  return { key, found: words.slice(0, to), left: left === 'nil' ? null : (left ?? '') };
}

let lastId = 0;

function txn(from: number, to: number, ...accesses: string[]): SerialTxn {
  return { id: ++lastId, invokedUs: from, returnedUs: to, outcome: 'done', accesses: accesses.map(access) };
}

function unknown(from: number, ...accesses: string[]): SerialTxn {
  return { ...txn(from, Number.POSITIVE_INFINITY, ...accesses), outcome: 'unknown' };
}

function refused(from: number, to: number, ...accesses: string[]): SerialTxn {
  return { ...txn(from, to, ...accesses), outcome: 'refused' };
}

function problemsOf(...history: SerialTxn[]): string {
  return checkSerial(history).join('; ');
}

describe('histories that have a serial order', () => {
  const good: readonly (readonly [string, SerialTxn[]])[] = [
    ['nothing at all', []],
    ['one after the other', [txn(0, 1, 'update a > 1', 'update b > 1'), txn(2, 3, 'read a 1', 'read b 1')]],
    [
      'at the same time',
      [txn(0, 9, 'write a 1', 'write b 1'), txn(0, 9, 'write a 2', 'write b 2'), txn(10, 11, 'read a 2', 'read b 2')],
    ],
    [
      'a reader on the way',
      [txn(0, 9, 'update a > 1', 'update b > 1'), txn(1, 2, 'read a', 'read b'), txn(3, 4, 'read a 1', 'read b 1')],
    ],
    ['one that is unknown and happened', [unknown(0, 'write a 1', 'write b 1'), txn(5, 6, 'read a 1', 'read b 1')]],
    ['one that is unknown and did not', [unknown(0, 'write a 1', 'write b 1'), txn(5, 6, 'read a', 'read b')]],
    ['one that is unknown and happened late', [unknown(0, 'write a 1'), txn(5, 6, 'read a'), txn(7, 8, 'read a 1')]],
    [
      'deleted and written again',
      [txn(0, 1, 'update a > 1'), txn(2, 3, 'update a 1 > nil'), txn(4, 5, 'update a > 2'), txn(6, 7, 'read a 2')],
    ],
    ['deleted by nobody knows', [txn(0, 1, 'write a 1'), unknown(2, 'delete a'), txn(4, 5, 'read a')]],
    [
      'a sum of appends',
      [
        txn(0, 5, 'update a > 1'),
        txn(1, 4, 'update a 1 > 2'),
        txn(2, 6, 'update a 1 2 > 3'),
        txn(7, 8, 'read a 1 2 3'),
      ],
    ],
    ['its own writes written over', [txn(0, 1, 'rewrite a 1 2'), txn(2, 3, 'read a 2')]],
  ];
  for (const [name, history] of good) it(name, () => expect(checkSerial(history)).toEqual([]));

  it('may lose what expires', () => {
    const history = [txn(0, 1, 'write a 1'), txn(2, 3, 'read a')];
    expect(checkSerial(history)).toHaveLength(1);
    expect(checkSerial(history, { vanishing: new Set(['a']) })).toEqual([]);
  });

  it('may find what several wrote, where that is so', () => {
    const history = [txn(0, 1, 'write a 1'), txn(2, 3, 'write a 1'), txn(4, 5, 'read a 7')];
    expect(checkSerial(history, { anonymous: new Set(['a']) })).toEqual([]);
  });
});

describe('histories that have none', () => {
  it('dirty write (G0): two writers in different orders at two keys', () => {
    const said = problemsOf(
      txn(0, 9, 'write a 1', 'write b 1'),
      txn(0, 9, 'write a 2', 'write b 2'),
      txn(10, 11, 'read a 1 2'),
      txn(10, 11, 'read b 2 1'),
    );
    expect(said).toContain('no serial order');
  });

  it('aborted read (G1a)', () => {
    expect(problemsOf(refused(0, 9, 'write a 1'), txn(3, 4, 'read a 1'))).toContain('was refused');
  });

  it('intermediate read (G1b)', () => {
    expect(problemsOf(txn(0, 9, 'rewrite a 1 2'), txn(3, 4, 'read a 1'))).toContain('wrote over itself');
  });

  it('circular information flow (G1c)', () => {
    const said = problemsOf(txn(0, 9, 'read a 2', 'write b 1'), txn(0, 9, 'write a 2', 'read b 1'));
    expect(said).toContain('wrote what was read at');
  });

  it('what was never written', () => {
    expect(problemsOf(txn(0, 9, 'read a 2'))).toContain('nobody wrote');
  });

  it('half a transaction (G-single)', () => {
    const said = problemsOf(
      txn(0, 1, 'update a > 1', 'update b > 1'),
      txn(2, 9, 'update a 1 > 2', 'update b 1 > 2'),
      txn(3, 8, 'read a 2', 'read b 1'),
    );
    expect(said).toContain('read what was written over at b');
  });

  it('half a transaction whose end is unknown', () => {
    const said = problemsOf(unknown(0, 'write a 1', 'write b 1'), txn(3, 8, 'read a 1', 'read b'));
    expect(said).toContain('no serial order');
  });

  it('half a transaction of blind writes, by the order in which they ended', () => {
    const said = problemsOf(
      txn(0, 1, 'write a 1', 'write b 1'),
      txn(2, 3, 'write a 2', 'write b 2'),
      txn(4, 5, 'read a 2', 'read b 1'),
    );
    expect(said).toContain('no serial order');
  });

  it('write skew (G2)', () => {
    const said = problemsOf(
      txn(0, 1, 'update a > 1', 'update b > 1'),
      txn(2, 9, 'read a 1', 'update b 1 > 2'),
      txn(2, 9, 'read b 1', 'update a 1 > 2'),
    );
    expect(said).toContain('read what was written over');
  });

  it('write skew over what was not there', () => {
    const said = problemsOf(txn(2, 9, 'read a', 'write b 2'), txn(2, 9, 'read b', 'write a 2'));
    expect(said).toContain('no serial order');
  });

  it('a lost update', () => {
    const said = problemsOf(txn(0, 1, 'write a 1'), txn(2, 9, 'update a 1 > 2'), txn(2, 9, 'update a 1 > 3'));
    expect(said).toContain('both write over');
    expect(problemsOf(txn(0, 9, 'update a > 1'), txn(0, 9, 'update a > 2'))).toContain('no serial order');
  });

  it('an order against time, at one key and at two', () => {
    const update = (): SerialTxn => txn(2, 3, 'update a 1 > 2');
    expect(problemsOf(txn(0, 1, 'write a 1'), update(), txn(4, 5, 'read a 1'))).toContain('ended before');
    const said = problemsOf(
      txn(0, 9, 'update a > 1'),
      txn(1, 2, 'read a 1', 'update b > 1'),
      txn(3, 4, 'read b 1', 'read a'),
    );
    expect(said).toContain('no serial order');
  });

  it('a snapshot that is neither before nor after (long fork)', () => {
    const said = problemsOf(
      txn(0, 9, 'update a > 1'),
      txn(0, 9, 'update b > 1'),
      txn(0, 9, 'read a 1', 'read b'),
      txn(0, 9, 'read a', 'read b 1'),
    );
    expect(said).toContain('no serial order');
  });

  it('happened twice', () => {
    const said = problemsOf(unknown(0, 'write a 1', 'write b 1'), txn(3, 4, 'read a 1 1'));
    expect(said).toContain('the same write twice');
    const late = problemsOf(
      unknown(0, 'write a 1'),
      txn(1, 2, 'update a 1 > 2'),
      txn(3, 4, 'read a 2'),
      txn(5, 6, 'read a 1'),
    );
    expect(late).toContain('no serial order');
  });

  it('gone although nobody deletes, or not at that time', () => {
    expect(problemsOf(txn(0, 1, 'write a 1'), txn(2, 3, 'read a'))).toContain('no serial order');
    const early = problemsOf(txn(0, 1, 'delete a'), txn(2, 3, 'write a 1'), txn(4, 5, 'read a'));
    expect(early).toContain('finds nothing at a');
    const late = problemsOf(txn(2, 3, 'write a 1'), txn(4, 5, 'read a'), txn(6, 7, 'delete a'));
    expect(late).toContain('finds nothing at a');
  });
});

/** Transactions at 2 to 4 of some keys, one after the other but told as if at the same time, some without an answer. */
function serialHistory(random: SimRandom, count: number, keys: number): SerialTxn[] {
  const values = Array.from({ length: keys }, (): string[] => []);
  const history: SerialTxn[] = [];
  for (let i = 1; i <= count; i++) {
    const chosen = [...new Set(Array.from({ length: random.between(1, 4) }, () => random.below(keys)))];
    const isLost = random.chance(0.1);
    const accesses = chosen.map((at): SerialAccess => {
      const value = values[at] ?? [];
      const dice = random.below(10);
      if (dice < 4) return { key: `k${at}`, found: isLost ? null : value.slice(-3) };
      values[at] = dice < 6 ? [`${i}`] : [...value.slice(-5), `${i}`];
      return { key: `k${at}`, found: isLost || dice < 6 ? null : value.slice(-3), left: `${i}` };
    });
    const begin = 10 * i - random.below(40);
    const times = { invokedUs: begin, returnedUs: isLost ? Number.POSITIVE_INFINITY : 10 * i + 1 + random.below(40) };
    history.push({ id: i, ...times, outcome: isLost ? 'unknown' : 'done', accesses });
  }
  return history;
}

describe('longer histories', () => {
  it('are found in order where they are, and not where one transaction was seen in part', () => {
    let caught = 0;
    for (let seed = 1; seed <= 30; seed++) {
      const history = serialHistory(new SimRandom(seed, 'serial'), 200, 5);
      expect(checkSerial(history), `seed ${seed}`).toEqual([]);
      // What it read at one key is as old as can be.
      const at = history.findLastIndex(({ accesses }) => accesses.length > 2 && (accesses[0]?.found?.length ?? 0) > 0);
      const broken = history.with(at, stale(history, at));
      if (checkSerial(broken).length > 0) caught++;
    }
    expect(caught).toBe(30);
  });

  it('of 20,000 transactions are checked at once', () => {
    const history = serialHistory(new SimRandom(1, 'many'), 20_000, 200);
    expect(checkSerial(history)).toEqual([]);
    const at = history.findLastIndex(({ accesses }) => accesses.length > 2 && (accesses[0]?.found?.length ?? 0) > 0);
    expect(checkSerial(history.with(at, stale(history, at)))).toHaveLength(1);
  });
});

/** The transaction, with what another one found first at its first key. */
function stale(history: readonly SerialTxn[], at: number): SerialTxn {
  const txn = history[at];
  const first = txn?.accesses[0];
  if (txn === undefined || first === undefined) throw new Error('there is none');
  const older = history
    .slice(0, at / 2)
    .flatMap(({ accesses }) => accesses)
    .find(({ key, found }) => key === first.key && found !== null && found.length > 0);
  return { ...txn, accesses: [{ key: first.key, found: older?.found ?? [] }, ...txn.accesses.slice(1)] };
}
