import { writeFileSync } from 'node:fs';
import { limits } from '../../base/limits.ts';
import type { ClientOptions, JunoClient } from '../../juno-ext/client/src/types.ts';
import type { Command, CommandInput } from '../command-input.ts';
import type { System } from '../system.ts';
import { callVerb, type VerbOutcome, type VerbResult } from './call-verb.ts';
import { clientConfig } from './client-config.ts';
import { outcomeJson, showOutcome } from './show-outcome.ts';
import type { DataVerb } from './verb.ts';
import { describeError, errorJson, exitCodeOf, VERB_OK, type VerbError } from './verb-error.ts';
import { readVerbRequest, type VerbRequest } from './verb-request.ts';

/** Makes the client; tests have their own. */
export type ConnectClient = (options: ClientOptions) => JunoClient;

/** `junokv get KEY` and its like. `load` brings the client, which commands that run servers need not wait for. */
export function dataVerbCommand(verb: DataVerb, load: () => Promise<ConnectClient>): Command {
  return async (input) => {
    const hold = input.system.hold();
    try {
      return await runVerb(verb, input, load);
    } finally {
      hold.cancel();
    }
  };
}

async function runVerb(verb: DataVerb, input: CommandInput, load: () => Promise<ConnectClient>): Promise<number> {
  const config = await clientConfig(input.config);
  if (!config.ok) return fail(input, verb, { kind: 'usage', message: config.problem });
  const read = await readVerbRequest(verb, input);
  if (!read.ok) return fail(input, verb, read.error);
  const connect = await load();
  const interrupt = new AbortController();
  input.system.onStopSignal(() => interrupt.abort());
  const client = connectOrRefuse(connect, config.options);
  if ('kind' in client) return fail(input, verb, client);
  const result = await untilInterrupted(
    callVerb(client, read.request, interrupt.signal),
    read.request,
    interrupt.signal,
  );
  const exitCode = result.ok ? await succeed(input, read.request, result.value) : await fail(input, verb, result.error);
  await closeSoon(client, input.system);
  return exitCode;
}

/** The client throws where options cannot be meant, such as a name that is too long. */
function connectOrRefuse(connect: ConnectClient, options: ClientOptions): JunoClient | VerbError {
  try {
    return connect(options);
  } catch (error) {
    if (error instanceof TypeError) return { kind: 'usage', message: error.message };
    throw error;
  }
}

/** The client stops reads and writes itself; `locate` and `inspect` know no signal. */
async function untilInterrupted(
  result: Promise<VerbResult>,
  { verb }: VerbRequest,
  signal: AbortSignal,
): Promise<VerbResult> {
  if (verb !== 'locate' && verb !== 'inspect') return result;
  const interrupted = new Promise<VerbResult>((resolve) => {
    const error: VerbError = { kind: 'aborted', message: 'interrupted', requestId: null };
    signal.addEventListener('abort', () => resolve({ ok: false, error }), { once: true });
  });
  return Promise.race([result, interrupted]);
}

async function succeed(input: CommandInput, request: VerbRequest, outcome: VerbOutcome): Promise<number> {
  const { config, system, words } = input;
  // '-' is standard output, where the value goes byte by byte.
  const isRaw = config.file === '-';
  const file = outcome.kind === 'record' && config.file !== '' && !isRaw ? config.file : null;
  if (file !== null && outcome.kind === 'record') {
    try {
      writeFileSync(file, outcome.record.value);
    } catch (error) {
      return fail(input, request.verb, { kind: 'file', message: `cannot write ${file}: ${messageOf(error)}` });
    }
  }
  if (config.json) return emit(input, request.verb, jsonLine(outcomeJson(outcome, words[0] ?? '', config.hex, file)));
  const shown = showOutcome(
    outcome,
    { hex: config.hex && !isRaw, context: config.context, outIsTerminal: system.outIsTerminal && !isRaw },
    file !== null,
  );
  const exitCode = await emit(input, request.verb, shown.out);
  if (exitCode === VERB_OK && shown.err !== '') system.complain(shown.err);
  return exitCode;
}

async function emit(input: CommandInput, verb: DataVerb, bytes: Buffer): Promise<number> {
  if (bytes.length === 0) return VERB_OK;
  const problem = await input.system.writeOut(bytes);
  if (problem === null) return VERB_OK;
  const error: VerbError = { kind: 'file', message: `cannot write to standard output: ${problem}` };
  input.system.complain(`junokv ${verb}: ${describeError(error)}`);
  return exitCodeOf(error);
}

async function fail({ config, system }: CommandInput, verb: DataVerb, error: VerbError): Promise<number> {
  // Where standard output cannot be written, the exit code still tells.
  if (config.json) await system.writeOut(jsonLine(errorJson(error)));
  else system.complain(`junokv ${verb}: ${describeError(error)}`);
  return exitCodeOf(error);
}

/** What is wrong with the command line itself, as `--json` among the arguments asks for it; resolves to the exit code. */
export async function refuseArguments(
  verb: DataVerb,
  args: readonly string[],
  problems: readonly string[],
  system: System,
): Promise<number> {
  const error: VerbError = { kind: 'usage', message: problems.join('\n') };
  const asJson = args.includes('--json') || args.includes('--json=yes');
  if (asJson) await system.writeOut(jsonLine(errorJson(error)));
  else system.complain(problems.map((problem) => `junokv ${verb}: ${problem}`).join('\n'));
  return exitCodeOf(error);
}

/** The answer is there: a connection that does not close must not hold up its reader. */
async function closeSoon(client: JunoClient, system: System): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = system.clock.after(limits.cliCloseMs, resolve);
    const closed = (): void => {
      timer.cancel();
      resolve();
    };
    client.close().then(closed, closed);
  });
}

function jsonLine(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
