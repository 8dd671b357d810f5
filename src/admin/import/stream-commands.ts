import { limits } from '../../base/limits.ts';
import { isBarrier } from '../../proxy/command.ts';
import { keysOf } from '../../proxy/command-keys.ts';
import { CommandTable } from '../../proxy/command-table.ts';
import { allCommands } from '../../proxy/commands/all-commands.ts';
import type { Reply } from '../../resp/reply.ts';
import { ReplyParser } from '../../resp/reply-parser.ts';
import { ImportProblem } from './import-problem.ts';

/** A command of a source's stream. */
export interface StreamCommand {
  readonly name: string;
  readonly args: readonly Buffer[];
  /** Bytes that it takes in the stream. */
  readonly bytes: number;
}

/** Reads a source's command stream. */
export class StreamCommands {
  readonly #parser = new ReplyParser();

  push(chunk: Buffer): void {
    this.#parser.push(chunk);
  }

  /** Null: more bytes are needed. Throws ImportProblem. */
  next(): StreamCommand | null {
    const reply: Reply | undefined = this.#parser.next();
    if (this.#parser.failure !== null) {
      throw new ImportProblem(`the source's stream is not understood: ${this.#parser.failure}`);
    }
    if (reply === undefined) return null;
    const args: readonly Reply[] = Array.isArray(reply) ? reply : [];
    if (args.length === 0 || !args.every((arg) => Buffer.isBuffer(arg))) {
      throw new ImportProblem("the source's stream has something else in it than commands");
    }
    let bytes = headBytes(args.length);
    for (const arg of args) bytes += headBytes(arg.length) + arg.length + 2;
    return { name: args[0]?.toString('latin1').toLowerCase() ?? '', args, bytes };
  }
}

/** `*3\r\n` */
function headBytes(count: number): number {
  return String(count).length + 3;
}

const table = new CommandTable(allCommands);
const NO_BYTES = Buffer.alloc(0);
/** First and last place of the keys, and the step, of commands that our table lacks or names too few of; -1 is the end. */
const OTHER_KEYS: Readonly<Record<string, readonly [first: number, last: number, step: number]>> = {
  blmove: [1, 2, 1],
  brpoplpush: [1, 2, 1],
  // Of several STORE the last counts.
  georadius: [1, -1, 1],
  georadiusbymember: [1, -1, 1],
  xadd: [1, 1, 1],
  xack: [1, 1, 1],
  xautoclaim: [1, 1, 1],
  xclaim: [1, 1, 1],
  xdel: [1, 1, 1],
  xgroup: [2, 2, 1],
  xsetid: [1, 1, 1],
  xtrim: [1, 1, 1],
};

/**
 * The keys that a command names; of some also arguments that are none, which does no harm. Null: not known, and then not
 * bounded either.
 */
export function keysNamed({ name, args }: StreamCommand): readonly Buffer[] | null {
  const other = OTHER_KEYS[name];
  if (other !== undefined) {
    const [first, last, step] = other;
    const end = last < 0 ? args.length : last + 1;
    return args.slice(0, end).filter((_, i) => i >= first && (i - first) % step === 0);
  }
  const entry = table.find(args[0] ?? NO_BYTES);
  if (entry === undefined) return null;
  const row = entry.subcommands?.find(args[1] ?? NO_BYTES)?.row ?? entry.row;
  return keysOf(row, [...args]).map(({ key }) => key);
}

/** Whether a proxy carries a command out while others of the same connection are under way. */
export function goesBesideOthers({ args }: StreamCommand): boolean {
  const row = table.find(args[0] ?? NO_BYTES)?.row;
  return row !== undefined && !isBarrier(row.handler?.kind);
}

/** Commands that read keys which they do not name: SORT with a pattern for weights or for what is got. */
export function readsByPattern({ name, args }: StreamCommand): boolean {
  return name === 'sort' && args.some((arg, i) => i > 1 && isWord(arg, 'by', 'get') && args[i + 1]?.includes('*'));
}

function isWord(arg: Buffer, ...words: readonly string[]): boolean {
  return arg.length < 8 && words.includes(arg.toString('latin1').toLowerCase());
}

/** A transaction of more is carried out in pieces. */
export function isTooLong(commands: number, bytes: number): boolean {
  return commands >= limits.importTransactionCommands || bytes >= limits.importTransactionBytes;
}
