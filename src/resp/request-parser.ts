import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import { ByteInput, CR, LF } from './byte-input.ts';
import { splitInlineCommand } from './inline-command.ts';
import { parseInteger } from './integer.ts';
import { NameCache } from './name-cache.ts';

const STAR = 42;
const DOLLAR = 36;
/** An announced count is believed so far; beyond, the array grows as arguments arrive. */
const PREALLOCATED_ARGUMENTS = 32;
/** Of all parsers: nearly all clients send the same few. */
const NAMES = new NameCache();
/** Between commands; never written to. */
const NO_ARGUMENTS: Buffer[] = [];

/**
 * Turns a client's bytes into commands: RESP arrays of bulk strings and inline commands, with Redis's limits and error
 * texts (networking.c, processInlineBuffer and processMultibulkBuffer). Pull style: push() what the socket gives, then
 * next() until it returns null. To hold back a client, stop calling next() and stop reading the socket; what was pushed
 * waits, and next() goes on from there. Between two calls of next(), `authenticated` and `maxBulkBytes` may change.
 *
 * The result depends on the bytes only, never on how they were cut into chunks.
 *
 * Memory: nothing is taken because it was announced, only as bytes arrive. An argument that lies in one chunk is a view of
 * it, so chunks must not be reused, and an argument keeps its chunk alive: right for a command's life of at most a deadline,
 * but who keeps arguments longer (MULTI) copies them with detachArguments(). The parser itself does so with the arguments
 * of a command whose rest has not arrived. Requests with the same name share its Buffer: arguments are only read.
 */
export class RequestParser {
  /** False applies Redis's tight limits for clients that have yet to authenticate. */
  authenticated: boolean;
  /** Redis's proto-max-bulk-len. */
  maxBulkBytes: number;

  private readonly input = new ByteInput();
  /** What the line that is being read is; only the first byte tells, and that may be gone. */
  private line: 'none' | 'count' | 'inline' = 'none';
  private args = NO_ARGUMENTS;
  private argCount = 0;
  /** Arguments still to come; 0 between commands. */
  private remaining = 0;
  /** Length of the argument being read; -1 when its header comes next. */
  private bulkLength = -1;
  /** How many of `args` have memory of their own. */
  private detachedCount = 0;
  private detachedBytes = 0;
  private error: string | null = null;
  private hasFailed = false;

  constructor(authenticated: boolean, maxBulkBytes: number = limits.maxStringBytes) {
    this.authenticated = authenticated;
    this.maxBulkBytes = maxBulkBytes;
  }

  /** True after a protocol error: nothing more is read from this client. */
  get failed(): boolean {
    return this.hasFailed;
  }

  /** Nothing of a request is there that has not been given. */
  get isBetweenRequests(): boolean {
    return this.remaining === 0 && this.line === 'none' && this.input.heldBytes === 0 && !this.hasFailed;
  }

  /** Memory that the parser holds, in bytes: input not yet read and the command half received. For the query buffer limits. */
  get bufferedBytes(): number {
    return this.input.heldBytes + this.detachedBytes + this.argCount * limits.argumentOverheadBytes;
  }

  /** Takes bytes from the client. The parser keeps a reference to `chunk`, which must not change any more. */
  push(chunk: Buffer): void {
    if (!this.hasFailed) this.input.push(chunk);
  }

  /** The next command, name first, at least one argument; null when more bytes are needed, or after a protocol error. */
  next(): Buffer[] | null {
    for (;;) {
      if (this.hasFailed) return null;
      if (this.remaining === 0) {
        if (this.line === 'none' && !this.startLine()) return null;
        if (this.line === 'inline') {
          const args = this.takeInline();
          if (args === null || args.length > 0) return args;
          continue;
        }
        if (!this.takeCount()) return null;
        if (this.remaining === 0) continue;
      }
      return this.takeArguments() ? this.finish() : null;
    }
  }

  /** The protocol error, once, as the text of an ErrorReply ("ERR Protocol error: ..."); null when there is none. */
  takeError(): string | null {
    const error = this.error;
    this.error = null;
    return error;
  }

  private startLine(): boolean {
    const first = this.input.peek();
    if (first < 0) return false;
    this.line = first === STAR ? 'count' : 'inline';
    return true;
  }

  /** Null: more bytes are needed, or an error. Empty: a blank line. */
  private takeInline(): Buffer[] | null {
    const line = this.input.takeLine(LF, limits.requestLineBytes);
    if (line === null) return this.input.lineTooLong ? this.fail('too big inline request') : null;
    this.line = 'none';
    const end = line.length > 0 && line[line.length - 1] === CR ? line.length - 1 : line.length;
    return splitInlineCommand(line.subarray(0, end)) ?? this.fail('unbalanced quotes in request');
  }

  /** Reads "*<count>"; false when more bytes are needed, or on an error. */
  private takeCount(): boolean {
    let count: number | bigint | null = this.input.isPartial ? -1 : this.input.takeHeader();
    if (count < 0) {
      const line = this.input.takeLine(CR, limits.requestLineBytes);
      if (line === null) {
        if (this.input.lineTooLong) this.fail('too big mbulk count string');
        return false;
      }
      count = parseInteger(line, 1);
    }
    this.line = 'none';
    if (count === null || count > limits.requestArguments) {
      this.fail('invalid multibulk length');
      return false;
    }
    if (count > limits.unauthenticatedArguments && !this.authenticated) {
      this.fail('unauthenticated multibulk length');
      return false;
    }
    this.remaining = Math.max(0, Number(count));
    this.args = new Array<Buffer>(Math.min(this.remaining, PREALLOCATED_ARGUMENTS));
    return true;
  }

  /** Reads the arguments still to come; false when more bytes are needed, or on an error. */
  private takeArguments(): boolean {
    const input = this.input;
    while (this.remaining > 0) {
      if (this.bulkLength < 0 && !this.takeBulkLength()) break;
      const length = this.bulkLength;
      const arg = this.argCount === 0 ? input.takeName(length, NAMES) : input.takeBulk(length);
      if (arg === null) break;
      this.args[this.argCount++] = arg;
      this.bulkLength = -1;
      this.remaining--;
    }
    if (this.hasFailed) return false;
    if (this.remaining > 0) this.detachNewArguments();
    return this.remaining === 0;
  }

  /** Reads "$<length>"; false when more bytes are needed, or on an error. */
  private takeBulkLength(): boolean {
    let length: number | bigint | null = -1;
    if (!this.input.isPartial) {
      const first = this.input.peek();
      if (first < 0) return false;
      if (first === DOLLAR) length = this.input.takeHeader();
    }
    if (length < 0) {
      const line = this.input.takeLine(CR, limits.requestLineBytes);
      if (line === null) {
        if (this.input.lineTooLong) this.fail('too big bulk count string');
        return false;
      }
      const first = line[0] ?? CR;
      if (first !== DOLLAR) {
        this.fail(`expected '$', got '${String.fromCharCode(first)}'`);
        return false;
      }
      length = parseInteger(line, 1);
    }
    if (length === null || length < 0 || length > this.maxBulkBytes) {
      this.fail('invalid bulk length');
      return false;
    }
    if (length > limits.unauthenticatedArgumentBytes && !this.authenticated) {
      this.fail('unauthenticated bulk length');
      return false;
    }
    this.bulkLength = Number(length);
    return true;
  }

  private finish(): Buffer[] {
    const args = this.args;
    assert(args.length === this.argCount, 'a command has as many arguments as announced');
    this.resetCommand();
    return args;
  }

  /** A client may take its time with the rest of a command: meanwhile it must not hold on to the chunks behind it. */
  private detachNewArguments(): void {
    if (this.detachedCount === this.argCount) return;
    const args = this.args.slice(this.detachedCount, this.argCount);
    for (const arg of detachArguments(args)) {
      this.args[this.detachedCount++] = arg;
      this.detachedBytes += arg.length;
    }
  }

  private resetCommand(): void {
    this.line = 'none';
    this.args = NO_ARGUMENTS;
    this.argCount = 0;
    this.remaining = 0;
    this.bulkLength = -1;
    this.detachedCount = 0;
    this.detachedBytes = 0;
  }

  private fail(message: string): null {
    // As Redis does in every error text: a line end would break the protocol.
    this.error = `ERR Protocol error: ${message.replace(/[\r\n]/g, ' ')}`;
    this.hasFailed = true;
    this.resetCommand();
    this.input.clear();
    return null;
  }
}

/** Larger arguments mostly fill the memory behind them, so copying would gain nothing. */
const DETACHED_ARGUMENT_BYTES = 16_384;

/** The same arguments in memory of their own: small ones are copied together, so that they do not keep large chunks alive. */
export function detachArguments(args: readonly Buffer[]): Buffer[] {
  let bytes = 0;
  for (const arg of args) if (arg.length < DETACHED_ARGUMENT_BYTES) bytes += arg.length;
  const copy = Buffer.allocUnsafe(bytes);
  let at = 0;
  return args.map((arg) => {
    if (arg.length >= DETACHED_ARGUMENT_BYTES) return arg;
    arg.copy(copy, at);
    at += arg.length;
    return copy.subarray(at - arg.length, at);
  });
}
