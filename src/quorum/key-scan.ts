import { type Failure, unavailable } from '../base/failure.ts';
import { storedAs } from '../cluster/databases.ts';
import { isNoBallot, sameBallot } from '../record/ballot.ts';
import { isUnfinished, type RecordId } from '../record/state.ts';
import { ValueType } from '../record/value.ts';
import { MessageType, type Response, Want } from '../rpc/messages.ts';
import type { ScanEntry, ScannedResponse, ScanRequest } from '../rpc/scan-messages.ts';
import type { Coordinator } from './coordinator.ts';
import type { Step } from './operation.ts';
import { frontier, QuorumAnswers } from './quorum-answers.ts';

/** A live key that a scan found. */
export interface FoundKey {
  readonly id: RecordId;
  readonly key: Buffer;
  readonly type: ValueType;
  readonly expiresAtMs: number;
}

export type ShardScan =
  /** All ids of the shard up to `lastId` were looked at; all of the shard if `exhausted`. */
  | { readonly ok: true; readonly keys: readonly FoundKey[]; readonly lastId: RecordId; readonly exhausted: boolean }
  | { readonly ok: false; readonly failure: Failure };

/**
 * Scans one shard on Q replicas and merges (architecture 7). Up to the smallest last id of those that are not exhausted nothing can
 * be missing: whatever is on a quorum is on one of the Q asked. Where they differ, the record is settled by a READ.
 */
export class KeyScan<R> {
  readonly #coordinator: Coordinator<R>;
  readonly #existsStep: Step<R>;
  /** Whether a reply of `existsStep` says that the key is there. */
  readonly #saysExists: (reply: R) => boolean;
  readonly #quorum: QuorumAnswers<R, ScannedResponse>;

  constructor(coordinator: Coordinator<R>, existsStep: Step<R>, saysExists: (reply: R) => boolean) {
    this.#coordinator = coordinator;
    this.#existsStep = existsStep;
    this.#saysExists = saysExists;
    this.#quorum = new QuorumAnswers(coordinator, pickScanned);
  }

  /** Live keys of one namespace, as clients name it, in one shard behind `afterId`; at most about `limit`. */
  scanShard(namespace: number, shard: number, afterId: RecordId, limit: number): Promise<ShardScan> {
    const makeRequest = (): ScanRequest => {
      const { map } = this.#coordinator;
      const stored = storedAs(map, namespace);
      return {
        type: MessageType.scan,
        shard,
        shardEpoch: map.shardEpochs[shard] ?? 0,
        namespace: stored,
        namespaceEpoch: map.namespaces[stored]?.epoch ?? 0,
        generation: map.namespaces[stored]?.generation ?? 0,
        afterId,
        limit,
        want: Want.meta,
      };
    };
    return new Promise((resolve) => {
      this.#quorum.ask(shard, makeRequest, (answers) => {
        if (answers !== null) this.#merge(namespace, answers, resolve);
        else resolve({ ok: false, failure: unavailable('no quorum of storage nodes answered the scan') });
      });
    });
  }

  #merge(namespace: number, answers: readonly ScannedResponse[], resolve: (result: ShardScan) => void): void {
    const { lastId, exhausted } = frontier(answers);
    const nowMs = this.#coordinator.clock.wallMs();
    const settled: FoundKey[] = [];
    const unsettled: FoundKey[] = [];
    for (const entries of entriesById(answers, exhausted ? null : lastId)) {
      const first = entries[0];
      if (first === undefined) continue;
      const found = this.#open(entries);
      if (found === null) continue;
      const same =
        entries.length === answers.length &&
        !isNoBallot(first.accepted) &&
        entries.every((entry) => entry.split !== true && sameBallot(entry.accepted, first.accepted));
      if (!same) unsettled.push(found);
      else if (found.expiresAtMs === 0 || found.expiresAtMs > nowMs) settled.push(found);
    }
    this.#settle(namespace, unsettled, (result) => {
      if (!result.ok) {
        resolve(result);
        return;
      }
      const keys = settled.concat(result.keys).sort((a, b) => (a.id < b.id ? -1 : 1));
      resolve({ ok: true, keys, lastId, exhausted });
    });
  }

  /** One replica's bytes may be damaged; those of another tell the key. */
  #open(entries: readonly ScanEntry[]): FoundKey | null {
    for (const entry of entries) {
      const opened = this.#coordinator.seal.open(entry.id, entry.state);
      if (opened === null) continue;
      const { key, value } = opened.content;
      if (isUnfinished(opened.content)) return null;
      const { expiresAtMs } = opened.header;
      const type = value?.type ?? ValueType.string;
      return { id: entry.id, key, type, expiresAtMs };
    }
    return null;
  }

  #settle(
    namespace: number,
    unsettled: readonly FoundKey[],
    done: (result: { ok: true; keys: FoundKey[] } | { ok: false; failure: Failure }) => void,
  ): void {
    const keys: FoundKey[] = [];
    let open = unsettled.length;
    let failure: Failure | null = null;
    if (open === 0) done({ ok: true, keys });
    for (const found of unsettled) {
      this.#coordinator.submit({
        namespace,
        key: found.key,
        step: this.#existsStep,
        done: (outcome) => {
          open--;
          if (!outcome.ok) failure = outcome.failure;
          else if (this.#saysExists(outcome.reply)) keys.push(found);
          if (open > 0) return;
          if (failure !== null) done({ ok: false, failure });
          else done({ ok: true, keys });
        },
      });
    }
  }
}

function pickScanned(response: Response): ScannedResponse | null {
  return response.type === MessageType.scanned ? response : null;
}

/** The entries of each id, up to `lastId` (null: all). */
export function entriesById(answers: readonly ScannedResponse[], lastId: RecordId | null): Iterable<ScanEntry[]> {
  const found = new Map<RecordId, ScanEntry[]>();
  for (const answer of answers) {
    for (const entry of answer.entries) {
      if (lastId !== null && entry.id > lastId) continue;
      const entries = found.get(entry.id);
      if (entries === undefined) found.set(entry.id, [entry]);
      else entries.push(entry);
    }
  }
  return found.values();
}
