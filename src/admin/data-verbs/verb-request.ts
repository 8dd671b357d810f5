import { readFileSync, statSync } from 'node:fs';
import { limits } from '../../base/limits.ts';
import type { CommandInput } from '../command-input.ts';
import { bytesOfWord } from './key-text.ts';
import type { DataVerb } from './verb.ts';
import type { VerbError } from './verb-error.ts';

/** One call as the command line asks for it. */
export interface VerbRequest {
  readonly verb: DataVerb;
  readonly key: Buffer;
  /** Of create, update and set; empty for the others. */
  readonly value: Buffer;
  /** With ttl, request id and condition as they were given. */
  readonly options: VerbOptions;
}

/** What of the client's options a call may name; each verb takes those it knows. */
export interface VerbOptions {
  readonly ttlMs?: number;
  readonly requestId?: string;
  readonly recordVersion?: number;
  readonly creationTimeMs?: number;
}

export type VerbRequestResult =
  | { readonly ok: true; readonly request: VerbRequest }
  | { readonly ok: false; readonly error: VerbError };

/** Reads the call from words and options; a value that is in a file or on standard input is read whole. */
export async function readVerbRequest(verb: DataVerb, input: CommandInput): Promise<VerbRequestResult> {
  const { config, given, words } = input;
  const key = bytesOfWord(words[0] ?? '', config.hex);
  if (!key.ok) return usage(`the key ${key.problem}`);
  if (given.has('created') && !given.has('version')) return usage('--created goes with --version only');
  if (verb === 'get' && config.file === '-' && config.json) {
    return usage('--json and --file - both want standard output');
  }
  const options: VerbOptions = {
    ...(config.ttl > 0 ? { ttlMs: config.ttl } : {}),
    ...(config.requestId !== '' ? { requestId: config.requestId } : {}),
    ...(given.has('version') ? { recordVersion: config.version } : {}),
    ...(given.has('created') ? { creationTimeMs: config.created } : {}),
  };
  const takesValue = verb === 'create' || verb === 'update' || verb === 'set';
  const value = takesValue ? await readValue(verb, input) : { ok: true as const, value: Buffer.alloc(0) };
  if (!value.ok) return value;
  return { ok: true, request: { verb, key: key.bytes, value: value.value, options } };
}

type ValueResult = { readonly ok: true; readonly value: Buffer } | { readonly ok: false; readonly error: VerbError };

async function readValue(verb: DataVerb, { config, words, system }: CommandInput): Promise<ValueResult> {
  const word = words[1];
  const file = config.file;
  if (word !== undefined && file !== '') return usage('the value is given twice: on the command line and with --file');
  if (word !== undefined) {
    const bytes = bytesOfWord(word, config.hex);
    return bytes.ok ? { ok: true, value: bytes.bytes } : usage(`the value ${bytes.problem}`);
  }
  if (file === '') return usage(`'junokv ${verb}' needs a value: after the key, or with --file`);
  try {
    const value = file === '-' ? await system.readInput(limits.maxStringBytes) : readFileWithin(file);
    return value === null ? usage(`the value has more than ${limits.maxStringBytes} bytes`) : { ok: true, value };
  } catch (error) {
    const message = `cannot read ${file === '-' ? 'standard input' : file}: ${messageOf(error)}`;
    return { ok: false, error: { kind: 'file', message } };
  }
}

/** Null if it is too long for a value. */
function readFileWithin(path: string): Buffer | null {
  if (statSync(path).size > limits.maxStringBytes) return null;
  const bytes = readFileSync(path);
  // A pipe says its size only when it is read.
  return bytes.length > limits.maxStringBytes ? null : bytes;
}

function usage(message: string): { readonly ok: false; readonly error: VerbError } {
  return { ok: false, error: { kind: 'usage', message } };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
