import { type Failure, unavailable } from '../base/failure.ts';
import { storedAs } from '../cluster/databases.ts';
import type { RecordId } from '../record/state.ts';
import type { CountRecordsRequest, RecordsCountedResponse } from '../rpc/count-messages.ts';
import { MessageType, type Response } from '../rpc/messages.ts';
import type { Coordinator } from './coordinator.ts';
import type { KeyScan } from './key-scan.ts';
import { type Frontier, frontier, QuorumAnswers } from './quorum-answers.ts';

/** Live keys of a namespace. */
export interface KeyTotals {
  readonly keys: number;
  /** Of them, those that will be gone by themselves: the key expires, or the last of its fields. */
  readonly expires: number;
}

export type ShardCount =
  | { readonly ok: true; readonly totals: readonly KeyTotals[] }
  | { readonly ok: false; readonly failure: Failure };

/** Ids of one request for what replicas hold otherwise. */
const SCAN_LIMIT = 4_096;

/** What Q nodes answered about one range, all alike far; `end` '' stands for the shard's end. */
interface RangeAnswers extends Frontier {
  readonly answers: readonly RecordsCountedResponse[];
}

/**
 * Counts the keys of a shard on Q replicas (architecture 7): each counts by itself and says by a digest which records it counted.
 * Where Q digests are the same, Q replicas hold each of these records under the same ballot; elsewhere the range is scanned.
 */
export class KeyCounter<R> {
  readonly #coordinator: Coordinator<R>;
  readonly #scan: KeyScan<R>;
  readonly #quorum: QuorumAnswers<R, RecordsCountedResponse>;

  constructor(coordinator: Coordinator<R>, scan: KeyScan<R>) {
    this.#coordinator = coordinator;
    this.#scan = scan;
    this.#quorum = new QuorumAnswers(coordinator, pickCounted);
  }

  /** The live keys of each of these namespaces, as clients name them, in one shard. */
  async countShard(namespaces: readonly number[], shard: number): Promise<ShardCount> {
    const totals = namespaces.map(() => ({ keys: 0, expires: 0 }));
    for (let afterId: RecordId = ''; ; ) {
      const range = await this.#range(namespaces, shard, afterId);
      if (range === null) return { ok: false, failure: unavailable('no quorum of storage nodes answered the count') };
      for (const [i, namespace] of namespaces.entries()) {
        const agreed = agreedCount(range.answers, i);
        const found = agreed ?? (await this.#scanned(namespace, shard, afterId, range));
        if ('kind' in found) return { ok: false, failure: found };
        const total = totals[i];
        if (total === undefined) continue;
        total.keys += found.keys;
        total.expires += found.expires;
      }
      if (range.exhausted) return { ok: true, totals };
      afterId = range.lastId;
    }
  }

  /** Answers that all end at the same place. */
  async #range(namespaces: readonly number[], shard: number, afterId: RecordId): Promise<RangeAnswers | null> {
    const answers = await this.#ask(namespaces, shard, afterId, '');
    if (answers === null) return null;
    const end = frontier(answers);
    if (end.exhausted || answers.every(({ lastId, exhausted }) => !exhausted && lastId === end.lastId)) {
      return { ...end, answers };
    }
    const again = await this.#ask(namespaces, shard, afterId, end.lastId);
    if (again === null) return null;
    // Whoever does not get there now has more than before: what it says is of another range.
    const isSame = again.every(({ exhausted }) => exhausted);
    return { lastId: end.lastId, exhausted: false, answers: isSame ? again : [] };
  }

  #ask(
    namespaces: readonly number[],
    shard: number,
    afterId: RecordId,
    untilId: RecordId,
  ): Promise<readonly RecordsCountedResponse[] | null> {
    const nowMs = this.#coordinator.clock.wallMs();
    const makeRequest = (): CountRecordsRequest => {
      const { map } = this.#coordinator;
      return {
        type: MessageType.countRecords,
        shard,
        shardEpoch: map.shardEpochs[shard] ?? 0,
        afterId,
        untilId,
        nowMs,
        namespaces: namespaces.map((namespace) => {
          const stored = storedAs(map, namespace);
          const { epoch, generation } = map.namespaces[stored] ?? { epoch: 0, generation: 0 };
          return { namespace: stored, namespaceEpoch: epoch, generation };
        }),
      };
    };
    return new Promise((resolve) => this.#quorum.ask(shard, makeRequest, resolve));
  }

  /** Key by key, behind `afterId` up to where the range ends. */
  async #scanned(
    namespace: number,
    shard: number,
    afterId: RecordId,
    { lastId: endId, exhausted: toEnd }: Frontier,
  ): Promise<KeyTotals | Failure> {
    let keys = 0;
    let expires = 0;
    for (let after = afterId; ; ) {
      const page = await this.#scan.scanShard(namespace, shard, after, SCAN_LIMIT);
      if (!page.ok) return page.failure;
      for (const { id, expiresAtMs } of page.keys) {
        if (!toEnd && id > endId) break;
        keys++;
        if (expiresAtMs !== 0) expires++;
      }
      if (page.exhausted || (!toEnd && page.lastId >= endId)) return { keys, expires };
      after = page.lastId;
    }
  }
}

function pickCounted(response: Response): RecordsCountedResponse | null {
  return response.type === MessageType.recordsCounted ? response : null;
}

/** What all count alike of one namespace; null if they do not, or if a transaction is open. */
function agreedCount(answers: readonly RecordsCountedResponse[], index: number): KeyTotals | null {
  const first = answers[0]?.counts[index];
  if (first === undefined) return null;
  const isSame = answers.every(({ counts }) => {
    const count = counts[index];
    return count?.isSettled === true && count.digest === first.digest && count.keys === first.keys;
  });
  return isSame ? { keys: first.keys, expires: first.expires } : null;
}
