import type { Audit } from '../../base/audit.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import type { PeerAnswer, PeerQuestion, ProxyIdentity } from '../../proxy/peers/peers.ts';
import type { ObservedWorkers, WorkersFigures } from '../metrics/observed.ts';
import type { Configuration, OptionKey } from '../option-table.ts';
import type { ProcessHost } from '../running.ts';
import { KeptSettings } from './kept-settings.ts';
import { QuestionDesk } from './question-desk.ts';
import { RateShares } from './rate-shares.ts';
import { Seat } from './seat.ts';
import type { Door, FromWorker, WorkerAnswer, WorkerQuestion } from './worker-messages.ts';
import type { PassedHandle, SpawnWorker } from './worker-process.ts';

export interface WorkerPoolParts {
  readonly config: Configuration;
  readonly given: ReadonlySet<OptionKey>;
  readonly identity: ProxyIdentity;
  readonly spawn: SpawnWorker;
  readonly clock: Clock;
  readonly log: Log;
  /** Where workers' entries go; null: nowhere. */
  readonly audit: Audit | null;
  /** Of the proxy; null: its clients cannot stop it. */
  readonly host: ProcessHost | null;
}

export type StartedWorkers =
  /** `keystore`: where the keys come from. */
  { readonly ok: true; readonly keystore: string } | { readonly ok: false; readonly problem: string };

/** The workers of a proxy as the process that has its port sees them: gives them connections, and carries what they tell each other. */
export class WorkerPool implements ObservedWorkers {
  readonly #parts: WorkerPoolParts;
  readonly #seats: readonly Seat[];
  readonly #desk: QuestionDesk;
  readonly #settings = new KeptSettings();
  readonly #rates: RateShares;
  /** Of the first start of all. */
  #starting: ((started: StartedWorkers) => void) | null = null;
  #port = 0;
  #ticker: Timer | null = null;
  #isAwaited = false;
  #isStopping = false;
  /** Connections that came while nobody served. */
  #waiting: { readonly door: Door; readonly handle: PassedHandle }[] = [];
  /** Connections for which there was no worker. */
  #refused = 0;
  #whenEmpty: (() => void) | null = null;

  constructor(parts: WorkerPoolParts) {
    const { config, spawn, clock, log } = parts;
    this.#parts = parts;
    this.#desk = new QuestionDesk(clock);
    this.#rates = new RateShares(config.workers);
    const events = {
      spawned: (seat: Seat) => this.#spawned(seat),
      ready: (seat: Seat, keystore: string) => this.#ready(seat, keystore),
      failed: (_seat: Seat, problem: string) => this.#failed(problem),
      left: (seat: Seat) => this.#left(seat),
      message: (seat: Seat, message: FromWorker) => this.#heard(seat, message),
    };
    this.#seats = Array.from({ length: config.workers }, (_, index) => new Seat({ index, spawn, clock, log, events }));
  }

  /**
   * Resolves when all serve, or with why one does not: then the caller stops them. `port`: the plain one, as it came to listen; 0:
   * there is none.
   */
  start(port: number): Promise<StartedWorkers> {
    this.#port = port;
    return new Promise((resolve) => {
      this.#starting = resolve;
      for (const seat of this.#seats) seat.start();
      this.#tick();
    });
  }

  /**
   * Gives a connection to the worker that has fewest, or to the first one to come. The handle is closed here in any case, without
   * having been passed on where there are too many.
   */
  give(door: Door, handle: PassedHandle): void {
    let chosen: Seat | null = null;
    for (const seat of this.#seats) {
      if (seat.canTake && (chosen === null || seat.load < chosen.load)) chosen = seat;
    }
    if (chosen === null) {
      const mayWait = !this.#isStopping && !this.#seats.some(({ isReady }) => isReady);
      if (mayWait && this.#waiting.length < limits.handoverBacklog) this.#waiting.push({ door, handle });
      else this.#refuse(handle);
      return;
    }
    chosen.pass(door, handle, (result) => {
      // To a worker that was ending: the others remain.
      if (result === 'passed' || this.#isStopping) handle.close();
      else this.give(door, handle);
    });
  }

  #refuse(handle: PassedHandle): void {
    this.#refused += 1;
    handle.close();
  }

  async metrics(): Promise<readonly string[]> {
    const answers = await this.#ask(this.#serving, { kind: 'metrics' });
    return answers.flatMap((answer) => (answer.kind === 'metrics' ? [answer.text] : []));
  }

  async problems(): Promise<readonly string[]> {
    const asked = this.#serving;
    const answers = await this.#ask(asked, { kind: 'readiness' });
    const told = answers.flatMap((answer) => (answer.kind === 'readiness' ? answer.problems : []));
    const missing = asked.length - answers.length;
    return [...new Set(told), ...(missing === 0 ? [] : [`${missing} of ${this.#seats.length} workers do not answer`])];
  }

  get #serving(): Seat[] {
    return this.#seats.filter(({ isReady }) => isReady);
  }

  /** Files are to be read again. */
  reload(): void {
    for (const seat of this.#seats) seat.send({ kind: 'reload' });
  }

  /** Beyond limits.stopMs, milliseconds. */
  get drainMs(): number {
    return Number(this.#settings.config('shutdown-timeout') ?? this.#parts.config.shutdownTimeout) * 1000;
  }

  get figures(): WorkersFigures {
    return {
      workers: this.#seats.length,
      ready: this.#serving.length,
      restarts: this.#seats.reduce((sum, { restarts }) => sum + restarts, 0),
      unanswered: this.#desk.unanswered,
      refused: this.#refused,
      droppedLines: this.#seats.reduce((sum, { droppedLines }) => sum + droppedLines, 0),
    };
  }

  /** All answer what their clients have sent, and end; resolves when they have, at the latest after `drainMs` and limits.stopMs. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#ticker?.cancel();
    for (const { handle } of this.#waiting.splice(0)) this.#refuse(handle);
    for (const seat of this.#seats) seat.stop();
    const boundMs = this.drainMs + limits.stopMs - limits.stopMarginMs;
    await new Promise<void>((resolve) => {
      const timer = this.#parts.clock.after(boundMs, () => {
        for (const seat of this.#seats) seat.kill();
      });
      this.#whenEmpty = () => {
        timer.cancel();
        resolve();
      };
      this.#tellIfEmpty();
    });
  }

  #spawned(seat: Seat): void {
    const { config, given, identity, host } = this.#parts;
    const port = this.#port;
    const { index, given: firstNumber } = seat;
    const settings = this.#settings.all();
    const start = { config, given: [...given], port, settings, configFile: host?.configFile ?? '' };
    const seating = { index, workers: this.#seats.length, firstNumber, identity };
    seat.send({ kind: 'start', start: { ...start, seat: seating } });
  }

  #ready(seat: Seat, keystore: string): void {
    // It begins with equal parts of the rates.
    this.#rates.forget(seat.index);
    // Something may have been set while it started.
    seat.send({ kind: 'settings', settings: this.#settings.all() });
    seat.send({ kind: 'monitor', isAwaited: this.#isAwaited });
    for (const { door, handle } of this.#waiting.splice(0)) this.give(door, handle);
    if (this.#starting === null || !this.#seats.every(({ isReady }) => isReady)) return;
    this.#starting({ ok: true, keystore });
    this.#starting = null;
  }

  #failed(problem: string): void {
    if (this.#starting === null) return;
    this.#starting({ ok: false, problem });
    this.#starting = null;
  }

  #left(seat: Seat): void {
    this.#desk.left(seat.index);
    this.#rates.forget(seat.index);
    this.#tellListening();
    this.#failed(`worker ${seat.index + 1} ended while it started; the log may say why`);
    this.#tellIfEmpty();
  }

  #tellIfEmpty(): void {
    if (this.#seats.every(({ pid }) => pid === 0)) this.#whenEmpty?.();
  }

  #heard(seat: Seat, message: FromWorker): void {
    switch (message.kind) {
      case 'report':
        this.#rates.wanted(seat.index, message.demands);
        break;
      case 'ask':
        void this.#askFor(seat, message.id, message.question);
        break;
      case 'answer':
        this.#desk.answered(seat.index, message.id, message.answer);
        break;
      case 'keep':
        this.#settings.keep(message.setting);
        break;
      case 'listening':
        seat.isListening = message.isListening;
        this.#tellListening();
        break;
      case 'lines':
        for (const other of this.#others(seat)) if (other.isListening) other.relay(message.lines);
        break;
      case 'shutdown':
        this.#parts.host?.stop();
        break;
      case 'note':
        void this.#note(seat, message);
        break;
      default:
        break;
    }
  }

  async #askFor(seat: Seat, id: number, question: PeerQuestion): Promise<void> {
    const toAll = question.kind === 'run' && question.toAll;
    const asked = (toAll ? this.#seats : this.#others(seat)).filter(({ isReady }) => isReady);
    const answers = await this.#ask(asked, question);
    const told = answers.filter((answer): answer is PeerAnswer => answer.kind === 'reply' || answer.kind === 'figures');
    seat.send({ kind: 'answers', id, answers: told });
  }

  async #note(seat: Seat, { id, entry }: Extract<FromWorker, { kind: 'note' }>): Promise<void> {
    await this.#parts.audit?.note(entry);
    seat.send({ kind: 'noted', id });
  }

  #ask(seats: readonly Seat[], question: WorkerQuestion): Promise<readonly WorkerAnswer[]> {
    const indexes = seats.map(({ index }) => index);
    return this.#desk.ask(indexes, (worker, id) => this.#seats[worker]?.send({ kind: 'question', id, question }));
  }

  #others(seat: Seat): Seat[] {
    return this.#seats.filter((other) => other !== seat);
  }

  /** Workers relay what MONITOR shows only while somebody waits for it. */
  #tellListening(): void {
    this.#isAwaited = this.#seats.some(({ isListening }) => isListening);
    for (const seat of this.#seats) {
      const isAwaited = this.#others(seat).some(({ isListening }) => isListening);
      seat.send({ kind: 'monitor', isAwaited });
    }
  }

  #tick(): void {
    for (const [worker, shares] of this.#rates.divide().entries()) {
      if (shares.length > 0) this.#seats[worker]?.send({ kind: 'shares', shares });
    }
    this.#ticker = this.#parts.clock.after(limits.workerReportMs, () => this.#tick());
  }
}
