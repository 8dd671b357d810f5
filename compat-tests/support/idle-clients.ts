import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Place } from './open-connection.ts';

/** What the process of idle clients is told ... */
export type IdleOrder =
  | { readonly kind: 'open'; readonly place: Place; readonly count: number; readonly atOnce: number }
  | { readonly kind: 'count lost' }
  | { readonly kind: 'close' };
/** ... and says. */
export type IdleAnswer =
  | { readonly kind: 'opened' }
  /** Connections that the server has closed. */
  | { readonly kind: 'counted' | 'closed'; readonly lost: number }
  | { readonly kind: 'failed'; readonly problem: string };

/** Connections that are being opened at once: fewer than any server keeps in its backlog. */
const AT_ONCE = 64;
const PROGRAM = fileURLToPath(new URL('idle-clients-process.ts', import.meta.url));

/** Many connections that have sent PING once and then nothing more, in a process of their own: they cost the load nothing. */
export class IdleClients {
  readonly #child: ChildProcess;
  #waiting: { readonly resolve: (answer: IdleAnswer) => void; readonly reject: (error: Error) => void } | null = null;

  constructor() {
    // What this process was started with, a profiler perhaps, is not for the child.
    this.#child = fork(PROGRAM, { execArgv: [] });
    this.#child.on('message', (answer: IdleAnswer) => this.#waiting?.resolve(answer));
    this.#child.on('error', (error) => this.#waiting?.reject(error));
    this.#child.on('exit', () => this.#waiting?.reject(new Error('the process of idle clients has ended')));
  }

  /** Resolves once all are connected and have been answered. */
  async open(place: Place, count: number, atOnce = AT_ONCE): Promise<void> {
    await this.#ask({ kind: 'open', place, count, atOnce });
  }

  /** How many the server has closed so far. */
  async lost(): Promise<number> {
    const answer = await this.#ask({ kind: 'count lost' });
    return answer.kind === 'counted' ? answer.lost : 0;
  }

  /** Closes them all; says how many the server had closed before. */
  async close(): Promise<number> {
    const answer = await this.#ask({ kind: 'close' });
    return answer.kind === 'closed' ? answer.lost : 0;
  }

  /** Ends the process. */
  stop(): void {
    this.#child.kill();
  }

  async #ask(order: IdleOrder): Promise<IdleAnswer> {
    const answer = await new Promise<IdleAnswer>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#child.send(order, (error) => {
        if (error !== null) reject(error);
      });
    }).finally(() => {
      this.#waiting = null;
    });
    if (answer.kind === 'failed') throw new Error(answer.problem);
    return answer;
  }
}
