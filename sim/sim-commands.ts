import { assert } from '../src/base/assert.ts';
import { junoCommands } from '../src/juno-ext/juno-commands.ts';
import type { CommandRow } from '../src/proxy/command.ts';
import { genericKeyCommands } from '../src/proxy/commands/generic-commands.ts';
import { stringCommands } from '../src/proxy/commands/string-commands.ts';
import { isString, putString, stringReply } from '../src/proxy/values/string-value.ts';
import type { Step } from '../src/quorum/operation.ts';
import { BulkPieces, ErrorReply, MapReply, type Reply, SimpleString } from '../src/resp/reply.ts';
import { FORGOTTEN_REPLY, type KeyOp, paid, type SimReply } from './checker.ts';

const rows = new Map<string, CommandRow>();
for (const row of [...stringCommands, ...genericKeyCommands, ...junoCommands]) rows.set(row.name, row);

/** The step of a command with one key, from its row in the command table. */
export function commandStep(words: readonly string[]): Step<Reply> {
  const args = words.map((word) => Buffer.from(word, 'latin1'));
  const handler = rows.get(words[0] ?? '')?.handler;
  assert(handler?.kind === 'record' || handler?.kind === 'records', `no command on one key: ${words.join(' ')}`);
  const parsed = handler.parse(args);
  assert(!(parsed instanceof ErrorReply), 'the simulator sends no wrong arguments');
  const step = 'step' in parsed ? parsed.step : parsed.steps[0]?.step;
  assert(step !== undefined, 'a command has a step');
  return step;
}

/** Sets the string if it is `expected` (null: if there is none). Replies 1, or 0 if it was another. */
function casStep(expected: string | null, value: string): Step<Reply> {
  return {
    access: 'write',
    needs: 'value',
    run: (record, { pages }) => {
      const found = record === null || !isString(record) ? null : simReply(stringReply(record, pages));
      if (found !== expected) return { reply: 0, change: null };
      return { reply: 1, change: putString(Buffer.from(value, 'latin1'), 0, pages) };
    },
  };
}

/** Makes another string of the one that is there, which it replies; a TTL stays. */
function renewStep(renew: (found: string | null) => string): Step<Reply> {
  return {
    access: 'write',
    needs: 'value',
    run: (record, { pages }) => {
      const found = record === null || !isString(record) ? null : String(simReply(stringReply(record, pages)));
      const change = putString(Buffer.from(renew(found), 'latin1'), record?.expiresAtMs ?? 0, pages);
      return { reply: found, change };
    },
  };
}

export function stepOf(key: string, op: Exclude<KeyOp, { readonly kind: 'flush' | 'swap' }>): Step<Reply> {
  switch (op.kind) {
    case 'get':
    case 'incr':
    case 'del':
    case 'getdel':
    case 'persist':
      return commandStep([op.kind, key]);
    case 'set':
    case 'setnx':
    case 'getset':
    case 'append':
      return commandStep([op.kind, key, op.value]);
    case 'setxx':
      return commandStep(['set', key, op.value, 'xx']);
    case 'setpxat':
      return commandStep(['set', key, op.value, 'pxat', String(op.expiresAtMs)]);
    case 'cas':
      return casStep(op.expected, op.value);
    case 'getappend':
      return renewStep((found) => (found ?? '') + op.value);
    case 'pay':
      return renewStep((found) => paid(found, op));
    case 'juno': {
      const words = op.write === 'destroy' ? [key] : [key, op.value];
      return commandStep([`juno.${op.write}`, ...words, 'requestid', op.requestId]);
    }
  }
}

/** A UUID of version 7; `serial` tells those of one millisecond apart. */
export function requestIdAt(timeMs: number, serial: number): string {
  const time = timeMs.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${serial.toString(16).padStart(12, '0')}`;
}

/** What a write with a request id has answered, as the checker knows it: how it ended, without versions and times. */
function requestReply(reply: Reply): SimReply {
  if (reply instanceof ErrorReply) {
    const code = `-${reply.text.split(' ')[0]}`;
    assert(['-DUPKEY', '-NOKEY', FORGOTTEN_REPLY].includes(code), `an error of these requests, not ${reply.text}`);
    return code;
  }
  if (reply instanceof SimpleString) return `+${reply.text}`;
  assert(reply instanceof MapReply, 'a context');
  return new Map(reply.entries).get('recordVersion') === 1 ? 'created' : 'updated';
}

/** The same in full; null for an error, which is not remembered. */
export function wholeAnswer(reply: Reply): string | null {
  if (reply instanceof ErrorReply) return null;
  return reply instanceof MapReply ? reply.entries.map(([name, value]) => `${name} ${value}`).join(', ') : 'OK';
}

/** The reply to `op` as the checker compares it. */
export function simReply(reply: Reply, op: KeyOp | null = null): SimReply {
  if (op?.kind === 'juno') return requestReply(reply);
  if (reply === null || typeof reply === 'number' || typeof reply === 'string') return reply;
  if (typeof reply === 'bigint') return Number(reply);
  if (Buffer.isBuffer(reply)) return reply.toString('latin1');
  if (reply instanceof SimpleString) return `+${reply.text}`;
  if (reply instanceof ErrorReply) return `-${reply.text}`;
  assert(reply instanceof BulkPieces, 'a reply kind that these commands do not use');
  return Buffer.concat(reply.pieces, reply.lengthBytes).toString('latin1');
}

/** One operation for people: `SETNX k1 7000`; long values are cut. */
export function describeOp(key: string, op: KeyOp): string {
  const words = [op.kind.toUpperCase(), key];
  if ('expected' in op) words.push(op.expected === null ? 'nil' : short(op.expected));
  if ('value' in op) words.push(short(op.value));
  if ('amount' in op) words.push(String(op.amount));
  if ('expiresAtMs' in op) words.push(`@${op.expiresAtMs}`);
  if (op.kind === 'juno') words.splice(0, 1, `JUNO.${op.write.toUpperCase()}`);
  if (op.kind === 'juno') words.push(op.requestId);
  return words.join(' ');
}

export function short(value: string): string {
  return value.length <= 24 ? value : `${value.slice(0, 12)}..(${value.length})`;
}
