import type { Comparison } from './comparisons.ts';
import { exactly } from './comparisons.ts';
import { type Argument, encodeCommand, splitLine } from './request.ts';

/** One thing to do on both servers, and how to compare what they answer. */
export interface Step {
  /** As shown in messages. */
  readonly text: string;
  readonly bytes: Buffer;
  /** Replies to wait for. */
  readonly replies: number;
  /** After them the server must have closed the connection. */
  readonly thenEnd: boolean;
  readonly compare: Comparison;
  /** Which of the script's connections, made when first used. */
  readonly connection: number;
  /** Milliseconds to wait before it. */
  readonly pauseMs: number;
  /** Repeated with the returned cursor until that is 0: all elements, sorted, are compared. */
  readonly isScan: boolean;
}

export type Protocol = 2 | 3;

/** A list of steps on empty databases. A string is a command as for redis-cli, compared byte for byte. */
export interface Script {
  readonly name: string;
  readonly steps: readonly (string | Step)[];
  readonly protocols: readonly Protocol[];
  /** The pair of servers that it needs. */
  readonly servers: 'plain' | 'cluster' | 'password';
}

export function script(
  name: string,
  steps: readonly (string | Step)[],
  more: Partial<Pick<Script, 'protocols' | 'servers'>> = {},
): Script {
  return { name, steps, protocols: more.protocols ?? [2, 3], servers: more.servers ?? 'plain' };
}

const PLAIN = { replies: 1, thenEnd: false, compare: exactly, connection: 0, pauseMs: 0, isScan: false };

export function command(line: string): Step {
  return { ...PLAIN, text: line, bytes: encodeCommand(splitLine(line)) };
}

/** A command of any arguments: for those too long or too odd to stand in a line. */
export function args(text: string, list: readonly Argument[]): Step {
  return { ...PLAIN, text, bytes: encodeCommand(list) };
}

/** Exactly these bytes, in Latin-1. */
export function raw(bytes: string, more: Partial<Pick<Step, 'replies' | 'thenEnd' | 'text'>> = {}): Step {
  const shown = JSON.stringify(bytes.length > 100 ? `${bytes.slice(0, 100)}...` : bytes);
  return { ...PLAIN, text: shown, bytes: Buffer.from(bytes, 'latin1'), ...more };
}

/** Many commands in one write. */
export function pipeline(text: string, lines: readonly string[]): Step {
  const bytes = Buffer.concat(lines.map((line) => encodeCommand(splitLine(line))));
  return { ...PLAIN, text, bytes, replies: lines.length };
}

export function as(compare: Comparison, step: string | Step): Step {
  return { ...toStep(step), compare };
}

export function on(connection: number, step: string | Step): Step {
  return { ...toStep(step), connection };
}

export function after(pauseMs: number, step: string | Step): Step {
  return { ...toStep(step), pauseMs };
}

/**
 * SCAN, or HSCAN or SSCAN of a key, with these options until the cursor is 0 again; what is found, each once, is compared as
 * a set.
 */
export function scanAll(options = '', name = 'SCAN'): Step {
  return { ...command(`${name} 0 ${options}`.trim()), isScan: true };
}

/** No reply is waited for: CLIENT REPLY OFF, or half of a command. */
export function unanswered(step: string | Step): Step {
  return { ...toStep(step), replies: 0 };
}

/** The server answers `replies` times and closes. */
export function thenEnds(step: string | Step, replies = 1): Step {
  return { ...toStep(step), replies, thenEnd: true };
}

export function toStep(step: string | Step): Step {
  return typeof step === 'string' ? command(step) : step;
}
