import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Characters of a server's output that are kept for error messages. */
const OUTPUT_CHARS = 20_000;
/** Against hanging, not a measure: on a machine with much other work everything takes ten times as long. */
const STOP_MS = 60_000;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface ChildServerOptions {
  /** For messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A server that this process started; it is ended, by its id, at the latest when this process ends. */
export class ChildServer {
  readonly name: string;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #output = '';
  #exitText: string | null = null;

  constructor(options: ChildServerOptions) {
    this.name = options.name;
    this.#child = spawn(options.command, [...options.args], {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(this.#child);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-OUTPUT_CHARS);
      });
    }
    this.#exited = new Promise((resolve) => {
      const ended = (text: string): void => {
        running.delete(this.#child);
        this.#exitText ??= text;
        resolve();
      };
      this.#child.on('error', (error) => ended(error.message));
      this.#child.on('exit', (code, signal) => ended(signal ?? `exit code ${code}`));
    });
    this.pid = this.#child.pid ?? -1;
  }

  /** What it printed last, on both outputs. */
  get output(): string {
    return this.#output;
  }

  /** How it ended; null while it runs. */
  get exitText(): string | null {
    return this.#exitText;
  }

  /** Calls `probe` until it says true. Throws when the process ends or `timeoutMs` pass before. */
  async waitUntilReady(probe: () => Promise<boolean>, timeoutMs: number): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    for (;;) {
      if (this.#exitText !== null) throw new Error(`${this.name} ended (${this.#exitText}):\n${this.#output}`);
      if (await probe()) return;
      if (performance.now() > endMs)
        throw new Error(`${this.name} is not ready after ${timeoutMs} ms:\n${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** For a command that ends by itself: throws unless it ends well within `timeoutMs`. */
  async waitUntilDone(timeoutMs: number): Promise<void> {
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), timeoutMs);
    await this.#exited;
    clearTimeout(timer);
    if (this.#exitText !== 'exit code 0') throw new Error(`${this.name} ended (${this.#exitText}):\n${this.#output}`);
  }

  /** Resident memory now, in bytes. */
  rssBytes(): number {
    const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'));
    if (match === null) throw new Error(`${this.name} has no VmRSS`);
    return Number(match[1]) * 1024;
  }

  /** Asks it to stop and waits; what does not stop is killed, which throws. */
  async stop(): Promise<void> {
    if (this.#exitText !== null) return;
    this.#child.kill('SIGTERM');
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#child.kill('SIGKILL');
    }, STOP_MS);
    await this.#exited;
    clearTimeout(timer);
    if (late) throw new Error(`${this.name} did not stop within ${STOP_MS} ms of SIGTERM:\n${this.#output}`);
  }

  /** `kill -9`; resolves when the process is gone. */
  async kill(): Promise<void> {
    if (this.#exitText === null) this.#child.kill('SIGKILL');
    await this.#exited;
  }
}
