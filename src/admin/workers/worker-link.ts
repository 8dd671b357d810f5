import type { Audit, AuditEntry } from '../../base/audit.ts';
import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { KeptSetting, MonitorLink, PeerAnswer, PeerQuestion, Peers } from '../../proxy/peers/peers.ts';
import type { FromWorker } from './worker-messages.ts';

/** `sent`: it is not on the way any more. */
export type SendUp = (message: FromWorker, sent?: () => void) => void;

/** What a worker asks of the process that has the port, and what it tells it. */
export class WorkerLink implements Peers, MonitorLink, Audit {
  readonly #clock: Clock;
  readonly #send: SendUp;
  readonly #asked = new Map<number, (answers: readonly PeerAnswer[]) => void>();
  readonly #notes = new Map<number, () => void>();
  #lastId = 0;
  #lines: string[] = [];
  #linesOnTheWay = 0;
  #isCut = false;
  /** Lines that other workers' MONITOR clients did not get. */
  droppedLines = 0;

  constructor(clock: Clock, send: SendUp) {
    this.#clock = clock;
    this.#send = send;
  }

  /** Peers. Also bounded here, should the other process stand still: by twice as long, as it waits for the workers itself. */
  ask(question: PeerQuestion): Promise<readonly PeerAnswer[]> {
    if (this.#isCut || this.#asked.size >= limits.peerQuestions) return Promise.resolve([]);
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      const timer = this.#clock.after(limits.peerAnswerMs * 2, () => this.answered(id, []));
      this.#asked.set(id, (answers) => {
        timer.cancel();
        resolve(answers);
      });
      this.#send({ kind: 'ask', id, question });
    });
  }

  answered(id: number, answers: readonly PeerAnswer[]): void {
    const resolve = this.#asked.get(id);
    this.#asked.delete(id);
    resolve?.(answers);
  }

  /** Peers. */
  keep(setting: KeptSetting): void {
    this.#send({ kind: 'keep', setting });
  }

  /** MonitorLink. */
  listening(isListening: boolean): void {
    this.#send({ kind: 'listening', isListening });
  }

  /** MonitorLink: a message for all lines of a turn. */
  relay(line: string): void {
    if (this.#linesOnTheWay >= limits.monitorRelayLines) {
      this.droppedLines += 1;
      return;
    }
    if (this.#lines.length === 0) this.#clock.endOfTurn(() => this.#sendLines());
    this.#lines.push(line);
    this.#linesOnTheWay += 1;
  }

  /** Audit: the process that has the port writes the entries of all workers. */
  note(entry: AuditEntry): Promise<void> {
    if (this.#isCut) return Promise.resolve();
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve) => {
      this.#notes.set(id, resolve);
      this.#send({ kind: 'note', id, entry });
    });
  }

  noted(id: number): void {
    const resolve = this.#notes.get(id);
    this.#notes.delete(id);
    resolve?.();
  }

  #sendLines(): void {
    const lines = this.#lines;
    this.#lines = [];
    this.#send({ kind: 'lines', lines }, () => {
      this.#linesOnTheWay -= lines.length;
    });
  }

  /** The other process is gone: nothing will be answered any more. */
  cut(): void {
    this.#isCut = true;
    for (const id of [...this.#asked.keys()]) this.answered(id, []);
    for (const id of [...this.#notes.keys()]) this.noted(id);
  }
}
