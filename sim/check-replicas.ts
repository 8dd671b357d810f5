import { replicaSet } from '../src/cluster/cluster-map.ts';
import type { ClusterMap } from '../src/cluster/map.ts';
import type { Ballot } from '../src/record/ballot.ts';
import { parsePageKey, parseRecordKey, recordRange, shardPageRange } from '../src/record/record-id.ts';
import { NO_NAMESPACE, type RecordId, type StateHeader, StateKind } from '../src/record/state.ts';
import { decodeStored } from '../src/record/state-codec.ts';
import { START_US } from './sim-clock.ts';
import type { SimDisk } from './sim-disk.ts';
import type { World } from './world.ts';

interface OnDisk {
  readonly accepted: Ballot;
  readonly hasIntent: boolean;
  /** A transaction's own record. */
  readonly isTransaction: boolean;
  readonly isDead: boolean;
  readonly isPaged: boolean;
  /** Of a dead one: not to be purged before, for what it remembers. */
  readonly keepUntilMs: number;
}

/** More than a simulated shard ever has. */
const ALL = { limit: 100_000, limitBytes: 100_000_000, keysOnly: false };

/** Records of the current generations that the disk has of a shard; null for one, of any generation, that cannot be read. */
function recordsOf(disk: SimDisk, map: ClusterMap, shard: number): Map<RecordId, OnDisk | null> {
  const found = new Map<RecordId, OnDisk | null>();
  disk.records.scan({ ...recordRange(shard, ''), ...ALL }, (_error, entries) => {
    for (const { key, value } of entries ?? []) {
      const id = parseRecordKey(key)?.id;
      if (id === undefined) continue;
      const stored = decodeStored(value);
      if (stored === null) {
        found.set(id, null);
        continue;
      }
      const { header, intent } = stored.state;
      if (!isKept(map, header)) continue;
      found.set(id, {
        hasIntent: intent !== undefined,
        isTransaction: header.namespace === NO_NAMESPACE,
        accepted: stored.accepted,
        isDead: header.kind === StateKind.dead,
        isPaged: header.paged,
        keepUntilMs: header.expiresAtMs,
      });
    }
  });
  return found;
}

/** Of the generation that its namespace has now, or of no namespace. */
function isKept(map: ClusterMap, { namespace, generation }: Pick<StateHeader, 'namespace' | 'generation'>): boolean {
  return namespace === NO_NAMESPACE || map.namespaces[namespace]?.generation === generation;
}

/** What cannot be read tells of its generation by its id only, which is readable here (`simIds`), unless it is a transaction's. */
function isCurrent(id: RecordId, map: ClusterMap): boolean {
  if (!id.includes('/')) return true;
  const [, namespace, generation = ''] = id.split('/');
  return map.namespaces[Number(namespace)]?.generation === Number.parseInt(generation, 10);
}

/** After a time of peace in which every shard was swept: all replicas of a shard hold the same records at the same ballots. */
export function checkReplicas(world: World): string[] {
  const problems: string[] = [];
  const { map } = world.config;
  for (let shard = 0; shard < map.shards; shard++) {
    const held = replicaSet(map, shard).map((id) => ({ id, records: recordsOf(world.node(id).disk, map, shard) }));
    const ids = new Set(held.flatMap(({ records }) => [...records.keys()]));
    for (const id of [...ids].sort()) {
      if (!isCurrent(id, map)) continue;
      const texts = held.map(({ id: node, records }) => ({ node, text: textOf(records.get(id)) }));
      if (texts.every(({ text }) => text === texts[0]?.text)) continue;
      const all = texts.map(({ node, text }) => `n${node} ${text}`).join(', ');
      problems.push(`${nameOf(id)} differs between its replicas: ${all}`);
    }
  }
  return problems;
}

/** Tombstones that should have been purged by then (wall clock, microseconds): older, and not to be kept any longer. */
export function checkPurged(world: World, beforeUs: number): string[] {
  const problems: string[] = [];
  const { map } = world.config;
  for (let shard = 0; shard < map.shards; shard++) {
    for (const node of replicaSet(map, shard)) {
      for (const [id, record] of recordsOf(world.node(node).disk, map, shard)) {
        if (record === null || !record.isDead) continue;
        if (record.accepted.time > beforeUs || record.keepUntilMs * 1000 > beforeUs) continue;
        problems.push(`${nameOf(id)} is dead on n${node} and was not purged: ${textOf(record)}`);
      }
    }
  }
  return problems;
}

/** Transactions that should have been ended by then: nothing on the way, and T forgotten. */
export function checkIntents(world: World): string[] {
  const problems: string[] = [];
  const { map } = world.config;
  for (let shard = 0; shard < map.shards; shard++) {
    for (const node of replicaSet(map, shard)) {
      for (const [id, record] of recordsOf(world.node(node).disk, map, shard)) {
        if (record?.hasIntent === true)
          problems.push(`${nameOf(id)} still has an intent on n${node}: ${textOf(record)}`);
        if (record?.isTransaction === true && !record.isDead)
          problems.push(`a transaction is not forgotten on n${node}: ${textOf(record)}`);
      }
    }
  }
  return problems;
}

/** Nodes that still have something of shards that they have nothing to do with any more. */
export function checkStrays(world: World): string[] {
  const problems: string[] = [];
  const { map } = world.config;
  for (const sim of world.nodes) {
    if (!world.isMember(sim)) continue;
    for (let shard = 0; shard < map.shards; shard++) {
      if (replicaSet(map, shard).includes(sim.nodeId)) continue;
      const left = recordsOf(sim.disk, map, shard).size + pagesOf(sim.disk, shard).length;
      if (left > 0) problems.push(`${sim.name} still has ${left} records and pages of shard ${shard}`);
    }
  }
  return problems;
}

/** Pages of records that have none any more, and that no write under way can list. What a damaged record lists nobody knows. */
export function checkPages(world: World): string[] {
  const problems: string[] = [];
  const { map } = world.config;
  for (let shard = 0; shard < map.shards; shard++) {
    for (const node of replicaSet(map, shard)) {
      const { disk } = world.node(node);
      const records = recordsOf(disk, map, shard);
      const left = pagesOf(disk, shard).filter((id) => isUnlisted(records.get(id)));
      if (left.length > 0)
        problems.push(`n${node} still has ${left.length} pages of ${left[0]?.split('/')[0]}, which has none`);
    }
  }
  return problems;
}

function isUnlisted(record: OnDisk | null | undefined): boolean {
  return record !== null && record?.isPaged !== true;
}

/** Of each page the record that it belongs to. */
function pagesOf(disk: SimDisk, shard: number): RecordId[] {
  const found: RecordId[] = [];
  disk.records.scan({ ...shardPageRange(shard), ...ALL, keysOnly: true }, (_error, entries) => {
    for (const { key } of entries ?? []) {
      const id = parsePageKey(key)?.id;
      if (id !== undefined) found.push(id);
    }
  });
  return found;
}

function nameOf(id: RecordId): string {
  return id.includes('/') ? (id.split('/')[0] ?? '') : 'a transaction';
}

function textOf(record: OnDisk | null | undefined): string {
  if (record === undefined) return 'absent';
  if (record === null) return 'unreadable';
  const { accepted, isDead } = record;
  return `${((accepted.time - START_US) / 1000).toFixed(3)}/${accepted.proposer}${isDead ? ' dead' : ''}`;
}
