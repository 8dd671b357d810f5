import { assert } from '../src/base/assert.ts';
import type { TransactionOperation, TransactionView } from '../src/quorum/transaction.ts';
import type { Reply } from '../src/resp/reply.ts';
import type { KeyOp, SimReply } from './checker.ts';
import type { TxnMode, TxnPart } from './plan.ts';
import { commandStep, simReply, stepOf } from './sim-commands.ts';
import { placeOf } from './swap-keys.ts';

/** A transaction as it is sent. */
export interface TxnSetup {
  readonly mode: Exclude<TxnMode, 'look'>;
  readonly parts: readonly TxnPart[];
  /** Of the keys as they were watched, in the same order. */
  readonly origins?: readonly string[];
}

/** What a transaction was answered. */
export interface Found {
  /** False: it changed nothing, and `replies` are what it found. */
  readonly isDone: boolean;
  readonly replies: readonly Reply[];
  /** Of each key what made the value that was found. */
  readonly origins: readonly string[];
}

type Bare = Omit<TransactionOperation<Reply>, 'done'>;

export function transactionOf({ mode, parts, origins }: TxnSetup): Bare {
  return {
    keys: keysOf(parts.map(({ key }) => key)),
    access: 'write',
    needs: 'value',
    run: (view) => {
      const isDue = (part: TxnPart, index: number): boolean =>
        mode === 'all-or-none' ? succeeds(part.op, simReply(foundAt(view, part.key, index))) : true;
      const isSame = (_part: TxnPart, index: number): boolean =>
        origins === undefined || origins[index] === originAt(view, index);
      const isDone = parts.every(isDue) && parts.every(isSame);
      const before = parts.map((_part, index) => originAt(view, index));
      const replies = parts.map(({ key, op }, index) =>
        isDone ? view.apply(index, stepOf(key, op)) : foundAt(view, key, index),
      );
      return [isDone ? 1 : 0, replies, before];
    },
  };
}

/** Reads keys together. */
export function lookAt(keys: readonly string[]): Bare {
  return {
    keys: keysOf(keys),
    access: 'read',
    needs: 'value',
    run: (view) => [
      1,
      keys.map((key, index) => foundAt(view, key, index)),
      keys.map((_key, index) => originAt(view, index)),
    ],
  };
}

export function foundOf(reply: Reply): Found {
  assert(Array.isArray(reply), 'a transaction of the simulator answers a list');
  const [isDone, replies, origins] = reply;
  assert(Array.isArray(replies) && Array.isArray(origins), 'a transaction of the simulator answers lists');
  return { isDone: isDone === 1, replies, origins: origins.map(String) };
}

/** Whether the operation would do on `found` what it is meant to. */
export function succeeds(op: KeyOp, found: SimReply): boolean {
  switch (op.kind) {
    case 'get':
    case 'setnx':
      return found === null;
    case 'cas':
      return found === op.expected;
    case 'setxx':
    case 'del':
    case 'getdel':
      return found !== null;
    default:
      return true;
  }
}

function keysOf(keys: readonly string[]): Bare['keys'] {
  return keys.map(placeOf);
}

function foundAt(view: TransactionView<Reply>, key: string, index: number): Reply {
  return view.apply(index, commandStep(['get', key]));
}

function originAt(view: TransactionView<Reply>, index: number): string {
  const { time, proposer } = view.origin(index);
  return `${time}/${proposer}`;
}
