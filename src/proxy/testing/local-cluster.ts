import { assert, InvariantError } from '../../base/assert.ts';
import type { Clock } from '../../base/clock.ts';
import type { Failure } from '../../base/failure.ts';
import { limits } from '../../base/limits.ts';
import { withRaisedGenerations } from '../../cluster/cluster-map.ts';
import { withSwappedDatabases } from '../../cluster/databases.ts';
import type { ClusterMap, NamespaceLimits } from '../../cluster/map.ts';
import { type GroupsChange, withNamespaceGroup, withNamespaceLimits } from '../../cluster/namespace-groups.ts';
import { applyChange, isNoChange, pastAfterDelete } from '../../quorum/apply-change.ts';
import { AttemptPages, type LoadedPages, type OpenedBase, seenBy } from '../../quorum/attempt.ts';
import type { LastingPages } from '../../quorum/lasting-pages.ts';
import { deadFromAbsent } from '../../quorum/lineage.ts';
import type { Operation, Outcome, RunContext, StepResult } from '../../quorum/operation.ts';
import type { TransactionOperation } from '../../quorum/transaction.ts';
import { foundRecord, TransactionRecords } from '../../quorum/transaction-records.ts';
import { type Ballot, NO_BALLOT } from '../../record/ballot.ts';
import { NO_PAST } from '../../record/request-history.ts';
import { endsAtMs, type LiveRecord, type PageId, type RecordPast } from '../../record/state.ts';
import { NeedPages, type PageAccess, type Value } from '../../record/value.ts';
import type { Reply } from '../../resp/reply.ts';
import {
  ClusterFailure,
  type ClusterPort,
  type KeyCount,
  type KeyLocation,
  type KeyReplica,
  type NodeHealth,
  type ProposerFigures,
  type ScanPage,
} from '../cluster-port.ts';
import { typeName } from '../values/collection-value.ts';
import { localLocation, localMap, localNodes, localReplicas, swapNames } from './local-map.ts';

interface Entry {
  /** Order of creation: the scan's position. */
  readonly sequence: number;
  readonly record: LiveRecord;
}

const NAMESPACES = 16;
const NO_BYTES = Buffer.alloc(0);
/** More page loads in one step than a 512 MB string has pages: a step that never stops asking. */
const MAX_PAGE_LOADS = 2 * Math.ceil(limits.maxStringBytes / limits.pageBytes);

/**
 * An in-memory cluster for tests: runs steps at once on a Map, with expiry by `clock`. Stricter than the real one: a
 * step that needs only `meta` never sees an inline value's bytes, each step runs twice (it must be pure), and each page
 * is missing (NeedPages) the first time that an operation reads it.
 */
export class LocalCluster implements ClusterPort {
  /** While set, every operation and scan fails with it. */
  failure: Failure | null = null;
  /** What INFO shows of a proposer, if a test says so. */
  figures?: () => ProposerFigures;
  /** Operations submitted, and operations that changed something. */
  submitted = 0;
  /** Versions whose pages are being read. */
  opened = 0;
  changed = 0;
  readonly pages = new Map<PageId, Buffer>();
  readonly #clock: Clock;
  #map: ClusterMap = localMap(NAMESPACES);
  readonly #databases = new Map<number, Map<string, Entry>>();
  readonly #mapListeners: ((map: ClusterMap) => void)[] = [];
  /** What each key's record, live or not, was last. */
  readonly #pasts = new Map<string, RecordPast>();
  /** By which write each key is what it is. */
  readonly #origins = new Map<string, Ballot>();
  #writes = 0;
  #nextSequence = 1;
  #nextPage = 1;
  #held: Operation<Reply>[] | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  submit(operation: Operation<Reply>): void {
    this.submitted++;
    if (this.#held !== null) this.#held.push(operation);
    else operation.done(this.#run(operation));
  }

  /** Runs it at once, twice: it must be pure. */
  transact(operation: TransactionOperation<Reply>): void {
    this.submitted++;
    operation.done(
      this.failure === null ? { ok: true, reply: this.#transact(operation) } : { ok: false, failure: this.failure },
    );
  }

  #transact({ keys, run }: TransactionOperation<Reply>): Reply {
    const nowMs = this.#clock.wallMs();
    const loaded: LoadedPages = { get: (pageId) => this.pages.get(pageId) };
    const bases = keys.map(({ namespace, key }) => this.#baseOf(namespace, key.toString('latin1')));
    const attempt = (): { records: TransactionRecords<Reply>; pages: AttemptPages[]; reply: Reply } => {
      const pages = keys.map(() => new AttemptPages(loaded, { time: this.#nextPage++, proposer: 1 }));
      const records = new TransactionRecords<Reply>(
        keys.map(({ key }) => key),
        bases.map(foundRecord),
        pages,
        nowMs,
      );
      return { records, pages, reply: run(records) };
    };
    attempt();
    const { records, pages, reply } = attempt();
    for (const [i, { namespace, key }] of keys.entries()) {
      const { changed, live, past } = records.attempt(i);
      if (!changed) continue;
      this.changed++;
      for (const page of pages[i]?.written ?? []) this.pages.set(page.pageId, page.bytes);
      const id = key.toString('latin1');
      this.#pasts.set(`${namespace} ${id}`, past);
      this.#noteWrite(namespace, id);
      this.#store(namespace, id, live);
    }
    return reply;
  }

  /** As if it had been found on nodes. */
  #baseOf(namespace: number, id: string): OpenedBase {
    const origin = this.#originOf(namespace, id);
    const live = this.#live(namespace, id);
    const header = { ...deadFromAbsent(namespace, 1), origin };
    const state = { header, meta: NO_BYTES, value: NO_BYTES };
    return {
      accepted: origin,
      state,
      live,
      past: this.#pastOf(namespace, id),
      differ: false,
      chained: false,
      holders: [],
    };
  }

  #noteWrite(namespace: number, id: string): void {
    this.#origins.set(`${namespace} ${id}`, { time: ++this.#writes, proposer: 1 });
  }

  #originOf(namespace: number, id: string): Ballot {
    return this.#origins.get(`${namespace} ${id}`) ?? NO_BALLOT;
  }

  /** Keeps operations waiting until `release`, as a slow cluster would. */
  hold(): void {
    this.#held ??= [];
  }

  /** Runs what was held, in order, and goes on answering at once. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const operation of held) operation.done(this.#run(operation));
  }

  openPages(): LastingPages {
    this.opened++;
    return {
      get: () => undefined,
      load: (pageIds, into, done) => {
        this.#clock.after(0, () => {
          for (const id of pageIds) {
            const bytes = this.pages.get(id);
            if (bytes !== undefined) into.set(id, bytes);
          }
          done(pageIds.every((id) => into.has(id)));
        });
      },
      reserve: () => true,
      release: () => {},
      close: () => {
        this.opened--;
      },
    };
  }

  /** The live record of a key, as tests want to look at it; null if absent or expired. */
  record(namespace: number, key: Buffer | string): LiveRecord | null {
    return this.#live(namespace, Buffer.from(key).toString('latin1'));
  }

  async scan(namespace: number, cursor: string, count: number): Promise<ScanPage> {
    this.#throwFailure();
    const after = Number(cursor);
    assert(Number.isSafeInteger(after) && after >= 0, 'a scan cursor is a decimal number');
    const keys: ScanPage['keys'][number][] = [];
    let looked = 0;
    let last = after;
    for (const entry of this.#database(namespace).values()) {
      if (entry.sequence <= after) continue;
      if (looked === Math.max(1, count)) return { cursor: String(last), keys };
      looked++;
      last = entry.sequence;
      if (!this.#expired(entry.record)) keys.push({ key: entry.record.key, type: typeName(entry.record.value.type) });
    }
    return { cursor: '0', keys };
  }

  async count(namespaces: readonly number[]): Promise<readonly KeyCount[]> {
    this.#throwFailure();
    return namespaces.map((namespace) => this.#count(namespace));
  }

  #count(namespace: number): KeyCount {
    let keys = 0;
    let expires = 0;
    for (const { record } of this.#database(namespace).values()) {
      if (this.#expired(record)) continue;
      keys++;
      if (record.expiresAtMs !== 0) expires++;
    }
    return { keys, expires };
  }

  /** Not random: the live key that was created first. */
  async randomKey(namespace: number): Promise<Buffer | null> {
    this.#throwFailure();
    for (const { record } of this.#database(namespace).values()) {
      if (!this.#expired(record)) return record.key;
    }
    return null;
  }

  async flush(namespaces: readonly number[]): Promise<Outcome<null>> {
    if (this.failure !== null) return { ok: false, failure: this.failure };
    this.#adopt(withRaisedGenerations(this.#map, namespaces));
    for (const namespace of namespaces) {
      this.#database(namespace).clear();
      for (const name of this.#pasts.keys()) if (name.startsWith(`${namespace} `)) this.#pasts.delete(name);
    }
    return { ok: true, reply: null };
  }

  async swap(one: number, other: number): Promise<Outcome<null>> {
    if (this.failure !== null) return { ok: false, failure: this.failure };
    const [first, second] = [this.#database(one), this.#database(other)];
    this.#adopt(withSwappedDatabases(this.#map, one, other));
    this.#databases.set(one, second).set(other, first);
    for (const byName of [this.#pasts, this.#origins]) swapNames<unknown>(byName, one, other);
    return { ok: true, reply: null };
  }

  map(): ClusterMap {
    return this.#map;
  }

  onMap(listener: (map: ClusterMap) => void): void {
    this.#mapListeners.push(listener);
  }

  async createNamespace(name: string): Promise<string | null> {
    return this.#changeGroups(withNamespaceGroup(this.#map, name));
  }

  async setNamespaceLimits(name: string, changes: Partial<NamespaceLimits>): Promise<string | null> {
    return this.#changeGroups(withNamespaceLimits(this.#map, name, changes));
  }

  async nodes(): Promise<readonly NodeHealth[]> {
    return localNodes(this.#map);
  }

  async locate(_namespace: number, key: Buffer): Promise<KeyLocation> {
    return localLocation(this.#map, key);
  }

  /** An expired record is shown as dead at once. */
  async inspect(namespace: number, key: Buffer): Promise<readonly KeyReplica[]> {
    const id = key.toString('latin1');
    return localReplicas(this.#map, this.#live(namespace, id), this.#pasts.get(`${namespace} ${id}`));
  }

  #run(operation: Operation<Reply>): Outcome<Reply> {
    if (this.failure !== null) return { ok: false, failure: this.failure };
    const id = operation.key.toString('latin1');
    const record = seenBy(operation.step, this.#live(operation.namespace, id));
    const nowMs = this.#clock.wallMs();
    const written = new Map<PageId, Buffer>();
    const { reply, change } = this.#attempts(operation, record, nowMs, written);
    if (change === null || isNoChange(record, change)) return { ok: true, reply };
    assert(operation.step.access === 'write', 'a read step must not change its record');
    this.changed++;
    for (const [pageId, bytes] of written) this.pages.set(pageId, bytes);
    const past = this.#pastOf(operation.namespace, id);
    const next = applyChange(record, past, operation.key, change, nowMs);
    this.#pasts.set(`${operation.namespace} ${id}`, next ?? pastAfterDelete(past, change, nowMs));
    this.#noteWrite(operation.namespace, id);
    this.#store(operation.namespace, id, next);
    return { ok: true, reply };
  }

  /** Runs the step until all pages that it reads are loaded, and then once more: what counts is the last run. */
  #attempts(
    operation: Operation<Reply>,
    record: LiveRecord | null,
    nowMs: number,
    written: Map<PageId, Buffer>,
  ): StepResult<Reply> {
    const { step } = operation;
    const seen = record !== null && step.needs === 'meta' ? { ...record, value: withoutBytes(record.value) } : record;
    const loaded = new Set<PageId>();
    let runsLeft = 2;
    for (let attempt = 0; attempt < MAX_PAGE_LOADS; attempt++) {
      written.clear();
      const id = operation.key.toString('latin1');
      const past = this.#pastOf(operation.namespace, id);
      const origin = this.#originOf(operation.namespace, id);
      const context: RunContext = { nowMs, pages: this.#pageAccess(loaded, written), past, origin };
      try {
        const result = step.run(seen, context);
        if (--runsLeft === 0) return result;
      } catch (error) {
        if (!(error instanceof NeedPages)) throw error;
        assert(
          error.pageIds.some((id) => !loaded.has(id)),
          'NeedPages must name a page that is not loaded',
        );
        for (const pageId of error.pageIds) loaded.add(pageId);
      }
    }
    throw new InvariantError('a step does not stop asking for pages');
  }

  #pageAccess(loaded: ReadonlySet<PageId>, written: Map<PageId, Buffer>): PageAccess {
    return {
      recordId: 'a record of tests',
      read: (id) => {
        const own = written.get(id);
        if (own !== undefined) return own;
        const bytes = this.pages.get(id);
        assert(bytes !== undefined, 'a page that is listed must exist');
        if (!loaded.has(id)) throw new NeedPages([id]);
        return bytes;
      },
      write: (bytes) => {
        const id = String(this.#nextPage++).padStart(16, '0');
        written.set(id, bytes);
        return id;
      },
    };
  }

  #pastOf(namespace: number, id: string): RecordPast {
    return this.#pasts.get(`${namespace} ${id}`) ?? NO_PAST;
  }

  #live(namespace: number, id: string): LiveRecord | null {
    const entry = this.#database(namespace).get(id);
    return entry === undefined || this.#expired(entry.record) ? null : entry.record;
  }

  #store(namespace: number, id: string, record: LiveRecord | null): void {
    const database = this.#database(namespace);
    const previous = database.get(id);
    if (record === null) {
      database.delete(id);
    } else if (previous !== undefined && !this.#expired(previous.record)) {
      database.set(id, { sequence: previous.sequence, record });
    } else {
      database.delete(id);
      database.set(id, { sequence: this.#nextSequence++, record });
    }
  }

  #expired(record: LiveRecord): boolean {
    const endMs = endsAtMs(record);
    return endMs !== 0 && endMs <= this.#clock.wallMs();
  }

  #database(namespace: number): Map<string, Entry> {
    assert(namespace < this.#map.namespaces.length, 'no such namespace');
    const known = this.#databases.get(namespace);
    if (known !== undefined) return known;
    const database = new Map<string, Entry>();
    this.#databases.set(namespace, database);
    return database;
  }

  #changeGroups(change: GroupsChange): string | null {
    this.#throwFailure();
    if (!change.ok) return change.problem;
    this.#adopt(change.map);
    return null;
  }

  #adopt(map: ClusterMap): void {
    this.#map = map;
    for (const listener of this.#mapListeners) listener(map);
  }

  #throwFailure(): void {
    if (this.failure !== null) throw new ClusterFailure(this.failure);
  }
}

function withoutBytes(value: Value): Value {
  return value.paged ? value : { ...value, bytes: null };
}
