import { randomUUID } from 'node:crypto';
import { FORGOTTEN_REPLY, type KeyOp, type OpOutcome, type SimReply } from '../sim/checker.ts';
import type { SimRandom } from '../sim/sim-random.ts';

const JUNO_WRITES = ['create', 'update', 'set', 'destroy'] as const;
const EXPIRY_MAX_MS = 1_500;
/**
 * ioredis's words for a connection that has gone: with the command under way, where it must not send it again, and before
 * it was sent, while ioredis has not heard of the end yet.
 */
const CUT_OFF = ['Reached the max retries per request limit', "Stream isn't writeable and enableOfflineQueue"];
const UNKNOWN: OpOutcome = { kind: 'unknown' };
const NONE: OpOutcome = { kind: 'none' };

/** Draws operations; every value is written once only, so that a reader tells whose it has seen. */
export class OperationDraw {
  readonly #random: SimRandom;
  #values = 0;

  constructor(random: SimRandom) {
    this.#random = random;
  }

  next(): KeyOp {
    const random = this.#random;
    const dice = random.below(100);
    if (dice < 30) return { kind: 'get' };
    this.#values++;
    // Numbers, so that INCR finds one as often as not.
    const value = String(this.#values * 1_000);
    if (dice < 42) return { kind: 'set', value };
    if (dice < 48) return { kind: 'setpxat', value, expiresAtMs: Date.now() + random.between(1, EXPIRY_MAX_MS) };
    if (dice < 54) return { kind: 'setnx', value };
    if (dice < 58) return { kind: 'setxx', value };
    if (dice < 62) return { kind: 'getset', value };
    if (dice < 74) return { kind: 'incr' };
    if (dice < 80) return { kind: 'del' };
    if (dice < 83) return { kind: 'getdel' };
    if (dice < 86) return { kind: 'persist' };
    if (dice < 89) return { kind: 'append', value: String(random.between(1, 9)) };
    return { kind: 'juno', write: random.pick(JUNO_WRITES), value, requestId: randomUUID() };
  }
}

/** The words of the command. */
export function commandOf(key: string, op: KeyOp): readonly [string, ...string[]] {
  switch (op.kind) {
    case 'get':
    case 'incr':
    case 'del':
    case 'getdel':
    case 'persist':
      return [op.kind, key];
    case 'set':
    case 'setnx':
    case 'getset':
    case 'append':
      return [op.kind, key, op.value];
    case 'setxx':
      return ['set', key, op.value, 'xx'];
    case 'setpxat':
      return ['set', key, op.value, 'pxat', String(op.expiresAtMs)];
    case 'juno':
      return [`juno.${op.write}`, key, ...(op.write === 'destroy' ? [] : [op.value]), 'requestid', op.requestId];
    default:
      throw new Error(`${op.kind} is not drawn here`);
  }
}

/** A reply of RESP2 as the checker compares it. */
export function replyOf(op: KeyOp, reply: unknown): SimReply {
  if (op.kind === 'juno' && Array.isArray(reply)) {
    return reply[reply.indexOf('recordVersion') + 1] === 1 ? 'created' : 'updated';
  }
  if (reply === 'OK') return '+OK';
  if (reply === null || typeof reply === 'string' || typeof reply === 'number') return reply;
  throw new Error(`${op.kind} was answered ${JSON.stringify(reply)}`);
}

/** What an error says of the operation; `problem`: an error that nothing explains. */
export function outcomeOf(op: KeyOp, message: string): { readonly outcome: OpOutcome; readonly problem: boolean } {
  const word = message.split(' ', 1)[0];
  if (op.kind === 'juno') {
    if (word === 'DUPKEY' || word === 'NOKEY') return { outcome: { kind: 'reply', reply: `-${word}` }, problem: false };
    if (message.startsWith('UNCERTAIN request id')) {
      return { outcome: { kind: 'reply', reply: FORGOTTEN_REPLY }, problem: false };
    }
  }
  if (op.kind === 'incr' && message.startsWith('ERR value is not an integer')) {
    return { outcome: { kind: 'reply', reply: `-${message}` }, problem: false };
  }
  if (word === 'UNAVAILABLE' || word === 'BUSY' || word === 'OOM') return { outcome: NONE, problem: false };
  if (word === 'UNCERTAIN') return { outcome: UNKNOWN, problem: false };
  return { outcome: UNKNOWN, problem: !isCutOff(message) };
}

/** Whether ioredis says that the connection has gone. */
export function isCutOff(message: string): boolean {
  return CUT_OFF.some((words) => message.startsWith(words));
}
