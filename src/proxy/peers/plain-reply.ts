import { InvariantError } from '../../base/assert.ts';
import { ErrorReply, type Reply, SimpleString, VerbatimReply } from '../../resp/reply.ts';

/** A reply as one process sends it to another: of those kinds that commands about clients and figures answer. */
export type PlainReply =
  | number
  | bigint
  | string
  | null
  | Buffer
  | readonly PlainReply[]
  | { readonly line: string }
  | { readonly error: string }
  | { readonly verbatim: string; readonly format: string };

export function toPlainReply(reply: Reply): PlainReply {
  if (reply === null || typeof reply !== 'object' || Buffer.isBuffer(reply)) return reply;
  if (isList(reply)) return reply.map(toPlainReply);
  if (reply instanceof SimpleString) return { line: reply.text };
  if (reply instanceof ErrorReply) return { error: reply.text };
  if (reply instanceof VerbatimReply) return { verbatim: reply.text, format: reply.format };
  throw new InvariantError('a command that workers share answers no such reply');
}

export function fromPlainReply(plain: PlainReply): Reply {
  if (plain === null || typeof plain !== 'object' || Buffer.isBuffer(plain)) return plain;
  if (isList(plain)) return plain.map(fromPlainReply);
  if ('line' in plain) return new SimpleString(plain.line);
  return 'error' in plain ? new ErrorReply(plain.error) : new VerbatimReply(plain.format, plain.verbatim);
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}
