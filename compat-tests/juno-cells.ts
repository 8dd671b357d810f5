import { repeatCells } from './juno-repeat-cells.ts';
import { type Cell, context, type Expected, LIMITED } from './support/juno-cell.ts';

const MINUTE = 60_000;
const absent: Expected = { outcome: 'absent' };
const ok: Expected = { outcome: 'ok' };

const writes: readonly Cell[] = [
  {
    row: 'Create',
    shows: 'version 1, the TTL given, the request id',
    call: (seen) => ({ op: 'create', value: 'a', ttlSeconds: 60, requestId: seen.id(0) }),
    expected: (seen) => ({ outcome: 'ok', recordVersion: 1, ttlMs: MINUTE, requestId: seen.id(0) }),
    after: { outcome: 'ok', value: 'a', recordVersion: 1 },
  },
  {
    row: 'Create, key is live',
    shows: 'an error with the incarnation that is there',
    setUp: [{ op: 'set', value: 'a' }],
    call: { op: 'create', value: 'b' },
    expected: (seen) => ({ outcome: 'duplicate-key', ...context(seen, 0) }),
    after: { outcome: 'ok', value: 'a' },
  },
  {
    row: 'Create, key has expired',
    shows: 'a new incarnation',
    setUp: [{ op: 'create', value: 'a', ttlMs: 30 }, { waitMs: 60 }],
    call: { op: 'create', value: 'b' },
    expected: { outcome: 'ok', recordVersion: 1, ttlMs: null },
    after: { outcome: 'ok', value: 'b' },
  },
  {
    row: 'Create, key was destroyed',
    shows: 'version 1 again; the creation time tells the incarnations apart',
    setUp: [{ op: 'create', value: 'a' }, { op: 'destroy' }, { op: 'create', value: 'b' }],
    call: (seen) => ({ op: 'update', value: 'c', ...context(seen, 0) }),
    expected: (seen) => ({ outcome: 'version-conflict', ...context(seen, 2), recordVersion: 1 }),
  },
  {
    row: 'Update',
    shows: 'the next version, incarnation and TTL kept',
    setUp: [{ op: 'create', value: 'a', ttlSeconds: 60 }],
    call: { op: 'update', value: 'b' },
    expected: (seen) => ({ outcome: 'ok', ...context(seen, 0), recordVersion: 2, ttlMs: MINUTE }),
    after: { outcome: 'ok', value: 'b' },
  },
  {
    row: 'Update, no key',
    shows: 'an error, and nothing is made',
    call: { op: 'update', value: 'a' },
    expected: { outcome: 'no-key' },
    after: absent,
  },
  {
    row: 'Conditional update',
    shows: 'version and incarnation as asked for: done',
    setUp: [{ op: 'set', value: 'a' }],
    call: (seen) => ({ op: 'update', value: 'b', ...context(seen, 0) }),
    expected: (seen) => ({ outcome: 'ok', ...context(seen, 0), recordVersion: 2 }),
  },
  {
    row: 'Conditional update, older version',
    shows: 'an error with what is there',
    setUp: [
      { op: 'set', value: 'a' },
      { op: 'set', value: 'b' },
    ],
    call: { op: 'update', value: 'c', recordVersion: 1 },
    expected: (seen) => ({ outcome: 'version-conflict', ...context(seen, 1), recordVersion: 2 }),
    after: { outcome: 'ok', value: 'b' },
  },
  {
    row: 'Conditional update, larger version',
    shows: 'an error too',
    setUp: [{ op: 'set', value: 'a' }],
    call: { op: 'update', value: 'b', recordVersion: 2 },
    expected: (seen) => ({ outcome: 'version-conflict', ...context(seen, 0), recordVersion: 1 }),
  },
  {
    row: 'Conditional update, other creation time',
    shows: 'an error though the version is the same',
    setUp: [{ op: 'set', value: 'a' }],
    call: { op: 'update', value: 'b', recordVersion: 1, creationTimeMs: 1_500_000_000_000 },
    expected: (seen) => ({ outcome: 'version-conflict', ...context(seen, 0) }),
  },
  {
    row: 'Conditional update, no key',
    shows: 'that there is none',
    call: { op: 'update', value: 'b', recordVersion: 1 },
    expected: { outcome: 'no-key' },
  },
  {
    row: 'Set, no key',
    shows: 'that it created',
    call: { op: 'set', value: 'a', ttlSeconds: 60 },
    expected: { outcome: 'ok', created: true, recordVersion: 1, ttlMs: MINUTE },
  },
  {
    row: 'Set, key is live',
    shows: 'that it replaced: next version, incarnation and TTL kept',
    setUp: [{ op: 'create', value: 'a', ttlSeconds: 60 }],
    call: { op: 'set', value: 'b' },
    expected: (seen) => ({ outcome: 'ok', created: false, ...context(seen, 0), recordVersion: 2, ttlMs: MINUTE }),
  },
  {
    row: 'Set with a version',
    shows: 'no such option',
    setUp: [{ op: 'set', value: 'a' }],
    call: { op: 'set', value: 'b', recordVersion: 1 },
    expected: { outcome: 'server' },
    after: { outcome: 'ok', value: 'a' },
    without: 'typed client',
  },
  {
    row: 'Destroy',
    shows: 'OK, and the record is gone',
    setUp: [{ op: 'set', value: 'a' }],
    call: { op: 'destroy' },
    expected: ok,
    after: absent,
  },
  { row: 'Destroy, no key', shows: 'OK', call: { op: 'destroy' }, expected: ok, after: absent },
  {
    row: 'Conditional destroy',
    shows: 'version and incarnation as asked for: done',
    setUp: [{ op: 'set', value: 'a' }],
    call: (seen) => ({ op: 'destroy', ...context(seen, 0) }),
    expected: ok,
    after: absent,
  },
  {
    row: 'Conditional destroy, other version',
    shows: 'an error, and the record stays',
    setUp: [
      { op: 'set', value: 'a' },
      { op: 'set', value: 'b' },
    ],
    call: { op: 'destroy', recordVersion: 1 },
    expected: (seen) => ({ outcome: 'version-conflict', ...context(seen, 1) }),
    after: { outcome: 'ok', value: 'b' },
  },
  {
    row: 'Conditional destroy, no key',
    shows: 'OK: destroyed is destroyed',
    call: { op: 'destroy', recordVersion: 7 },
    expected: ok,
  },
];

const reads: readonly Cell[] = [
  {
    row: 'Get',
    shows: 'the value with its context',
    setUp: [(seen) => ({ op: 'set', value: 'a', ttlSeconds: 60, requestId: seen.id(0) })],
    call: { op: 'get' },
    expected: (seen) => ({
      outcome: 'ok',
      value: 'a',
      ...context(seen, 0),
      lastModifiedMs: seen.answers[0]?.lastModifiedMs ?? 0,
      ttlMs: MINUTE,
      requestId: seen.id(0),
    }),
  },
  { row: 'Get, no key', shows: 'nothing, and no error', call: { op: 'get' }, expected: absent },
  {
    row: 'Get with a TTL',
    shows: 'a longer life; version and time of change stay',
    setUp: [{ op: 'create', value: 'a', ttlSeconds: 60 }],
    call: { op: 'get', ttlSeconds: 600 },
    expected: (seen) => ({
      outcome: 'ok',
      value: 'a',
      ...context(seen, 0),
      lastModifiedMs: seen.answers[0]?.lastModifiedMs ?? 0,
      ttlMs: 10 * MINUTE,
    }),
    after: { outcome: 'ok', ttlMs: 10 * MINUTE },
  },
  {
    row: 'Get with a shorter TTL',
    shows: 'no shorter life',
    setUp: [{ op: 'create', value: 'a', ttlSeconds: 600 }],
    call: { op: 'get', ttlSeconds: 60 },
    expected: { outcome: 'ok', ttlMs: 10 * MINUTE },
    after: { outcome: 'ok', ttlMs: 10 * MINUTE },
  },
];

const ttls: readonly Cell[] = [
  {
    row: 'TTL 0 on creation',
    shows: 'no expiry where the namespace has no default',
    call: { op: 'create', value: 'a', ttlSeconds: 0 },
    expected: { outcome: 'ok', ttlMs: null },
  },
  {
    row: 'TTL 0 on creation',
    shows: 'the default of the namespace',
    namespace: 'limited',
    call: { op: 'create', value: 'a', ttlSeconds: 0 },
    expected: { outcome: 'ok', ttlMs: LIMITED.defaultTtlMs },
    after: { outcome: 'ok', ttlMs: LIMITED.defaultTtlMs },
  },
  {
    row: 'TTL 0 on a live key',
    shows: 'the TTL that is there',
    setUp: [{ op: 'create', value: 'a', ttlSeconds: 60 }],
    call: { op: 'update', value: 'b', ttlSeconds: 0 },
    expected: { outcome: 'ok', ttlMs: MINUTE },
  },
  {
    row: 'Update with a longer TTL',
    shows: 'the longer one',
    setUp: [{ op: 'create', value: 'a', ttlSeconds: 60 }],
    call: { op: 'update', value: 'b', ttlSeconds: 600 },
    expected: { outcome: 'ok', ttlMs: 10 * MINUTE },
    after: { outcome: 'ok', ttlMs: 10 * MINUTE },
  },
  {
    row: 'Update with a shorter TTL',
    shows: 'the longer one',
    setUp: [{ op: 'create', value: 'a', ttlSeconds: 600 }],
    call: { op: 'set', value: 'b', ttlSeconds: 60 },
    expected: { outcome: 'ok', ttlMs: 10 * MINUTE },
  },
  {
    row: 'A key without expiry',
    shows: 'stays one, whatever TTL comes',
    setUp: [{ op: 'create', value: 'a' }],
    call: { op: 'set', value: 'b', ttlSeconds: 60 },
    expected: { outcome: 'ok', ttlMs: null },
  },
  {
    row: 'TTL in milliseconds',
    shows: 'that they count',
    call: { op: 'create', value: 'a', ttlMs: 1500 },
    expected: { outcome: 'ok', ttlMs: 1500 },
  },
  {
    row: 'TTL that is none',
    shows: 'an error, and nothing is made',
    call: { op: 'create', value: 'a', ttlMs: -1 },
    expected: { outcome: 'bad-parameter' },
    after: absent,
  },
];

const bounds: readonly Cell[] = [
  {
    row: 'Empty value',
    shows: 'that it is one',
    setUp: [{ op: 'create', value: '' }],
    call: { op: 'get' },
    expected: { outcome: 'ok', value: '' },
  },
  { row: 'Empty key', shows: 'that it is one', key: '', call: { op: 'set', value: 'a' }, expected: ok },
  {
    row: 'Key of 300 bytes, value of 300000',
    shows: 'that both are taken',
    key: 'k'.repeat(300),
    setUp: [{ op: 'set', value: 'v'.repeat(300_000) }],
    call: { op: 'get' },
    expected: { outcome: 'ok', value: 'v'.repeat(300_000) },
  },
  {
    row: 'Key above the namespace limit',
    shows: 'an error',
    namespace: 'limited',
    key: 'k'.repeat(LIMITED.maxKeyBytes + 1),
    call: { op: 'create', value: 'a' },
    expected: { outcome: 'bad-parameter' },
    after: absent,
  },
  {
    row: 'Value above the namespace limit',
    shows: 'an error',
    namespace: 'limited',
    setUp: [{ op: 'create', value: 'v'.repeat(LIMITED.maxValueBytes) }],
    call: { op: 'update', value: 'v'.repeat(LIMITED.maxValueBytes + 1) },
    expected: { outcome: 'bad-parameter' },
    after: { outcome: 'ok', recordVersion: 1 },
  },
  {
    row: 'TTL above the namespace limit',
    shows: 'an error',
    namespace: 'limited',
    call: { op: 'create', value: 'a', ttlMs: LIMITED.maxTtlMs + 60_000 },
    expected: { outcome: 'bad-parameter' },
    after: absent,
  },
  {
    row: 'Namespace',
    shows: 'none of the keys of another one',
    namespace: 'other',
    key: 'of-default',
    setUp: [{ redis: ['SET', 'KEY', 'in default'] }],
    call: { op: 'get' },
    expected: absent,
  },
];

/** All cells but those that need another shape: they are in the test itself. */
export const cells: readonly Cell[] = [...writes, ...reads, ...ttls, ...repeatCells, ...bounds];
