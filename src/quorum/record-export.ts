import { type Failure, unavailable } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import { databaseOf } from '../cluster/databases.ts';
import { type Ballot, isNoBallot, sameBallot } from '../record/ballot.ts';
import { type Intent, type PageId, type RecordId, type RecordPlace, StateKind } from '../record/state.ts';
import type { StoredRecord } from '../record/state-codec.ts';
import { NeedPages, type PageAccess, type Value } from '../record/value.ts';
import { listPages } from '../record/value-pages.ts';
import {
  MessageType,
  type RecordAddress,
  type Request,
  type Response,
  type StateResponse,
  Want,
} from '../rpc/messages.ts';
import { EVERY_GENERATION, type ScanEntry, type ScannedResponse, type ScanRequest } from '../rpc/scan-messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import type { Coordinator } from './coordinator.ts';
import { entriesById } from './key-scan.ts';
import { majority } from './majority.ts';
import type { Step } from './operation.ts';
import { frontier } from './quorum-answers.ts';

/** A live record as a listing shows it. */
export interface ListedRecord {
  readonly id: RecordId;
  /** As the record carries it: the map tells by which number clients name it (`databaseOf`). */
  readonly namespace: number;
  /** The ballot that Q replicas had when they were asked. */
  readonly accepted: Ballot;
}

export type Exported<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

/** All ids of the shard up to `lastId` were looked at; all of the shard if `exhausted`. */
export interface RecordListing {
  readonly records: readonly ListedRecord[];
  readonly lastId: RecordId;
  readonly exhausted: boolean;
}

/** How often Q equal answers are asked for; the waits between grow to a write's whole deadline. */
const TRIES = 40;
const PAUSE_MS = 10;
const PAUSE_MAX_MS = 200;
/** At so many tries, and as often again, a read through the record's queue repairs what differs. */
const TRIES_PER_REPAIR = 3;
const TIMEOUT_MS = limits.deadlineMs;

/**
 * Records as they are stored, for backups: sealed states and sealed pages, each state one that Q replicas hold. All
 * namespaces of a shard together, in the order of record ids; a flushed generation's records are not there.
 */
export class RecordExport<R> {
  readonly #coordinator: Coordinator<R>;
  readonly #existsStep: Step<R>;

  constructor(coordinator: Coordinator<R>, existsStep: Step<R>) {
    this.#coordinator = coordinator;
    this.#existsStep = existsStep;
  }

  /** Live records of a shard behind `afterId`, about `limit` of them at most. */
  async list(shard: number, afterId: RecordId, limit: number): Promise<Exported<RecordListing>> {
    for (let tries = 0; tries < TRIES; tries++) {
      const { map } = this.#coordinator;
      const request: ScanRequest = {
        type: MessageType.scan,
        shard,
        shardEpoch: map.shardEpochs[shard] ?? 0,
        namespace: 0,
        namespaceEpoch: map.namespaces[0]?.epoch ?? 0,
        generation: EVERY_GENERATION,
        afterId,
        limit,
        want: Want.nothing,
      };
      const answers = await this.#ask(shard, request, (response) =>
        response.type === MessageType.scanned ? response : null,
      );
      if (answers !== null) return this.#merge(shard, answers);
      await this.#pause(tries);
    }
    return failed('no quorum of storage nodes listed their records');
  }

  /** The record's state with its value; null if it is no longer live. `accepted`: what the listing said, which spares a quorum. */
  async read(shard: number, record: ListedRecord): Promise<Exported<StoredRecord | null>> {
    const address = this.#address(shard, record.id, record.namespace);
    const request = { type: MessageType.read, address, want: Want.full, ifAccepted: record.accepted } as const;
    const [node] = this.#nodes(shard);
    if (node !== undefined) {
      const { accepted, state } = stateOf(await this.#call(node, request)) ?? {};
      // Q had this ballot when it was listed, so it is a chosen state, whatever came after.
      if (accepted !== undefined && state && sameBallot(accepted, record.accepted)) {
        return { ok: true, value: this.#ifLive({ accepted, state }) };
      }
    }
    return this.settled(shard, record.id, record.namespace);
  }

  /** What Q replicas agree on; where they do not, the record is read through its queue, which repairs it. */
  async settled(shard: number, id: RecordId, namespace: number): Promise<Exported<StoredRecord | null>> {
    for (let tries = 1; tries <= TRIES; tries++) {
      const address = this.#address(shard, id, namespace);
      const request = { type: MessageType.read, address, want: Want.full, ifAccepted: null } as const;
      const nodes = this.#nodes(shard);
      const responses = await Promise.all(nodes.map((node) => this.#call(node, request)));
      const answers = responses.map(stateOf).filter((answer) => answer !== null);
      const agreed = agreedState(answers, majority(this.#coordinator.map.zones.length));
      const intent = agreed?.state.intent;
      if (intent !== undefined)
        await this.#settle(intent, { id, shard, namespace, generation: agreed?.state.header.generation ?? 0 });
      else if (agreed !== undefined) return { ok: true, value: agreed === null ? null : this.#ifLive(agreed) };
      if (tries % TRIES_PER_REPAIR === 0) await this.#repair(namespace, id, answers);
      await this.#pause(tries);
    }
    return failed('no quorum of storage nodes agrees on a record');
  }

  /** All pages of a paged state, inner ones first. Failure kind `corrupt`: the seal does not open here. */
  async pageIds(shard: number, id: RecordId, stored: StoredRecord): Promise<Exported<readonly PageId[]>> {
    const opened = this.#coordinator.seal.open(id, stored.state);
    const value = opened?.content.value ?? null;
    if (value === null) return { ok: false, failure: { kind: 'corrupt', detail: "the record's seal does not open" } };
    const address = this.#address(shard, id, stored.state.header.namespace);
    const loaded = new Map<PageId, Buffer>();
    for (;;) {
      const listed = pagesOf(value, loaded);
      if (listed.complete) return { ok: true, value: listed.pageIds };
      const { pageTransfer } = this.#coordinator;
      const found = await new Promise<boolean>((resolve) => {
        pageTransfer.load(address, listed.pageIds, this.#nodes(shard), loaded, () => {}, resolve);
      });
      if (!found) return failed('pages of a value are gone: it was changed meanwhile, or too few nodes answer');
    }
  }

  /** Sealed pages in the order asked for; null where no node has the page any more. At most limits.backupPagesPerCall. */
  async pages(
    shard: number,
    id: RecordId,
    namespace: number,
    pageIds: readonly PageId[],
  ): Promise<readonly (Buffer | null)[]> {
    const address = this.#address(shard, id, namespace);
    const found = new Map<PageId, Buffer>();
    for (const node of this.#nodes(shard)) {
      const lacking = pageIds.filter((pageId) => !found.has(pageId));
      if (lacking.length === 0) break;
      const response = await this.#call(node, { type: MessageType.getPages, address, pageIds: lacking });
      if (response.type !== MessageType.pages) continue;
      for (const [i, sealed] of response.pages.entries()) {
        const pageId = lacking[i];
        // Damage on one node's disk must not get into a backup.
        if (pageId === undefined || !sealed || this.#coordinator.seal.openPage(id, pageId, sealed) === null) continue;
        found.set(pageId, sealed);
      }
    }
    return pageIds.map((pageId) => found.get(pageId) ?? null);
  }

  async #merge(shard: number, answers: readonly ScannedResponse[]): Promise<Exported<RecordListing>> {
    const { lastId, exhausted } = frontier(answers);
    const nowMs = this.#coordinator.clock.wallMs();
    const records: ListedRecord[] = [];
    const differing: ScanEntry[] = [];
    for (const entries of entriesById(answers, exhausted ? null : lastId)) {
      const [first] = entries;
      if (first === undefined || !this.#isCurrent(first)) continue;
      const same =
        entries.length === answers.length &&
        !isNoBallot(first.accepted) &&
        entries.every((entry) => sameBallot(entry.accepted, first.accepted));
      const { namespace, expiresAtMs } = first.state.header;
      if (!same) differing.push(first);
      else if (expiresAtMs === 0 || expiresAtMs > nowMs) {
        records.push({ id: first.id, namespace, accepted: first.accepted });
      }
    }
    const settling = differing.map(({ id, state }) => this.settled(shard, id, state.header.namespace));
    for (const [i, result] of (await Promise.all(settling)).entries()) {
      const entry = differing[i];
      if (!result.ok) return result;
      if (result.value === null || entry === undefined) continue;
      records.push({ id: entry.id, namespace: entry.state.header.namespace, accepted: result.value.accepted });
    }
    records.sort((a, b) => (a.id < b.id ? -1 : 1));
    return { ok: true, value: { records, lastId, exhausted } };
  }

  /** A transaction has left its intent: what is written down must not need its outcome. One under way is waited for. */
  #settle(intent: Intent, place: RecordPlace): Promise<void> {
    const { clock, transactions: visits } = this.#coordinator;
    if (clock.wallMs() - intent.ballot.time / 1000 < limits.transactionAbortAgeMs) return Promise.resolve();
    const { transactions } = visits;
    return new Promise((resolve) => transactions.settle(intent, place, () => resolve()));
  }

  #isCurrent({ state: { header } }: ScanEntry): boolean {
    return this.#coordinator.map.namespaces[header.namespace]?.generation === header.generation;
  }

  #ifLive(stored: StoredRecord): StoredRecord | null {
    const { kind, expiresAtMs } = stored.state.header;
    if (kind !== StateKind.live) return null;
    return expiresAtMs !== 0 && expiresAtMs <= this.#coordinator.clock.wallMs() ? null : stored;
  }

  async #repair(stored: number, id: RecordId, answers: readonly StateResponse[]): Promise<void> {
    const namespace = databaseOf(this.#coordinator.map, stored);
    for (const { state } of answers) {
      const key = state === null ? undefined : this.#coordinator.seal.open(id, state)?.content.key;
      if (key === undefined || key.length === 0) continue;
      await new Promise<void>((resolve) => {
        this.#coordinator.submit({ namespace, key, step: this.#existsStep, done: () => resolve() });
      });
      return;
    }
  }

  #address(shard: number, id: RecordId, namespace: number): RecordAddress {
    const { map } = this.#coordinator;
    return {
      id,
      shard,
      shardEpoch: map.shardEpochs[shard] ?? 0,
      namespace,
      namespaceEpoch: map.namespaces[namespace]?.epoch ?? 0,
    };
  }

  #nodes(shard: number): readonly NodeId[] {
    return this.#coordinator.rounds.health.prefer(this.#coordinator.nodesOfShard(shard));
  }

  /** Answers of Q nodes; null if no Q could be had. */
  async #ask<T>(shard: number, request: Request, pick: (response: Response) => T | null): Promise<T[] | null> {
    const nodes = this.#nodes(shard);
    const quorum = majority(this.#coordinator.map.zones.length);
    const answers: T[] = [];
    for (let next = 0; answers.length < quorum && next < nodes.length; ) {
      const asked = nodes.slice(next, next + quorum - answers.length);
      next += asked.length;
      for (const response of await Promise.all(asked.map((node) => this.#call(node, request)))) {
        const answer = pick(response);
        if (answer !== null) answers.push(answer);
      }
    }
    return answers.length >= quorum ? answers : null;
  }

  #call(node: NodeId, request: Request): Promise<Response> {
    return new Promise((resolve) => {
      this.#coordinator.caller.call(node, request, TIMEOUT_MS, (response) => {
        if (response.type === MessageType.epoch) this.#coordinator.rounds.epochs?.onOtherEpoch(node, response.mapEpoch);
        else if (response.type === MessageType.lost) this.#coordinator.rounds.health.failed(node);
        resolve(response);
      });
    });
  }

  #pause(tries: number): Promise<void> {
    return new Promise((resolve) => {
      this.#coordinator.clock.after(Math.min(PAUSE_MAX_MS, PAUSE_MS * tries), resolve);
    });
  }
}

function failed(detail: string): { readonly ok: false; readonly failure: Failure } {
  return { ok: false, failure: unavailable(detail) };
}

function stateOf(response: Response): StateResponse | null {
  return response.type === MessageType.state ? response : null;
}

/** The state that `quorum` answers agree on, null if that is absent; undefined if no such many agree. */
function agreedState(answers: readonly StateResponse[], quorum: number): StoredRecord | null | undefined {
  // The two halves of a moving zone that differ are an answer that equals no other.
  const whole = answers.filter(({ split }) => split !== true);
  for (const { accepted, state } of whole) {
    if (whole.filter((other) => sameBallot(other.accepted, accepted)).length < quorum) continue;
    if (isNoBallot(accepted)) return null;
    if (state !== null) return { accepted, state };
  }
  return undefined;
}

/** All pages of a value; or, not `complete`, the inner ones that must be read before they can be named. */
function pagesOf(
  value: Value,
  loaded: ReadonlyMap<PageId, Buffer>,
): { readonly complete: boolean; readonly pageIds: readonly PageId[] } {
  const access: PageAccess = {
    read(id) {
      const bytes = loaded.get(id);
      if (bytes === undefined) throw new NeedPages([id]);
      return bytes;
    },
    write: () => '',
  };
  try {
    return { complete: true, pageIds: listPages(value, access) };
  } catch (error) {
    if (!(error instanceof NeedPages)) throw error;
    return { complete: false, pageIds: error.pageIds };
  }
}
