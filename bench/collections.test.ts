import { describe, expect, it } from 'vitest';
import type { RawClient } from '../compat-tests/support/raw-client.ts';
import { fillCollection, nameOf, OPERATIONS } from './collections.ts';
import { collectionsText } from './collections-text.ts';
import type { CollectionsResult, OperationResult } from './measure-collections.ts';
import { parseOptions } from './options.ts';

/** Answers each command, and keeps it. */
function recordingClient(replies: readonly string[] = []) {
  const sent: (readonly string[])[] = [];
  const client: Pick<RawClient, 'command'> = {
    command: async (words) => {
      sent.push(words.map(String));
      return Buffer.from(replies[sent.length - 1] ?? ':1\r\n');
    },
  };
  return { client: client as RawClient, sent };
}

describe('collections that are measured', () => {
  it('are filled with every element once', async () => {
    const { client, sent } = recordingClient();
    for (const [type, itemsEach, at] of [
      ['hash', 2, 0],
      ['set', 1, 0],
      ['list', 1, 0],
      ['zset', 2, 1],
    ] as const) {
      sent.length = 0;
      await fillCollection(client, type, 'key', 12_000);
      const names = sent.flatMap((words) => words.slice(2).filter((_, i) => i % itemsEach === at));
      expect(sent.length).toBe(3);
      expect(new Set(names)).toEqual(new Set(Array.from({ length: 12_000 }, (_, i) => nameOf(i))));
      expect(names.length).toBe(12_000);
      // A list is in the order of its elements, names in that of their hashes.
      expect(names[0] === nameOf(0)).toBe(type === 'list');
    }
  });

  it('are filled again with what was not taken, and not for ever', async () => {
    const unavailable = '-UNAVAILABLE no quorum\r\n';
    const { client, sent } = recordingClient([unavailable, ':0\r\n']);
    await fillCollection(client, 'list', 'key', 10);
    // Each time it is looked whether the elements have come all the same.
    expect(sent.map(([name]) => name)).toEqual(['RPUSH', 'LLEN', 'RPUSH']);
    const late = recordingClient(['-UNCERTAIN\r\n', ':10\r\n']);
    await fillCollection(late.client, 'list', 'key', 10);
    expect(late.sent.length).toBe(2);
    const never = recordingClient(Array.from({ length: 100 }, () => unavailable));
    await expect(fillCollection(never.client, 'list', 'key', 10)).rejects.toThrow('UNAVAILABLE');
    await expect(fillCollection(recordingClient(['-ERR\r\n']).client, 'list', 'key', 1)).rejects.toThrow('filling key');
  });

  it('have the operations of the issue, each on one element', () => {
    const commands = new Set(OPERATIONS.map(({ words }) => words('key', 3, 100)[0]));
    for (const name of 'HGET HSET HDEL HLEN LINDEX LSET LPUSH RPOP ZADD ZSCORE ZRANK ZRANGEBYSCORE ZREM'.split(' ')) {
      expect(commands).toContain(name);
    }
    for (const { words, undo } of OPERATIONS) {
      for (const command of [words('key', 3, 100), undo?.('key', 3, 100) ?? []]) {
        expect(command.every((word) => word !== '' && !word.includes('NaN') && !word.includes('undefined'))).toBe(true);
      }
    }
  });
});

describe('the text on collections', () => {
  const operation: OperationResult = { type: 'hash', title: 'HGET', smallMs: 1, largeMs: 2, pages: 2, mostPages: 3 };
  const result = (change: Partial<OperationResult>, grownBytes: number): CollectionsResult => ({
    machine: {
      cpu: 'a processor',
      cores: 2,
      memoryGb: 8,
      kernel: '6.1',
      loadBefore: 0,
      node: 'v24',
      redis: '7',
      etcd: null,
      junokv: 'abc',
      date: '2026-01-01',
    },
    small: 100,
    large: 1_000_000,
    samples: 200,
    operations: [operation, { ...operation, ...change }],
    stream: { replyBytes: 6e7, elapsedMs: [3, 1, 2], firstMs: 1, grownBytes, slowGrownBytes: 1, cliFields: 1_000_000 },
  });

  it('says which of the aims hold', () => {
    const good = collectionsText(result({}, 5e7));
    expect(good.match(/ holds\./g)).toHaveLength(3);
    expect(good).toContain('the last after 2 ms');
    const bad = collectionsText(result({ largeMs: 21, mostPages: 13 }, 2e8));
    expect(bad.match(/ does not hold\./g)).toHaveLength(3);
  });

  it('is measured by a command of its own', () => {
    expect(parseOptions(['--collections', '--quick'])).toMatchObject({ mode: 'collections', form: 'quick' });
    expect(() => parseOptions(['--collections', '--rooms'])).toThrow('do not go together');
    expect(() => parseOptions(['--collections', '--rows', 'get'])).toThrow('no rows');
  });
});
