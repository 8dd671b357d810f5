import { limits } from '../base/limits.ts';
import type { RecordId } from '../record/state.ts';
import { MessageType, type Request, type Response } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import type { Coordinator } from './coordinator.ts';
import { majority } from './majority.ts';

/** Time for one node to answer a question about many records. */
const TIMEOUT_MS = limits.deadlineMs;
/** How often a quorum is asked before the shard counts as unavailable. */
const TRIES = 40;
const RETRY_MS = 50;

/** How far an answer has looked. */
export interface Frontier {
  readonly lastId: RecordId;
  /** Nothing lies behind it. */
  readonly exhausted: boolean;
}

/** The smallest last id among the answers that are not exhausted (protocol §11, scan-skips). */
export function frontier(answers: readonly Frontier[]): Frontier {
  let smallest: RecordId | null = null;
  for (const { lastId, exhausted } of answers) {
    if (!exhausted && (smallest === null || lastId < smallest)) smallest = lastId;
  }
  return smallest === null ? { lastId: '', exhausted: true } : { lastId: smallest, exhausted: false };
}

/** Asks a shard's replicas what is no business of a single record, until Q of them have answered one request. */
export class QuorumAnswers<R, A extends Response> {
  readonly #coordinator: Coordinator<R>;
  readonly #pick: (response: Response) => A | null;

  /** `pick`: the response if it is an answer. */
  constructor(coordinator: Coordinator<R>, pick: (response: Response) => A | null) {
    this.#coordinator = coordinator;
    this.#pick = pick;
  }

  /** Answers of Q nodes to one request, which is made anew for each try; null if no Q could be had for long. */
  ask(shard: number, makeRequest: () => Request, done: (answers: readonly A[] | null) => void, tries = 1): void {
    this.#askOnce(shard, makeRequest(), (answers) => {
      if (answers !== null || tries >= TRIES) done(answers);
      else this.#coordinator.clock.after(RETRY_MS, () => this.ask(shard, makeRequest, done, tries + 1));
    });
  }

  #askOnce(shard: number, request: Request, done: (answers: readonly A[] | null) => void): void {
    const { rounds, caller, clock } = this.#coordinator;
    const nodes = rounds.health.prefer(this.#coordinator.nodesOfShard(shard));
    const quorum = majority(nodes.length);
    const answers: A[] = [];
    const asked = new Set<NodeId>();
    const end = (result: A[] | null): void => {
      hedge.cancel();
      if (ended) return;
      ended = true;
      done(result);
    };
    const ask = (node: NodeId): void => {
      asked.add(node);
      caller.call(node, request, TIMEOUT_MS, (response) => {
        asked.delete(node);
        if (ended) return;
        const answer = this.#pick(response);
        if (answer !== null) answers.push(answer);
        else if (response.type === MessageType.epoch) rounds.epochs?.onOtherEpoch(node, response.mapEpoch);
        else rounds.health.failed(node);
        if (answers.length >= quorum) end(answers);
        else fill(0);
      });
    };
    /** Asks so many more that Q can answer although `slow` do not. */
    const fill = (slow: number): void => {
      while (answers.length + asked.size < quorum + slow) {
        const node = nodes[next];
        if (node === undefined) break;
        next++;
        ask(node);
      }
      if (asked.size === 0 && answers.length < quorum) end(null);
    };
    let next = 0;
    let ended = false;
    const hedge = clock.after(limits.scanHedgeMs, () => {
      for (const node of asked) rounds.health.slow(node);
      fill(asked.size);
    });
    fill(0);
  }
}
