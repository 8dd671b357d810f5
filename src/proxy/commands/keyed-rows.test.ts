import { describe, expect, it } from 'vitest';
import type { Step } from '../../quorum/operation.ts';
import { ErrorReply, type Reply } from '../../resp/reply.ts';
import type { CommandRow } from '../command.ts';
import { genericKeyCommands } from './generic-commands.ts';
import { stringCommands } from './string-commands.ts';

const rows = [...stringCommands, ...genericKeyCommands].flatMap((row) => [row, ...(row.subcommands ?? [])]);

/** Arguments that each command takes; the keys in them are `k` and `l`. */
const samples: Record<string, string> = {
  get: 'get k',
  set: 'set k v ex 10 get',
  setnx: 'setnx k v',
  setex: 'setex k 10 v',
  psetex: 'psetex k 10 v',
  getset: 'getset k v',
  getdel: 'getdel k',
  getex: 'getex k px 10',
  append: 'append k v',
  strlen: 'strlen k',
  getrange: 'getrange k 0 1',
  substr: 'substr k 0 1',
  setrange: 'setrange k 0 v',
  incr: 'incr k',
  decr: 'decr k',
  incrby: 'incrby k 2',
  decrby: 'decrby k 2',
  incrbyfloat: 'incrbyfloat k 2',
  mget: 'mget k l',
  mset: 'mset k v l v',
  msetnx: 'msetnx k v',
  lcs: 'lcs k l len',
  del: 'del k l',
  unlink: 'unlink k',
  exists: 'exists k l',
  touch: 'touch k',
  type: 'type k',
  expire: 'expire k 10 nx',
  pexpire: 'pexpire k 10',
  expireat: 'expireat k 10',
  pexpireat: 'pexpireat k 10 lt',
  expiretime: 'expiretime k',
  pexpiretime: 'pexpiretime k',
  ttl: 'ttl k',
  pttl: 'pttl k',
  persist: 'persist k',
  dump: 'dump k',
  restore: 'restore k 0 x',
  sort: 'sort k limit 0 1',
  sort_ro: 'sort_ro k',
  'object|encoding': 'object encoding k',
  'object|freq': 'object freq k',
  'object|idletime': 'object idletime k',
  'object|refcount': 'object refcount k',
};

interface KeyNeed {
  readonly key: Buffer;
  readonly step: Pick<Step<Reply>, 'access' | 'needs'>;
}

function parse(row: CommandRow, args: readonly Buffer[]): readonly KeyNeed[] {
  const { handler } = row;
  if (handler?.kind === 'atomic') {
    const atomic = handler.parse(args);
    if (atomic instanceof ErrorReply) throw new Error(atomic.text);
    return atomic.keys.map(({ key }) => ({ key, step: atomic }));
  }
  if (handler?.kind !== 'record' && handler?.kind !== 'records') throw new Error(`${row.name} is not over keys`);
  const parsed = handler.parse(args);
  if (parsed instanceof ErrorReply) throw new Error(parsed.text);
  return 'steps' in parsed ? parsed.steps : [parsed];
}

function keysByPosition(row: CommandRow, args: readonly Buffer[]): string[] {
  const keys: string[] = [];
  if (row.keys === null) return keys;
  const { first, last, step } = row.keys;
  for (let i = first; i <= (last < 0 ? args.length + last : last); i += step) keys.push(String(args[i]));
  return keys;
}

describe('rows of the string and generic commands', () => {
  it('have unique names, and a sample each', () => {
    const names = rows.map((row) => row.name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => !['object', 'object|help', 'migrate'].includes(name)).sort()).toEqual(
      Object.keys(samples).sort(),
    );
  });

  it.each(rows.map((row) => [row.name, row] as const))('%s has flags and categories that agree', (_name, row) => {
    expect(row.categories.includes('@fast')).toBe(row.flags.includes('fast'));
    expect(row.categories.includes('@slow')).toBe(!row.flags.includes('fast'));
    expect(row.categories.includes('@write')).toBe(row.flags.includes('write'));
    expect(row.categories.includes('@read')).toBe(row.flags.includes('readonly'));
    expect(row.keys === null).toBe(!row.docArguments.some(({ name, type }) => type === 'key' || name === 'key_value'));
  });

  it.each(Object.entries(samples))('%s: its arity, its key positions and its steps agree', (name, line) => {
    const row = rows.find((candidate) => candidate.name === name);
    expect(row).toBeDefined();
    if (row === undefined) return;
    const args = line.split(' ').map((word) => Buffer.from(word));
    expect(row.arity < 0 ? args.length >= -row.arity : args.length === row.arity).toBe(true);
    const steps = parse(row, args);
    expect(steps.map(({ key }) => String(key))).toEqual(keysByPosition(row, args));
    if (row.flags.includes('readonly')) expect(steps.every(({ step }) => step.access === 'read')).toBe(true);
  });

  it.each([
    'set k v',
    'set k v nx ex 10',
    'set k v xx keepttl',
    'setnx k v',
    'setex k 10 v',
    'mset k v',
    'strlen k',
    'del k',
    'exists k',
    'expire k 10 gt',
    'persist k',
    'ttl k',
    'type k',
    'object freq k',
  ])('%s does not ask for the value', (line) => {
    const args = line.split(' ').map((word) => Buffer.from(word));
    const name = line.startsWith('object ') ? line.split(' ', 2).join('|') : line.split(' ', 1)[0];
    const row = rows.find((candidate) => candidate.name === name);
    expect(row).toBeDefined();
    if (row !== undefined) expect(parse(row, args).every(({ step }) => step.needs === 'meta')).toBe(true);
  });

  it('share one step where the arguments do not matter', () => {
    const [get, exists] = ['get', 'exists'].map((name) => rows.find((row) => row.name === name));
    if (get === undefined || exists === undefined) throw new Error('GET and EXISTS are there');
    const [first] = parse(get, [Buffer.from('get'), Buffer.from('a')]);
    const [again] = parse(get, [Buffer.from('get'), Buffer.from('b')]);
    const [second, third] = parse(exists, [Buffer.from('exists'), Buffer.from('b'), Buffer.from('c')]);
    expect(first?.step).toBe(again?.step);
    expect(second?.step).toBe(third?.step);
  });
});
