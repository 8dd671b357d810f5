import { mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ExpiryFile } from './expiry-file.ts';
import { KeyExpiries } from './key-expiries.ts';
import { keysNamed } from './stream-commands.ts';

const NOW_MS = 1_700_000_000_000;
const LATER_MS = NOW_MS + 5_000;

/** Takes a command, in database 0 or another. */
function take(expiries: KeyExpiries, line: string, database = 0): number {
  const args = line.split(' ').map((word) => Buffer.from(word));
  const command = { name: line.split(' ')[0]?.toLowerCase() ?? '', args, bytes: line.length };
  const keys = keysNamed(command) ?? [];
  return expiries.take({ database, command, keys, readsOthers: false, expiresAtMs: 0 }, NOW_MS);
}

function timeOf(expiries: KeyExpiries, key: string, database = 0): number {
  return expiries.get(database, Buffer.from(key));
}

describe('expiries of keys', () => {
  it.each([
    ['SET k v PX 5000', LATER_MS],
    ['SET k v ex 5', LATER_MS],
    [`SET k v NX GET PXAT ${LATER_MS}`, LATER_MS],
    [`SET k v EXAT ${LATER_MS / 1000} XX`, LATER_MS],
    ['SETEX k 5 v', LATER_MS],
    ['PSETEX k 5000 v', LATER_MS],
    ['EXPIRE k 5', LATER_MS],
    ['PEXPIRE k 5000', LATER_MS],
    [`EXPIREAT k ${LATER_MS / 1000}`, LATER_MS],
    [`PEXPIREAT k ${LATER_MS}`, LATER_MS],
    [`PEXPIREAT k ${LATER_MS} GT`, NOW_MS + 1],
    ['PEXPIREAT k nonsense', NOW_MS + 1],
    [`RESTORE k ${LATER_MS} payload REPLACE ABSTTL`, LATER_MS],
    ['RESTORE k 5000 payload REPLACE', LATER_MS],
    ['RESTORE k 0 payload REPLACE', 0],
    ['SET k v', 0],
    ['SET k v KEEPTTL', NOW_MS + 1],
    ['MSET other v k v', 0],
    ['DEL other k', 0],
    ['PERSIST k', 0],
    ['APPEND k v', NOW_MS + 1],
    ['RENAME other k', 0],
    ['COPY other k REPLACE', 0],
  ])('after %s', (line, expected) => {
    const expiries = new KeyExpiries(null, []);
    take(expiries, `PEXPIREAT k ${NOW_MS + 1}`);
    take(expiries, line);
    expect(timeOf(expiries, 'k')).toBe(expected);
  });

  it.each([
    'SET k v XX',
    'SET k v KEEPTTL PX 5000',
    'PERSIST k',
    'APPEND k v',
    'BITOP OR result other k',
    'RENAME k other',
    'MOVE k 3',
    'COPY k k DB 3',
    'PEXPIREAT k 17',
  ])('matter to %s', (line) => {
    const expiries = new KeyExpiries(null, []);
    take(expiries, `PEXPIREAT k ${LATER_MS}`);
    expect(take(expiries, line)).toBe(LATER_MS);
  });

  it.each([
    'SET k v',
    'SET k v PX 5',
    'SETEX k 5 v',
    'RESTORE k 0 payload REPLACE',
    'DEL k',
    'MSET k v',
    'APPEND other v',
  ])('do not matter to %s', (line) => {
    const expiries = new KeyExpiries(null, []);
    take(expiries, `PEXPIREAT k ${LATER_MS}`);
    expect(take(expiries, line)).toBe(0);
  });

  it('go with the keys, and with the databases', () => {
    const expiries = new KeyExpiries(null, []);
    take(expiries, `SET k v PXAT ${LATER_MS}`);
    take(expiries, 'RENAME k renamed');
    take(expiries, 'COPY renamed copied DB 2');
    take(expiries, 'MOVE renamed 1');
    expect(['k', 'renamed'].map((key) => timeOf(expiries, key))).toEqual([0, 0]);
    expect([timeOf(expiries, 'renamed', 1), timeOf(expiries, 'copied', 2)]).toEqual([LATER_MS, LATER_MS]);
    expect(timeOf(expiries, 'renamed', 2)).toBe(0);
    expiries.swapped(1, 7);
    expect([timeOf(expiries, 'renamed', 1), timeOf(expiries, 'renamed', 7)]).toEqual([0, LATER_MS]);
    expiries.flushed(7);
    expect([timeOf(expiries, 'renamed', 7), timeOf(expiries, 'copied', 2)]).toEqual([0, LATER_MS]);
    expiries.flushed(null);
    expect(timeOf(expiries, 'copied', 2)).toBe(0);
  });

  it('are those of many keys alike, each its own', () => {
    const expiries = new KeyExpiries(null, []);
    const each = (use: (database: number, key: Buffer, timeMs: number) => void): void => {
      for (let i = 0; i < 300_000; i++) use(i % 3, Buffer.from(`user:${Math.floor(i / 3)}`), i + 1);
    };
    each((database, key, timeMs) => expiries.set(database, key, timeMs));
    each((database, key, timeMs) => {
      if (timeMs % 2 === 0) expiries.set(database, key, 0);
    });
    let wrong = 0;
    each((database, key, timeMs) => {
      if (expiries.get(database, key) !== (timeMs % 2 === 0 ? 0 : timeMs)) wrong++;
    });
    expect(wrong).toBe(0);
  });
});

describe('a file of expiries', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'junokv-expiries-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const path = (): string => join(directory, 'expiries');

  it('has what was saved, and not more, for the next run', () => {
    const first = new KeyExpiries(new ExpiryFile(path()), []);
    for (let i = 0; i < 1_000; i++) take(first, `SET key:${i} v PXAT ${LATER_MS + i}`);
    take(first, 'DEL key:3');
    first.swapped(0, 5);
    first.save();
    take(first, 'DEL key:4', 5);
    first.close();
    const size = statSync(path()).size;
    const second = new KeyExpiries(new ExpiryFile(path()), first.salts);
    expect([3, 4, 999].map((i) => timeOf(second, `key:${i}`, 5))).toEqual([0, LATER_MS + 4, LATER_MS + 999]);
    second.close();
    // Without what counts no more, or was cut off.
    expect(statSync(path()).size).toBeLessThan(size);
    truncateSync(path(), statSync(path()).size - 3);
    const third = new KeyExpiries(new ExpiryFile(path()), first.salts);
    expect(
      Array.from({ length: 1_000 }, (_, i) => timeOf(third, `key:${i}`, 5)).filter((timeMs) => timeMs > 0),
    ).toHaveLength(998);
    third.clear();
    third.close();
    expect(statSync(path()).size).toBe(0);
  });

  it('does not grow without an end', () => {
    const expiries = new KeyExpiries(new ExpiryFile(path()), []);
    for (let i = 0; i < 1_200_000; i++) {
      expiries.set(0, Buffer.from('one'), NOW_MS + i);
      if (i % 50_000 === 0) expiries.save();
    }
    expiries.save();
    expiries.close();
    expect(statSync(path()).size).toBeLessThan(4_000_000);
    const next = new KeyExpiries(new ExpiryFile(path()), []);
    expect(timeOf(next, 'one')).toBe(NOW_MS + 1_199_999);
    next.close();
  });
});
