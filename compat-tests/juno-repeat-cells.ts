import { type Cell, context, type Expected, type Seen } from './support/juno-cell.ts';

const UUID_V4 = '2b0f24a3-6c1e-4f6b-9d56-0c2f8f6a7b11';
const absent: Expected = { outcome: 'absent' };
const ok: Expected = { outcome: 'ok' };

/** Writes with request ids, sent again. */
export const repeatCells: readonly Cell[] = [
  {
    row: 'Repeated create',
    shows: 'what the first one answered, though the key is live',
    setUp: [(seen) => ({ op: 'create', value: 'a', requestId: seen.id(0) })],
    call: (seen) => ({ op: 'create', value: 'a', requestId: seen.id(0) }),
    expected: (seen) => ({ outcome: 'ok', ...context(seen, 0), recordVersion: 1 }),
    after: { outcome: 'ok', recordVersion: 1 },
  },
  {
    row: 'Repeated update',
    shows: 'one step of the version, and no conflict with itself',
    setUp: [
      { op: 'create', value: 'a' },
      (seen) => ({ op: 'update', value: 'b', requestId: seen.id(0), ...context(seen, 0) }),
    ],
    call: (seen) => ({ op: 'update', value: 'b', requestId: seen.id(0), ...context(seen, 0) }),
    expected: (seen) => ({ outcome: 'ok', ...context(seen, 1), recordVersion: 2 }),
    after: { outcome: 'ok', value: 'b', recordVersion: 2 },
  },
  {
    row: 'Repeated set',
    shows: 'that it created, as it did the first time',
    setUp: [(seen) => ({ op: 'set', value: 'a', requestId: seen.id(0) })],
    call: (seen) => ({ op: 'set', value: 'a', requestId: seen.id(0) }),
    expected: { outcome: 'ok', created: true, recordVersion: 1 },
    after: { outcome: 'ok', recordVersion: 1 },
  },
  {
    row: 'Repeated destroy',
    shows: 'OK, and leaves what was created since',
    setUp: [
      { op: 'create', value: 'a' },
      (seen) => ({ op: 'destroy', requestId: seen.id(0) }),
      { op: 'create', value: 'b' },
    ],
    call: (seen) => ({ op: 'destroy', requestId: seen.id(0) }),
    expected: ok,
    after: { outcome: 'ok', value: 'b' },
  },
  {
    row: 'Repeat after writes by others',
    shows: 'the first answer; the writes of the others stay',
    setUp: [
      (seen) => ({ op: 'set', value: 'a', requestId: seen.id(0) }),
      { op: 'set', value: 'b' },
      { redis: ['APPEND', 'KEY', 'c'] },
    ],
    call: (seen) => ({ op: 'set', value: 'a', requestId: seen.id(0) }),
    expected: (seen) => ({ outcome: 'ok', ...context(seen, 0), recordVersion: 1 }),
    after: { outcome: 'ok', value: 'bc', recordVersion: 3 },
  },
  {
    row: 'Repeat after the key was destroyed',
    shows: 'the first answer; the key stays destroyed',
    setUp: [(seen) => ({ op: 'create', value: 'a', requestId: seen.id(0) }), { redis: ['DEL', 'KEY'] }],
    call: (seen) => ({ op: 'create', value: 'a', requestId: seen.id(0) }),
    expected: (seen) => ({ outcome: 'ok', ...context(seen, 0) }),
    after: absent,
  },
  {
    row: 'Repeat of a refused write',
    shows: 'that an error is not remembered',
    setUp: [(seen) => ({ op: 'update', value: 'a', requestId: seen.id(0) }), { op: 'create', value: 'b' }],
    call: (seen) => ({ op: 'update', value: 'a', requestId: seen.id(0) }),
    expected: { outcome: 'ok', recordVersion: 2 },
    after: { outcome: 'ok', value: 'a' },
  },
  {
    row: 'Request id of another operation',
    shows: 'an error, and nothing is done',
    setUp: [(seen) => ({ op: 'create', value: 'a', requestId: seen.id(0) })],
    call: (seen) => ({ op: 'destroy', requestId: seen.id(0) }),
    expected: { outcome: 'bad-parameter' },
    after: { outcome: 'ok', value: 'a' },
  },
  {
    row: 'Request id from before the history',
    shows: 'that it cannot be told, and nothing is done',
    setUp: Array.from({ length: 66 }, (_, n) => (seen: Seen) => ({
      op: 'set' as const,
      value: `${n}`,
      requestId: seen.id(n),
    })),
    call: (seen) => ({ op: 'set', value: 'late', requestId: seen.id(0) }),
    expected: { outcome: 'uncertain' },
    after: { outcome: 'ok', value: '65', recordVersion: 66 },
  },
  {
    row: 'Request id without a time',
    shows: 'that it works as long as it is remembered',
    setUp: [
      { op: 'set', value: 'a', requestId: UUID_V4 },
      { op: 'set', value: 'b' },
    ],
    call: { op: 'set', value: 'a', requestId: UUID_V4 },
    expected: { outcome: 'ok', recordVersion: 1, requestId: UUID_V4 },
    after: { outcome: 'ok', value: 'b' },
  },
  {
    row: 'Request id that is none',
    shows: 'an error, and nothing is done',
    call: { op: 'set', value: 'a', requestId: 'order-17' },
    expected: { outcome: 'bad-parameter' },
    after: absent,
  },
];
