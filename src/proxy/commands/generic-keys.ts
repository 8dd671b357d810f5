import type { Step, StepResult } from '../../quorum/operation.ts';
import { ValueType } from '../../record/value.ts';
import { type Reply, SimpleString } from '../../resp/reply.ts';
import type { CommandRow } from '../command.ts';
import { typeName } from '../values/collection-value.ts';
import { KEY, KEYS, keyOnly, MANY_KEYS, ONE, ONE_KEY, sumOverKeys, ZERO } from './keyed-row.ts';

const DELETED = { reply: 1, change: { kind: 'delete' } } as const;
const NO_TYPE = { reply: new SimpleString('none'), change: null } as const;
const TYPES: Readonly<Record<ValueType, StepResult<Reply>>> = {
  [ValueType.string]: typeResult(ValueType.string),
  [ValueType.hash]: typeResult(ValueType.hash),
  [ValueType.set]: typeResult(ValueType.set),
  [ValueType.list]: typeResult(ValueType.list),
  [ValueType.zset]: typeResult(ValueType.zset),
};

function typeResult(type: ValueType): StepResult<Reply> {
  return { reply: new SimpleString(typeName(type)), change: null };
}

const DELETE_STEP: Step<Reply> = {
  access: 'write',
  needs: 'meta',
  run: (record) => (record === null ? ZERO : DELETED),
};

const EXISTS_STEP: Step<Reply> = {
  access: 'read',
  needs: 'meta',
  run: (record) => (record === null ? ZERO : ONE),
};

const TYPE_STEP: Step<Reply> = {
  access: 'read',
  needs: 'meta',
  run: (record) => (record === null ? NO_TYPE : TYPES[record.value.type]),
};

const KEY_BY_KEY =
  'Each key is deleted on its own; other clients may see some of them gone and some not. Within MULTI they go together.';

/** Commands about whether keys are there, and of what type. */
export const keyCommands: readonly CommandRow[] = [
  {
    name: 'del',
    group: 'generic',
    summary: 'Delete a key',
    since: '1.0.0',
    complexity:
      'O(N) where N is the number of keys that will be removed. When a key to remove holds a value other than a string, the individual complexity for this key is O(M) where M is the number of elements in the list, set, sorted set or hash. Removing a single key that holds a string value is O(1).',
    arity: -2,
    flags: ['write'],
    categories: ['@keyspace', '@write', '@slow'],
    keys: MANY_KEYS,
    docArguments: [KEYS],
    handler: sumOverKeys(DELETE_STEP),
    difference: KEY_BY_KEY,
  },
  {
    name: 'unlink',
    group: 'generic',
    summary: 'Delete a key asynchronously in another thread. Otherwise it is just as DEL, but non blocking.',
    since: '4.0.0',
    complexity:
      'O(1) for each key removed regardless of its size. Then the command does O(N) work in a different thread in order to reclaim memory, where N is the number of allocations the deleted objects where composed of.',
    arity: -2,
    flags: ['write', 'fast'],
    categories: ['@keyspace', '@write', '@fast'],
    keys: MANY_KEYS,
    docArguments: [KEYS],
    handler: sumOverKeys(DELETE_STEP),
    difference: KEY_BY_KEY,
  },
  {
    name: 'exists',
    group: 'generic',
    summary: 'Determine if a key exists',
    since: '1.0.0',
    complexity: 'O(N) where N is the number of keys to check.',
    arity: -2,
    flags: ['readonly', 'fast'],
    categories: ['@keyspace', '@read', '@fast'],
    keys: MANY_KEYS,
    docArguments: [KEYS],
    handler: sumOverKeys(EXISTS_STEP),
    difference: 'Each key is read on its own; the count is not one snapshot unless it is within MULTI.',
  },
  {
    name: 'touch',
    group: 'generic',
    summary: 'Alters the last access time of a key(s). Returns the number of existing keys specified.',
    since: '3.2.1',
    complexity: 'O(N) where N is the number of keys that will be touched.',
    arity: -2,
    flags: ['readonly', 'fast'],
    categories: ['@keyspace', '@read', '@fast'],
    keys: MANY_KEYS,
    docArguments: [KEYS],
    handler: sumOverKeys(EXISTS_STEP),
    difference: 'Each key is read on its own; times of use are those of this proxy.',
  },
  {
    name: 'type',
    group: 'generic',
    summary: 'Determine the type stored at key',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['readonly', 'fast'],
    categories: ['@keyspace', '@read', '@fast'],
    keys: ONE_KEY,
    docArguments: [KEY],
    handler: keyOnly(TYPE_STEP),
  },
];
