import { describe, expect, it } from 'vitest';
import { prefixOfName } from '../../proxy/values/keyed-elements.ts';
import { valueCommands } from './value-commands.ts';

const KEY = Buffer.from('key');
const names = (count: number): Buffer[] => Array.from({ length: count }, (_, i) => Buffer.from(`name ${i}`));
const words = (command: readonly (string | Buffer)[] | undefined): string[] => (command ?? []).map(String);

describe('the commands that make a collection', () => {
  it('keep the order of a list', () => {
    const items = names(3_000);
    const commands = valueCommands(KEY, { kind: 'list', items });
    expect(commands.length).toBe(3);
    expect(words(commands[0]).slice(0, 3)).toEqual(['RPUSH', 'key', 'name 0']);
    expect(commands.flatMap((command) => command.slice(2))).toEqual(items);
  });

  it('have the fields of a hash in the order of its tree, each with its value', () => {
    const fields = names(1_000);
    const items = fields.flatMap((field) => [field, Buffer.from(`of ${field.toString()}`)]);
    const commands = valueCommands(KEY, { kind: 'hash', items });
    const pairs = commands.flatMap((command) => words(command).slice(2));
    const prefixes = pairs.filter((_, i) => i % 2 === 0).map((field) => prefixOfName(Buffer.from(field)));
    expect(prefixes).toEqual([...prefixes].sort((a, b) => a - b));
    expect(new Set(pairs).size).toBe(2_000);
    for (let i = 0; i < pairs.length; i += 2) expect(pairs[i + 1]).toBe(`of ${pairs[i]}`);
  });

  it('have all members of a set', () => {
    const commands = valueCommands(KEY, { kind: 'set', items: names(2_500) });
    expect(commands.every(([name]) => name === 'SADD')).toBe(true);
    expect(new Set(commands.flatMap((command) => words(command).slice(2))).size).toBe(2_500);
  });

  it('are few for a sorted set, each with many members and their scores', () => {
    const items = names(10_000);
    const commands = valueCommands(KEY, { kind: 'zset', items, scores: items.map((_, i) => i / 2) });
    expect(commands.length).toBe(3);
    expect(words(commands[0]).slice(0, 6)).toEqual(['ZADD', 'key', '0', 'name 0', '0.5', 'name 1']);
    expect(commands.flatMap((command) => command.slice(2)).length).toBe(20_000);
  });
});
