import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { ClusterMap, NamespaceLimits, NodeEntry } from '../cluster/map.ts';
import { type GroupsChange, withNamespaceGroup, withNamespaceLimits } from '../cluster/namespace-groups.ts';
import { seatsOf } from '../cluster/seats.ts';
import { slotOf } from '../cluster/slot.ts';
import type { LiveKeyRing } from '../crypto/live-key-ring.ts';
import type { Coordinator } from '../quorum/coordinator.ts';
import { flushNamespaces, swapDatabases } from '../quorum/flush.ts';
import { changeNamespaceGroups } from '../quorum/group-change.ts';
import { inspectReplicas } from '../quorum/inspect.ts';
import { Intake } from '../quorum/intake.ts';
import { isPair } from '../quorum/joint-transport.ts';
import { KeyCounter } from '../quorum/key-count.ts';
import { type FoundKey, KeyScan, type ShardScan } from '../quorum/key-scan.ts';
import { type LastingPages, PageLeases } from '../quorum/lasting-pages.ts';
import type { MapHolder } from '../quorum/map-holder.ts';
import type { Operation, Outcome, Step } from '../quorum/operation.ts';
import { RecordExport } from '../quorum/record-export.ts';
import { Resealer } from '../quorum/resealer.ts';
import { type ShardVerified, verifyShard } from '../quorum/shard-verify.ts';
import type { Placement } from '../quorum/task-context.ts';
import type { TransactionOperation } from '../quorum/transaction.ts';
import type { RecordId } from '../record/state.ts';
import type { Reply } from '../resp/reply.ts';
import { MessageType } from '../rpc/messages.ts';
import type { Transport } from '../rpc/transport.ts';
import {
  type BackupPort,
  ClusterFailure,
  type ClusterPort,
  type KeyCount,
  type KeyLocation,
  type KeyReplica,
  type KeysPort,
  type NodeHealth,
  type ProposerFigures,
  type ScannedKey,
  type ScanPage,
} from './cluster-port.ts';
import { KeyspaceCounter } from './keyspace-counter.ts';
import type { MemoryPort } from './memory/memory-port.ts';
import { QuorumMemory } from './memory/quorum-memory.ts';
import { decodeCursor, encodeCursor, lastIdOf, prefixOf } from './scan-cursor.ts';
import { typeName } from './values/collection-value.ts';

/** Shards asked at once by a scan that finds nothing, and in all by one SCAN command. */
const SCAN_WAVE_MAX = 64;
const SCAN_SHARDS_PER_COMMAND = 256;
const SHARD_STEP = 4_096;
const STATUS_TIMEOUT_MS = 500;

const EXISTS: Step<Reply> = {
  access: 'read',
  needs: 'meta',
  run: (record) => ({ reply: record === null ? 0 : 1, change: null }),
};

/** The cluster as a proxy's commands see it, over the coordinator. */
export class QuorumCluster implements ClusterPort {
  readonly #coordinator: Coordinator<Reply>;
  readonly #intake: Intake<Reply>;
  readonly #map: MapHolder;
  readonly #transport: Transport;
  readonly #scan: KeyScan<Reply>;
  readonly #counter: KeyspaceCounter<Reply>;
  readonly #leases: PageLeases;
  readonly backup: BackupPort;
  readonly memory: MemoryPort;
  readonly keys: KeysPort | undefined;

  /** `ring`: what records are sealed with; none where no keys are to be changed. */
  constructor(
    coordinator: Coordinator<Reply>,
    map: MapHolder,
    transport: Transport,
    keystoreFingerprint = '',
    ring: LiveKeyRing | null = null,
  ) {
    this.#coordinator = coordinator;
    this.#leases = new PageLeases(coordinator);
    this.#intake = new Intake(coordinator, coordinator.clock);
    this.#map = map;
    this.#transport = transport;
    this.#scan = new KeyScan(coordinator, EXISTS, (reply) => reply === 1);
    this.#counter = new KeyspaceCounter(new KeyCounter(coordinator, this.#scan), () => map.current.shards);
    this.memory = new QuorumMemory(coordinator);
    this.backup = { keystoreFingerprint, records: new RecordExport(coordinator, EXISTS) };
    this.keys = ring === null ? undefined : keysPort(coordinator, keystoreFingerprint, ring);
  }

  verify(shard: number, afterId: RecordId): Promise<ShardVerified> {
    const parts = { caller: this.#coordinator.caller, map: this.#map };
    return new Promise((resolve) => verifyShard(parts, shard, afterId, resolve));
  }

  submit(operation: Operation<Reply>): void {
    this.#intake.submit(operation);
  }

  openPages(namespace: number, key: Buffer, id: RecordId): LastingPages {
    return this.#leases.open(namespace, key, id);
  }

  transact(operation: TransactionOperation<Reply>): void {
    this.#coordinator.transact(operation);
  }

  map(): ClusterMap {
    return this.#map.current;
  }

  onMap(listener: (map: ClusterMap) => void): void {
    this.#map.onChange(listener);
  }

  createNamespace(name: string): Promise<string | null> {
    return this.#changeGroups((map) => withNamespaceGroup(map, name));
  }

  setNamespaceLimits(name: string, changes: Partial<NamespaceLimits>): Promise<string | null> {
    return this.#changeGroups((map) => withNamespaceLimits(map, name, changes));
  }

  /**
   * Goes through shards in order, more of them at a time while nothing is found and they are answered quickly; after some
   * time the page ends with what there is, nothing perhaps. A page ends between two prefixes of record ids, so that its cursor says
   * exactly what was looked at.
   */
  async scan(namespace: number, cursor: string, count: number): Promise<ScanPage> {
    const { shards } = this.#map.current;
    const start = decodeCursor(cursor, shards);
    if (start === null) return { cursor: '0', keys: [] };
    const { clock } = this.#coordinator;
    const endMs = clock.monotonicMs() + limits.scanCommandMs;
    const keys: ScannedKey[] = [];
    let { shard, donePrefix } = start;
    let wave = 1;
    let visited = 0;
    while (shard < shards && visited < SCAN_SHARDS_PER_COMMAND) {
      const waveMs = clock.monotonicMs();
      const width = donePrefix >= 0 ? 1 : Math.min(wave, shards - shard);
      const pages = await Promise.all(
        Array.from({ length: width }, (_, i) =>
          this.#scanShard(namespace, shard + i, i === 0 ? donePrefix : -1, Math.max(1, count - keys.length)),
        ),
      );
      for (const page of pages) {
        visited++;
        keys.push(...page.keys);
        if (page.donePrefix !== null) {
          return { cursor: encodeCursor({ shard, donePrefix: page.donePrefix }), keys };
        }
        shard++;
        donePrefix = -1;
        if (keys.length >= count) break;
      }
      const nowMs = clock.monotonicMs();
      if (keys.length >= count || nowMs >= endMs) break;
      const isQuick = nowMs - waveMs < limits.scanCommandMs / 8;
      wave = isQuick ? Math.min(SCAN_WAVE_MAX, wave * 2) : Math.max(1, wave >>> 1);
    }
    return { cursor: shard >= shards ? '0' : encodeCursor({ shard, donePrefix: -1 }), keys };
  }

  count(namespaces: readonly number[]): Promise<readonly KeyCount[]> {
    return this.#counter.count(namespaces);
  }

  /** From a random place on, the first shard that has a key; one of its keys at random. Not exactly uniform, as in Redis. */
  async randomKey(namespace: number): Promise<Buffer | null> {
    const { random } = this.#coordinator;
    const { shards } = this.#map.current;
    const first = random.below(shards);
    let wave = 1;
    for (let offset = 0; offset < shards; ) {
      const width = Math.min(wave, shards - offset);
      const scans = await Promise.all(
        Array.from({ length: width }, (_, i) => {
          const after = lastIdOf(random.below(2 ** 30) * 2 ** 8);
          return this.#randomOf(namespace, (first + offset + i) % shards, after);
        }),
      );
      const found = scans.filter((key) => key !== null);
      if (found.length > 0) return found[random.below(found.length)] ?? null;
      offset += width;
      wave = Math.min(SCAN_WAVE_MAX, wave * 2);
    }
    return null;
  }

  async flush(namespaces: readonly number[]): Promise<Outcome<null>> {
    const [left, pause] = this.#flushTime();
    const failure = await flushNamespaces(this.#map, this.#coordinator.caller, namespaces, left, pause);
    return failure === null ? { ok: true, reply: null } : { ok: false, failure };
  }

  async swap(one: number, other: number): Promise<Outcome<null>> {
    const [left, pause] = this.#flushTime();
    const failure = await swapDatabases(this.#map, this.#coordinator.caller, one, other, left, pause);
    return failure === null ? { ok: true, reply: null } : { ok: false, failure };
  }

  /** The time that is left from now on, and how it is waited. */
  #flushTime(): [left: () => number, pause: (ms: number) => Promise<void>] {
    const { clock } = this.#coordinator;
    const endMs = clock.monotonicMs() + limits.flushDeadlineMs;
    return [() => endMs - clock.monotonicMs(), (ms) => new Promise((resolve) => clock.after(ms, resolve))];
  }

  async #changeGroups(change: (map: ClusterMap) => GroupsChange): Promise<string | null> {
    const result = await changeNamespaceGroups(this.#map, change);
    if (result.kind === 'failed') throw new ClusterFailure(result.failure);
    return result.kind === 'refused' ? result.problem : null;
  }

  nodes(): Promise<readonly NodeHealth[]> {
    const map = this.#map.current;
    return Promise.all(map.zones.flatMap((zone) => zone.nodes.map((node) => this.#health(zone.name, node))));
  }

  figures(): ProposerFigures {
    const { counters, rounds } = this.#coordinator;
    const nodes = rounds.health.reports().filter(({ nodeId }) => !isPair(nodeId));
    return { waiting: this.#intake.waiting, counters, nodes };
  }

  async locate(namespace: number, key: Buffer): Promise<KeyLocation> {
    const map = this.#map.current;
    const { shard, shardEpoch } = this.#place(namespace, key).address;
    const replicas = new Set(seatsOf(map, shard).flatMap(({ node, learner }) => [node, learner]));
    const asked = map.zones.flatMap((zone) =>
      zone.nodes.filter(({ id }) => replicas.has(id)).map((node) => this.#health(zone.name, node)),
    );
    const nodes = (await Promise.all(asked)).map(({ status: _status, sweep: _sweep, ...node }) => node);
    return { slot: slotOf(key), shard, shardEpoch, mapEpoch: map.epoch, nodes };
  }

  async inspect(namespace: number, key: Buffer): Promise<readonly KeyReplica[]> {
    const { zones } = this.#map.current;
    const { address, nodes } = this.#place(namespace, key);
    const holders = nodes.flatMap((nodeId) => this.#coordinator.nodesBehind(nodeId));
    const replicas = await inspectReplicas(this.#coordinator, address, holders);
    return zones.flatMap((zone) =>
      replicas
        .filter(({ nodeId }) => zone.nodes.some(({ id }) => id === nodeId))
        .map((replica) => ({ zone: zone.name, ...replica })),
    );
  }

  #place(namespace: number, key: Buffer): Placement {
    return this.#coordinator.place({ namespace, key });
  }

  #health(zone: string, node: NodeEntry): Promise<NodeHealth> {
    const { caller } = this.#coordinator;
    return new Promise((resolve) => {
      const known = { nodeId: node.id, zone, host: node.host, port: node.port };
      caller.call(node.id, { type: MessageType.nodeStatus }, STATUS_TIMEOUT_MS, (response) => {
        if (response.type !== MessageType.status) {
          resolve({ ...known, up: false, status: null });
          return;
        }
        const health = { ...known, up: this.#transport.isUp(node.id), status: response.status };
        caller.call(node.id, { type: MessageType.sweepStatus }, STATUS_TIMEOUT_MS, (sweep) => {
          resolve(sweep.type === MessageType.sweepTold ? { ...health, sweep } : health);
        });
      });
    });
  }

  /** One page of a shard; `donePrefix` null when the shard is finished. */
  async #scanShard(
    namespace: number,
    shard: number,
    donePrefix: number,
    count: number,
  ): Promise<{ readonly keys: ScannedKey[]; readonly donePrefix: number | null }> {
    // At least two ids, so that a page that ends before the last of them still gets on.
    for (let limit = Math.max(count, 10) + 1; ; limit *= 2) {
      const page = need(await this.#scan.scanShard(namespace, shard, lastIdOf(donePrefix), limit));
      if (page.exhausted) return { keys: page.keys.map(asScanned), donePrefix: null };
      const end = prefixOf(page.lastId) - 1;
      if (end <= donePrefix) continue;
      const keys = page.keys.filter((found) => prefixOf(found.id) <= end);
      return { keys: keys.map(asScanned), donePrefix: end };
    }
  }

  async #wholeShard(namespace: number, shard: number, visit: (page: ShardScan & { ok: true }) => void): Promise<void> {
    let after: RecordId = '';
    for (;;) {
      const page = need(await this.#scan.scanShard(namespace, shard, after, SHARD_STEP));
      visit(page);
      if (page.exhausted) return;
      assert(page.lastId > after, 'a scan gets on');
      after = page.lastId;
    }
  }

  async #randomOf(namespace: number, shard: number, after: RecordId): Promise<Buffer | null> {
    const { random } = this.#coordinator;
    for (const start of [after, '']) {
      const page = need(await this.#scan.scanShard(namespace, shard, start, 16));
      if (page.keys.length > 0) return page.keys[random.below(page.keys.length)]?.key ?? null;
      if (!page.exhausted) {
        // Only expired or foreign records in the stretch that was looked at: take the shard from its start, all of it.
        let found: Buffer | null = null;
        await this.#wholeShard(namespace, shard, (whole) => {
          found ??= whole.keys[0]?.key ?? null;
        });
        return found;
      }
    }
    return null;
  }
}

function keysPort(coordinator: Coordinator<Reply>, fingerprint: string, ring: LiveKeyRing): KeysPort {
  const resealer = new Resealer<Reply>(coordinator, null);
  return {
    fingerprint,
    get versions() {
      return ring.versions;
    },
    get activeVersion() {
      return ring.activeVersion;
    },
    look: (place, limit) => resealer.look(place, ring.activeVersion, limit),
  };
}

function asScanned(found: FoundKey): ScannedKey {
  return { key: found.key, type: typeName(found.type) };
}

function need(result: ShardScan): ShardScan & { ok: true } {
  if (!result.ok) throw new ClusterFailure(result.failure);
  return result;
}
