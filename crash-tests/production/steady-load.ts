import { filesOf, type Place, type TlsPlace } from '../../compat-tests/support/place.ts';
import { connect } from '../../src/juno-ext/client/src/client.ts';
import type { JunoClient } from '../../src/juno-ext/client/src/types.ts';
import { IncrementLoad } from '../increment-load.ts';
import { ReconnectingLoad } from '../reconnecting-load.ts';
import { type Report, table } from '../report.ts';

const RECONNECTING = 16;
const TYPED = 4;
const DEADLINE_MS = 15_000;
const TICK_MS = 50;
/** The cluster answers within two seconds or refuses: where even a timer of this process was so late, others have the machine. */
const STOOD_STILL_MS = 1_500;

type Row = (string | number)[];

/**
 * Two kinds of clients behind HAProxy, all on TLS: some that only make a lost connection anew and send their request again, and
 * applications with the typed client that increment shared counters, with a ledger of every answer.
 */
export class SteadyLoad {
  readonly #place: TlsPlace;
  readonly #reconnecting: ReconnectingLoad;
  readonly #increments: IncrementLoad;
  readonly #clients: readonly JunoClient[];
  readonly #rows: Row[] = [
    ['step', 'answered', 'reconnects', 'sent again', 'longest ms', 'increments', 'not told', 'longest ms', 'no CPU ms'],
  ];
  readonly #failures: string[] = [];
  #reconnects = 0;
  #answered = 0;
  #ticking: NodeJS.Timeout | undefined;
  /** Longest time in which this process was not let run, since the last step. */
  #stoodStillMs = 0;

  /** `name`: of this load alone, on a cluster. */
  constructor(place: TlsPlace, name: string) {
    this.#place = place;
    this.#reconnecting = new ReconnectingLoad(RECONNECTING, place);
    this.#increments = new IncrementLoad(name);
    this.#clients = Array.from({ length: TYPED }, () => typedClient(place));
  }

  start(): void {
    let lastMs = performance.now();
    this.#ticking = setInterval(() => {
      const nowMs = performance.now();
      this.#stoodStillMs = Math.max(this.#stoodStillMs, nowMs - lastMs - TICK_MS);
      lastMs = nowMs;
    }, TICK_MS);
    this.#reconnecting.start();
    this.#increments.start(this.#clients);
  }

  /** Of all steps. */
  get answered(): number {
    return this.#answered;
  }

  /** Takes what happened since the last call as that of a step of this name; resolves to the connections that were made anew. */
  endStep(name: string): number {
    const { answered, reconnects, repeated, longestMs, problems } = this.#reconnecting.takeFigures();
    const typed = this.#increments.takeFigures();
    this.#rows.push([
      name,
      ...[answered, reconnects, repeated, Math.round(longestMs)],
      ...[typed.done, typed.open, Math.round(typed.longestMs), Math.round(this.#stoodStillMs)],
    ]);
    this.#judgeStep(name, [...problems, ...typed.problems]);
    this.#stoodStillMs = 0;
    if (answered === 0 || typed.done === 0) this.#failures.push(`${name}: some clients were not answered at all`);
    console.log(`  ${name}: ${answered} answered, ${reconnects} reconnects, ${typed.done} increments`);
    this.#answered += answered + typed.done;
    this.#reconnects += reconnects;
    return reconnects;
  }

  /** Ends the clients and judges what they were told, by what is found at HAProxy and at each of `places`. */
  async judge(report: Report, places: readonly Place[], what: string): Promise<void> {
    await this.#end();
    this.#failures.push(...this.#reconnecting.takeFigures().problems, ...this.#increments.takeFigures().problems);
    console.log(`\n${table(this.#rows)}\n`);
    report.check(
      `no request failed ${what}: ${this.#answered} answered, ${this.#reconnects} reconnects`,
      this.#failures,
    );
    const lost: string[] = [];
    for (const place of [this.#place, ...places]) lost.push(...(await this.#reconnecting.check(place)));
    report.check('every acknowledged write is there, by HAProxy and by each proxy', lost);
    const [client] = this.#clients;
    if (client === undefined) throw new Error('there are no clients');
    const { rows, problems } = await this.#increments.check(client);
    const sum = (column: number): number => rows.reduce((total, row) => total + Number(row[column] ?? 0), 0);
    report.check(
      `the counters add up: ${sum(1)} in all, ${sum(2)} acknowledged, ${sum(3)} whose end is not known`,
      problems,
    );
  }

  async stop(): Promise<void> {
    clearInterval(this.#ticking);
    await this.#end();
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  /** Refusals are nobody's fault where the machine stood still; wrong answers are. */
  #judgeStep(name: string, problems: readonly string[]): void {
    const isStill = this.#stoodStillMs > STOOD_STILL_MS;
    const excused = isStill ? problems.filter((problem) => /: -(UNAVAILABLE|UNCERTAIN|BUSY) /.test(problem)) : [];
    if (excused.length > 0) {
      const still = `this process got no CPU time for ${Math.round(this.#stoodStillMs)} ms`;
      console.log(`  ${name}: ${excused.length} refusals or more are not judged, for ${still}`);
    }
    for (const problem of problems) if (!excused.includes(problem)) this.#failures.push(`${name}: ${problem}`);
  }

  async #end(): Promise<void> {
    await this.#reconnecting.stop();
    await this.#increments.stop();
  }
}

function typedClient(place: TlsPlace): JunoClient {
  const addresses = [{ host: '127.0.0.1', port: place.port }];
  return connect({ addresses, tls: filesOf(place), deadlineMs: DEADLINE_MS });
}
