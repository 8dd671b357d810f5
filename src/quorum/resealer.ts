import { type Failure, unavailable } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import { databaseOf } from '../cluster/databases.ts';
import { seatsOf } from '../cluster/seats.ts';
import type { PageId, RecordId } from '../record/state.ts';
import type { KeyUsedResponse, KeyUseRequest, PlacedPage } from '../rpc/key-messages.ts';
import { MessageType, type Response } from '../rpc/messages.ts';
import type { ScanEntry } from '../rpc/scan-messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import type { Coordinator } from './coordinator.ts';
import type { Step } from './operation.ts';

/** Which part of which node's data is looked at; the fields go on as the answer's `lastId` and `lastPage` say. */
export interface KeyUsePlace {
  readonly shard: number;
  /** Which of the shard's nodes, from 0. */
  readonly replica: number;
  readonly pages: boolean;
  readonly afterId: RecordId;
  readonly afterPage: PageId;
}

export interface ReplicaKeyUse {
  readonly nodeId: NodeId;
  /** How many nodes hold the shard or learn it. */
  readonly replicas: number;
  /** Of before anything was sealed anew. */
  readonly used: KeyUsedResponse;
  /** Records and pages that were sealed anew. */
  readonly resealed: number;
  /** Those that were not, for now. */
  readonly failed: number;
}

export type KeyUseResult =
  | { readonly ok: true; readonly value: ReplicaKeyUse }
  | { readonly ok: false; readonly failure: Failure };

/**
 * Finds what old key versions seal, and seals it anew with the active one (docs/protocol.md, "Changing keys"). A record is written
 * anew as it is, by an ordinary write through its queue that changes nothing but seal, origin and lineage. A page, which never
 * changes, is replaced on each node by itself.
 */
export class Resealer<R> {
  readonly #coordinator: Coordinator<R>;
  readonly #step: Step<R>;

  /** `reply`: what a write that changes nothing answers to nobody. */
  constructor(coordinator: Coordinator<R>, reply: R) {
    this.#coordinator = coordinator;
    this.#step = {
      access: 'write',
      needs: 'value',
      seesUnfinished: true,
      run: (record) => ({
        reply,
        change: record === null ? null : { kind: 'expire', expiresAtMs: record.expiresAtMs },
      }),
    };
  }

  /** Counts what is sealed with which version; what is not sealed with `keepVersion` is sealed anew, `limit` of it at most. */
  async look(place: KeyUsePlace, keepVersion: number, limit: number): Promise<KeyUseResult> {
    const { shard, replica, pages, afterId, afterPage } = place;
    const { map } = this.#coordinator;
    const shardEpoch = map.shardEpochs[shard] ?? 0;
    const nodes = seatsOf(map, shard).flatMap(({ node, learner }) =>
      learner === 0 || learner === node ? [node] : [node, learner],
    );
    const nodeId = nodes[replica];
    if (nodeId === undefined) return failed(`shard ${shard} has no replica ${replica}`);
    const request: KeyUseRequest = {
      type: MessageType.keyUse,
      shard,
      shardEpoch,
      pages,
      afterId,
      afterPage,
      keepVersion,
      limit,
    };
    const used = await this.#call(nodeId, request);
    if (used.type !== MessageType.keyUsed)
      return failed(`node ${nodeId} does not tell what it holds of shard ${shard}`);
    const listed = used.records.length + used.pages.length;
    const resealed =
      (await this.#resealRecords(used.records)) + (await this.#resealPages(nodeId, shard, shardEpoch, used.pages));
    return { ok: true, value: { nodeId, replicas: nodes.length, used, resealed, failed: listed - resealed } };
  }

  async #resealRecords(records: readonly ScanEntry[]): Promise<number> {
    let resealed = 0;
    for (let from = 0; from < records.length; from += limits.resealsAtOnce) {
      await this.#giveWay();
      const some = records.slice(from, from + limits.resealsAtOnce).map((record) => this.#resealRecord(record));
      for (const isDone of await Promise.all(some)) if (isDone) resealed++;
    }
    return resealed;
  }

  #resealRecord({ id, state }: ScanEntry): Promise<boolean> | boolean {
    const { seal, map } = this.#coordinator;
    const { namespace: stored, generation } = state.header;
    // A flushed generation goes by itself.
    if (map.namespaces[stored]?.generation !== generation) return false;
    const namespace = databaseOf(map, stored);
    const key = seal.open(id, state)?.content.key;
    if (key === undefined) return false;
    return new Promise((resolve) => {
      this.#coordinator.submit({ namespace, key, step: this.#step, done: ({ ok }) => resolve(ok) });
    });
  }

  async #resealPages(nodeId: NodeId, shard: number, shardEpoch: number, pages: readonly PlacedPage[]): Promise<number> {
    if (pages.length === 0) return 0;
    await this.#giveWay();
    const { seal } = this.#coordinator;
    const anew: PlacedPage[] = [];
    for (const { id, pageId, sealed } of pages) {
      const bytes = seal.openPage(id, pageId, sealed);
      if (bytes !== null) anew.push({ id, pageId, sealed: seal.sealPage(id, pageId, bytes) });
    }
    const response = await this.#call(nodeId, { type: MessageType.replacePages, shard, shardEpoch, pages: anew });
    // A page that was swept away meanwhile is no failure.
    return response.type === MessageType.pagesReplaced ? anew.length : 0;
  }

  /** Clients come first: waits while they keep the proxy busy, for a while. */
  async #giveWay(): Promise<void> {
    const { clock } = this.#coordinator;
    for (let waitedMs = 0; waitedMs < limits.resealWaitMs; waitedMs += limits.resealPauseMs) {
      if (this.#coordinator.operations <= limits.resealOperations) return;
      await new Promise<void>((resolve) => clock.after(limits.resealPauseMs, resolve));
    }
  }

  #call(nodeId: NodeId, request: Parameters<Coordinator<R>['caller']['call']>[1]): Promise<Response> {
    const { caller, rounds } = this.#coordinator;
    return new Promise((resolve) => {
      caller.call(nodeId, request, limits.keyUseCallMs, (response) => {
        if (response.type === MessageType.epoch) rounds.epochs?.onOtherEpoch(nodeId, response.mapEpoch);
        resolve(response);
      });
    });
  }
}

function failed(detail: string): KeyUseResult {
  return { ok: false, failure: unavailable(detail) };
}
