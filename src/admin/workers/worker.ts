import { type BoundSocket, Socket } from 'node:net';
import { limits } from '../../base/limits.ts';
import { createPinoLog } from '../../base/pino-log.ts';
import { RateLimitedLog } from '../../base/rate-limited-log.ts';
import { answerPeer } from '../../proxy/peers/commands-over-workers.ts';
import type { Assembly } from '../assembly.ts';
import { MetricsSource } from '../metrics/metrics-source.ts';
import { Observed } from '../metrics/observed.ts';
import { notReady } from '../metrics/readiness.ts';
import { openProxy } from '../open-proxy.ts';
import type { Running } from '../running.ts';
import { noteCertificates } from '../server-parts.ts';
import type { System } from '../system.ts';
import { openProcessTls } from '../tls-setup.ts';
import { applySettings } from './kept-settings.ts';
import { WorkerLink } from './worker-link.ts';
import type { FromWorker, ToWorker, WorkerAnswer, WorkerQuestion, WorkerStart } from './worker-messages.ts';
import type { ServingWorker } from './worker-parts.ts';

/** The way to the process that has the port. */
export interface ParentPort {
  /** `sent`: it is not on the way any more. */
  send(message: FromWorker, sent?: () => void): void;
  /** `handle`: of a socket, with `connection`. */
  onMessage(listener: (message: ToWorker, handle: unknown) => void): void;
  /** That process is gone. */
  onCut(listener: () => void): void;
}

/** One worker of a proxy, from the message that starts it to its end. */
export class Worker {
  readonly #system: System;
  readonly #assembly: Assembly;
  readonly #parent: ParentPort;
  readonly #link: WorkerLink;
  readonly #observed = new Observed();
  readonly #reloads: (() => void)[] = [];
  #metrics: MetricsSource | null = null;
  #running: Running | null = null;
  #serving: ServingWorker | null = null;
  #taken = 0;
  #told = '';
  #isStopping = false;

  constructor(system: System, assembly: Assembly, parent: ParentPort) {
    this.#system = system;
    this.#assembly = assembly;
    this.#parent = parent;
    this.#link = new WorkerLink(system.clock, (message, sent) => parent.send(message, sent));
    this.#observed.monitorLinesDropped = () => this.#link.droppedLines;
    parent.onMessage((message, handle) => this.#heard(message, handle));
    // Without it nobody can come in, and nobody would end this process.
    parent.onCut(() => {
      this.#link.cut();
      void this.#stop();
    });
    // The other process gets them as well, and tells its workers what to do.
    system.onStopSignal(() => {});
    system.onReloadSignal(() => {});
  }

  #heard(message: ToWorker, handle: unknown): void {
    switch (message.kind) {
      case 'start':
        void this.#start(message.start);
        break;
      case 'connection':
        this.#take(message.door, handle);
        break;
      case 'question':
        void this.#answer(message.id, message.question);
        break;
      case 'answers':
        this.#link.answered(message.id, message.answers);
        break;
      case 'noted':
        this.#link.noted(message.id);
        break;
      case 'reload':
        for (const listener of this.#reloads) listener();
        break;
      case 'stop':
        void this.#stop();
        break;
      default:
        this.#adopt(message);
    }
  }

  /** What changes how it serves. */
  #adopt(message: Extract<ToWorker, { kind: 'settings' | 'monitor' | 'lines' | 'shares' }>): void {
    const context = this.#serving?.context;
    if (context === undefined) return;
    if (message.kind === 'settings') applySettings(message.settings, context);
    else if (message.kind === 'monitor') context.monitors.awaitedElsewhere(message.isAwaited);
    else if (message.kind === 'shares') context.namespaces.setShares(message.shares);
    else for (const line of message.lines) context.monitors.feedLine(line);
  }

  async #start({ config, given, seat, port, settings, configFile }: WorkerStart): Promise<void> {
    const { clock, random, version } = this.#system;
    const worker = seat.index + 1;
    const log = new RateLimitedLog(createPinoLog(config.logLevel, { role: 'proxy', worker }), clock);
    const observed = this.#observed;
    const onReload = (listener: () => void): void => {
      this.#reloads.push(listener);
    };
    const host = { version, configFile, stop: () => this.#parent.send({ kind: 'shutdown' }) };
    const audit = config.auditLog === '' ? null : this.#link;
    const plain = { clock, random, log, observed, onReload, audit, host };
    const opened = await openProcessTls(config, plain);
    if (!opened.ok) return this.#fail(opened.problem);
    const { tls } = opened;
    onReload(() => tls.reload());
    noteCertificates(observed, tls);
    const serving = (served: ServingWorker): void => {
      applySettings(settings, served.context);
      this.#serving = served;
    };
    const link = this.#link;
    const parts = { ...plain, tls: tls.cluster, clientTls: tls.clients, worker: { seat, link, port, serving } };
    const started = await openProxy({ config, given: new Set(given) }, this.#assembly, parts);
    if (!started.ok) return this.#fail(started.problem);
    this.#running = {
      ...started.running,
      async stop() {
        await started.running.stop();
        started.shared.store.close();
      },
    };
    if (this.#isStopping) return this.#end();
    observed.isStarted = true;
    const facts = { role: 'proxy', version, startedAtMs: clock.wallMs() };
    this.#metrics = new MetricsSource(observed, facts, clock, { worker });
    this.#metrics.start();
    this.#parent.send({ kind: 'ready', keystore: started.keystore });
    this.#report();
  }

  /** `handle`: of a connection that has not been read from. */
  #take(door: Parameters<ServingWorker['doors']['get']>[0], handle: unknown): void {
    // The client may have gone on the way.
    if (typeof handle !== 'object' || handle === null) return;
    this.#taken += 1;
    // The declarations know one kind of handle and not `pauseOnCreate`, by which a server makes its sockets.
    const options = { handle: handle as BoundSocket, allowHalfOpen: door !== 'tls', pauseOnCreate: true };
    const socket = new Socket(options);
    socket.setNoDelay(true);
    const taker = this.#serving?.doors.get(door);
    if (taker === undefined || this.#isStopping) socket.destroy();
    else taker.take(socket);
  }

  async #answer(id: number, question: WorkerQuestion): Promise<void> {
    this.#parent.send({ kind: 'answer', id, answer: await this.#answerTo(question) });
  }

  async #answerTo(question: WorkerQuestion): Promise<WorkerAnswer | null> {
    if (question.kind === 'readiness') return { kind: 'readiness', problems: notReady(this.#observed) };
    if (question.kind === 'metrics') {
      return this.#metrics === null ? null : { kind: 'metrics', text: await this.#metrics.print() };
    }
    return this.#serving === null ? null : answerPeer(question, this.#serving.context, this.#serving.table);
  }

  /** How many connections it has, as soon as that has changed; what was asked of limited rates. */
  #report(): void {
    if (this.#serving === null || this.#isStopping) return;
    const { clients, namespaces } = this.#serving.context;
    const demands = namespaces.takeDemands().filter(({ requests, bytes }) => requests + bytes > 0);
    const now = `${clients.size} ${this.#taken}`;
    if (now !== this.#told || demands.length > 0) {
      this.#told = now;
      this.#parent.send({ kind: 'report', clients: clients.size, taken: this.#taken, demands });
    }
    this.#system.clock.after(limits.workerReportMs, () => this.#report());
  }

  #fail(problem: string): void {
    this.#parent.send({ kind: 'failed', problem }, () => this.#system.exit(1));
  }

  /** Answers what clients have sent, and ends. While it starts: when it has started. */
  async #stop(): Promise<void> {
    const isAgain = this.#isStopping;
    this.#isStopping = true;
    this.#observed.isStopping = true;
    if (!isAgain && this.#running !== null) await this.#end();
    // The other process has gone while this one was stopping, too: that was in a hurry.
    else if (isAgain) this.#system.kill();
    else if (this.#serving === null) this.#system.exit(0);
  }

  async #end(): Promise<void> {
    const { clock } = this.#system;
    const running = this.#running;
    clock.after(limits.stopMs + (running?.drainMs?.() ?? 0), () => this.#system.kill());
    await running?.stop();
    this.#metrics?.stop();
    this.#system.exit(0);
  }
}
