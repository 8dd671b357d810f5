import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { SystemClock } from '../base/system-clock.ts';
import { SystemRandom } from '../base/system-random.ts';
import type { Environment } from './configuration.ts';

/** The process around a command: tests have their own. */
export interface System {
  readonly clock: Clock;
  readonly random: Random;
  readonly environment: Environment;
  readonly version: string;
  /** To standard output, with a newline at its end. */
  print(text: string): void;
  /** To standard output, as they are; resolves to what went wrong, null if nothing did. */
  writeOut(bytes: Buffer): Promise<string | null>;
  /** Standard input to its end; null if it has more than `limitBytes`. Rejects when it cannot be read. */
  readInput(limitBytes: number): Promise<Buffer | null>;
  /** Asks a person: resolves to the line that was typed, null at the end of input. Null where standard input is no terminal. */
  readonly askLine: ((question: string) => Promise<string | null>) | null;
  /** Whether a person, rather than a program or a file, gets standard output. */
  readonly outIsTerminal: boolean;
  /** To standard error, with a newline at its end. */
  complain(text: string): void;
  /**
   * Draws the last line of standard error anew, cut to the terminal's width; '' leaves none. Null where standard error is no
   * terminal.
   */
  readonly redraw: ((line: string) => void) | null;
  /** Calls `fn` once, after what has arrived was handled: a turn of the event loop without sleeping. */
  soon(fn: () => void): void;
  /** Processor time that this process has used, milliseconds. */
  cpuMs(): number;
  /** Calls `listener` for each SIGINT and SIGTERM, instead of what they would do. */
  onStopSignal(listener: () => void): void;
  /** Stops this process as SIGTERM would. */
  stop(): void;
  /** Calls `listener` for each SIGHUP, which then does not end the process: files are to be read again. Several may listen. */
  onReloadSignal(listener: () => void): void;
  /** Keeps the process alive until cancelled. */
  hold(): Timer;
  /** Ends the process, as soon as what was printed has been taken. */
  exit(code: number): void;
  /** Ends the process now, even if native code hangs (which outlives process.exit). */
  kill(): void;
}

/** Ends what runs in the process group of this number: what a command that was run in one left behind. */
export function endProcessGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // Nothing was left.
  }
}

/** The real process. */
export function createSystem(): System {
  const clock = new SystemClock();
  return {
    clock,
    random: new SystemRandom(),
    environment: process.env,
    version: readVersion(),
    print: (text) => process.stdout.write(`${text}\n`),
    writeOut,
    readInput,
    askLine: process.stdin.isTTY === true ? askLine : null,
    outIsTerminal: process.stdout.isTTY === true,
    complain: (text) => process.stderr.write(`${text}\n`),
    redraw: process.stderr.isTTY === true ? redraw : null,
    soon: (fn) => clock.soon(fn),
    cpuMs() {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1_000;
    },
    onStopSignal(listener) {
      process.on('SIGINT', listener);
      process.on('SIGTERM', listener);
    },
    stop: () => process.kill(process.pid, 'SIGTERM'),
    onReloadSignal: (listener) => process.on('SIGHUP', listener),
    hold: () => clock.holdProcess(),
    exit: (code) => exitWhenPrinted(code, clock),
    kill: () => process.kill(process.pid, 'SIGKILL'),
  };
}

/** A pipe takes what is printed by and by, and what it has not taken when the process ends is lost. Who has gone away takes nothing. */
function exitWhenPrinted(code: number, clock: SystemClock): void {
  const end = (): void => process.exit(code);
  process.stdout.once('error', end);
  process.stderr.once('error', end);
  clock.after(limits.exitFlushMs, end);
  process.stdout.write('', () => process.stderr.write('', end));
}

const DEFAULT_COLUMNS = 80;

function redraw(line: string): void {
  const columns = process.stderr.columns || DEFAULT_COLUMNS;
  // To the start of the line, the text, and nothing after it.
  process.stderr.write(`\r${line.slice(0, columns - 1)}\u001b[K`);
}

function writeOut(bytes: Buffer): Promise<string | null> {
  return new Promise((resolve) => {
    // A reader that went away is told by an event too, which nobody else listens to.
    process.stdout.once('error', (error) => resolve(error.message));
    process.stdout.write(bytes, (error) => resolve(error?.message ?? null));
  });
}

function askLine(question: string): Promise<string | null> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  return new Promise((resolve) => {
    lines.once('close', () => resolve(null));
    lines.question(question, (line) => {
      resolve(line);
      lines.close();
    });
  });
}

async function readInput(limitBytes: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    size += bytes.length;
    if (size > limitBytes) return null;
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/** From src/admin in a clone and from dist/admin in the package: the same way up. */
function readVersion(): string {
  const json: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return typeof json === 'object' && json !== null && 'version' in json ? String(json.version) : 'unknown';
}
