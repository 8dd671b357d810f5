import type { PauseMode } from '../client-registry.ts';
import type { PlainReply } from './plain-reply.ts';
import type { CallerFacts } from './visiting-session.ts';
import type { WorkerFigures } from './worker-figures.ts';

/**
 * Who one process is among the workers of a proxy. They answer as one: clients see one run id, one node of a cluster, ids that
 * no two connections share.
 */
export interface WorkerSeat {
  /** From 0. */
  readonly index: number;
  readonly workers: number;
  /** No connection of this seat, also of a worker that sat here before, has had such a number (`NumberRow`). */
  readonly firstNumber: number;
  readonly identity: ProxyIdentity;
}

/** What all workers of a proxy say of it. */
export interface ProxyIdentity {
  /** 40 hex characters. */
  readonly runId: string;
  /** 40 hex characters. */
  readonly clusterNodeId: string;
  /** Of the process that is told to stop. */
  readonly processId: number;
  /** Unix milliseconds. */
  readonly startedAtMs: number;
}

/** What a worker asks the others. */
export type PeerQuestion =
  /**
   * To carry out a command, as of somebody who is not connected there; `args` with its name. `toAll`: also who asks, so that
   * what several ask for is done everywhere in one order.
   */
  | { readonly kind: 'run'; readonly caller: CallerFacts; readonly args: readonly Buffer[]; readonly toAll: boolean }
  /** Histograms are large. */
  | { readonly kind: 'figures'; readonly histograms: boolean };

export type PeerAnswer =
  | { readonly kind: 'reply'; readonly reply: PlainReply }
  | { readonly kind: 'figures'; readonly figures: WorkerFigures };

/** What a worker that takes the place of another one has to know, as it was changed since the start. */
export type KeptSetting =
  | { readonly kind: 'config'; readonly pairs: readonly (readonly [string, string])[] }
  /** Unix milliseconds; null: no pause. */
  | { readonly kind: 'pause'; readonly pause: { readonly mode: PauseMode; readonly untilMs: number } | null };

/** The other workers of a proxy, as one of them reaches them. A proxy of one process has none. */
export interface Peers {
  /** The answers of the others, within limits.peerAnswerMs; those of workers that do not answer by then are missing. */
  ask(question: PeerQuestion): Promise<readonly PeerAnswer[]>;
  /** Holds for workers that start later as well. */
  keep(setting: KeptSetting): void;
}

/** MONITOR's ways from worker to worker. */
export interface MonitorLink {
  /** Whether anybody here listens. */
  listening(isListening: boolean): void;
  /** A line for those who listen at other workers. */
  relay(line: string): void;
}

/** What clients of one worker asked for in a namespace group that has rates, since it told last. */
export interface RateDemand {
  readonly group: number;
  readonly requests: number;
  readonly bytes: number;
}

/** The parts of a namespace group's rates that one worker may use up; those of all workers are 1 together. */
export interface RateShare {
  readonly group: number;
  readonly requests: number;
  readonly bytes: number;
}
