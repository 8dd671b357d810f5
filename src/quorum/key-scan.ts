import { type Failure, unavailable } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import { storedAs } from '../cluster/databases.ts';
import { isNoBallot, sameBallot } from '../record/ballot.ts';
import { isUnfinished, type RecordId } from '../record/state.ts';
import { ValueType } from '../record/value.ts';
import { MessageType, Want } from '../rpc/messages.ts';
import type { ScanEntry, ScannedResponse, ScanRequest } from '../rpc/scan-messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import type { Coordinator } from './coordinator.ts';
import { majority } from './majority.ts';
import type { Step } from './operation.ts';

/** A live key that a scan found. */
export interface FoundKey {
  readonly id: RecordId;
  readonly key: Buffer;
  readonly type: ValueType;
  readonly expiresAtMs: number;
  /** The key itself has one, not only its fields. */
  readonly hasExpiry: boolean;
}

export type ShardScan =
  /** All ids of the shard up to `lastId` were looked at; all of the shard if `exhausted`. */
  | { readonly ok: true; readonly keys: readonly FoundKey[]; readonly lastId: RecordId; readonly exhausted: boolean }
  | { readonly ok: false; readonly failure: Failure };

/** Time for one node to answer a scan request. */
const SCAN_TIMEOUT_MS = limits.deadlineMs;
/** How often a shard's scan is tried before it counts as unavailable. */
const SCAN_TRIES = 40;
const RETRY_MS = 50;

/**
 * Scans one shard on Q replicas and merges (architecture 7). Up to the smallest last id of those that are not exhausted nothing can
 * be missing: whatever is on a quorum is on one of the Q asked. Where they differ, the record is settled by a READ.
 */
export class KeyScan<R> {
  readonly #coordinator: Coordinator<R>;
  readonly #existsStep: Step<R>;
  /** Whether a reply of `existsStep` says that the key is there. */
  readonly #saysExists: (reply: R) => boolean;

  constructor(coordinator: Coordinator<R>, existsStep: Step<R>, saysExists: (reply: R) => boolean) {
    this.#coordinator = coordinator;
    this.#existsStep = existsStep;
    this.#saysExists = saysExists;
  }

  /** Live keys of one namespace, as clients name it, in one shard behind `afterId`; at most about `limit`. */
  scanShard(namespace: number, shard: number, afterId: RecordId, limit: number): Promise<ShardScan> {
    return new Promise((resolve) => this.#attempt(namespace, shard, afterId, limit, 1, resolve));
  }

  #attempt(
    namespace: number,
    shard: number,
    afterId: RecordId,
    limit: number,
    tries: number,
    resolve: (result: ShardScan) => void,
  ): void {
    const { map } = this.#coordinator;
    const stored = storedAs(map, namespace);
    const request: ScanRequest = {
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
    this.#askQuorum(shard, request, (answers) => {
      if (answers !== null) {
        this.#merge(namespace, answers, resolve);
      } else if (tries < SCAN_TRIES) {
        this.#coordinator.clock.after(RETRY_MS, () => {
          this.#attempt(namespace, shard, afterId, limit, tries + 1, resolve);
        });
      } else {
        resolve({ ok: false, failure: unavailable('no quorum of storage nodes answered the scan') });
      }
    });
  }

  /** Answers of Q nodes; null if no Q could be had. */
  #askQuorum(shard: number, request: ScanRequest, done: (answers: ScannedResponse[] | null) => void): void {
    const { rounds, caller, clock } = this.#coordinator;
    const nodes = rounds.health.prefer(this.#coordinator.nodesOfShard(shard));
    const quorum = majority(nodes.length);
    const answers: ScannedResponse[] = [];
    const asked = new Set<NodeId>();
    const end = (result: ScannedResponse[] | null): void => {
      hedge.cancel();
      if (ended) return;
      ended = true;
      done(result);
    };
    const ask = (node: NodeId): void => {
      asked.add(node);
      caller.call(node, request, SCAN_TIMEOUT_MS, (response) => {
        asked.delete(node);
        if (ended) return;
        if (response.type === MessageType.scanned) answers.push(response);
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

  #merge(namespace: number, answers: readonly ScannedResponse[], resolve: (result: ShardScan) => void): void {
    const { id: lastId, exhausted } = frontier(answers);
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
      const { key, value, keyExpiresAtMs } = opened.content;
      if (isUnfinished(opened.content)) return null;
      const { expiresAtMs } = opened.header;
      const type = value?.type ?? ValueType.string;
      return { id: entry.id, key, type, expiresAtMs, hasExpiry: (keyExpiresAtMs ?? expiresAtMs) !== 0 };
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

/** The smallest last id among the answers that are not exhausted (protocol §11, scan-skips). */
export function frontier(answers: readonly ScannedResponse[]): { readonly id: RecordId; readonly exhausted: boolean } {
  let smallest: RecordId | null = null;
  for (const answer of answers) {
    if (!answer.exhausted && (smallest === null || answer.lastId < smallest)) smallest = answer.lastId;
  }
  return smallest === null ? { id: '', exhausted: true } : { id: smallest, exhausted: false };
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
