import { limits } from '../base/limits.ts';
import { validateClusterMap } from './cluster-map.ts';
import { databasesFromJson, databasesToJson } from './databases.ts';
import type { ClusterMap, NamespaceEntry, NamespaceGroup, NamespaceLimits, NodeEntry, ZoneEntry } from './map.ts';
import { encodeRuns, Fields } from './map-fields.ts';
import { membersFromJson, membersToJson } from './members-text.ts';
import { DEFAULT_GROUP, LIMIT_NAMES, NO_LIMITS } from './namespace-groups.ts';

export type DecodedMap =
  | { readonly ok: true; readonly map: ClusterMap }
  /** Each problem in words for the operator. */
  | { readonly ok: false; readonly problems: readonly string[] };

/** Of a map in which databases were ever swapped: older programs must not take their numbers for what is stored. */
const SWAPPED_FORMAT_VERSION = 2;

/**
 * The map as JSON text, the same for equal maps. Long lists of numbers are runs, "1*512 2*512": a map of 1024 shards and
 * three zones stays within a few kilobytes, and a person can read it.
 */
export function encodeClusterMap(map: ClusterMap): string {
  return `${JSON.stringify(clusterMapToJson(map), null, 2)}\n`;
}

/** The JSON object behind `encodeClusterMap`, for files that hold more than the map. */
export function clusterMapToJson(map: ClusterMap): object {
  return {
    formatVersion: map.databases.length === 0 ? map.formatVersion : SWAPPED_FORMAT_VERSION,
    clusterId: map.clusterId,
    epoch: map.epoch,
    shards: map.shards,
    zones: map.zones.map((zone) => ({
      name: zone.name,
      nodes: zone.nodes.map(({ id, incarnation, host, port, leaving }) => ({
        id,
        incarnation,
        host,
        port,
        ...(leaving ? { leaving } : {}),
      })),
      placement: encodeRuns(zone.placement),
      ...(zone.down ? { down: true } : {}),
    })),
    ...membersToJson(map),
    shardEpochs: encodeRuns(map.shardEpochs),
    namespaceGroups: map.namespaceGroups.map(({ name, limits: own }) => ({ name, limits: limitsToJson(own) })),
    generations: encodeRuns(map.namespaces.map((namespace) => namespace.generation)),
    namespaceEpochs: encodeRuns(map.namespaces.map((namespace) => namespace.epoch)),
    ...databasesToJson(map),
  };
}

/** Only what is limited, in one order. */
function limitsToJson(own: NamespaceLimits): object {
  return Object.fromEntries(LIMIT_NAMES.filter((name) => own[name] !== 0).map((name) => [name, own[name]]));
}

/** Reads what `encodeClusterMap` wrote; anything else is a list of problems, never a thrown error. */
export function decodeClusterMap(text: string): DecodedMap {
  if (text.length > limits.clusterMapChars) {
    return { ok: false, problems: [`longer than ${limits.clusterMapChars} characters`] };
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { ok: false, problems: [`not JSON: ${error instanceof Error ? error.message : String(error)}`] };
  }
  return clusterMapFromJson(json);
}

/** Like `decodeClusterMap`, for JSON that is already parsed. */
export function clusterMapFromJson(json: unknown): DecodedMap {
  const problems: string[] = [];
  const root = new Fields(json, 'the cluster map', problems);
  const formatVersion = root.integer('formatVersion');
  if (formatVersion !== 1 && formatVersion !== SWAPPED_FORMAT_VERSION) {
    return { ok: false, problems: [`formatVersion ${formatVersion} is not one that this program reads (1, 2)`] };
  }
  const generations = root.runs('generations');
  const namespaceEpochs = root.runs('namespaceEpochs');
  if (generations.length !== namespaceEpochs.length) problems.push('generations and namespaceEpochs differ in length');
  const zones = root.list('zones').map((zone, index) => zoneFromJson(zone, index, problems));
  const map: ClusterMap = {
    formatVersion: 1,
    clusterId: root.text('clusterId'),
    epoch: root.integer('epoch'),
    shards: root.integer('shards'),
    zones,
    ...membersFromJson(root, zones, problems),
    shardEpochs: root.runs('shardEpochs'),
    namespaceGroups: root.has('namespaceGroups')
      ? root.list('namespaceGroups').map((group, index) => groupFromJson(group, index, problems))
      : [DEFAULT_GROUP],
    namespaces: generations.map((generation, i): NamespaceEntry => ({ generation, epoch: namespaceEpochs[i] ?? 0 })),
    databases: databasesFromJson(root, problems),
  };
  const isSwapped = map.databases.length > 0;
  if (isSwapped !== (formatVersion === SWAPPED_FORMAT_VERSION))
    problems.push('formatVersion 2 is for swapped databases');
  root.refuseOthers();
  if (problems.length === 0) problems.push(...validateClusterMap(map));
  return problems.length === 0 ? { ok: true, map } : { ok: false, problems };
}

function zoneFromJson(json: unknown, index: number, problems: string[]): ZoneEntry {
  const zone = new Fields(json, `zone ${index + 1}`, problems);
  const entry: ZoneEntry = {
    name: zone.text('name'),
    nodes: zone
      .list('nodes')
      .map((node, position) => nodeFromJson(node, `zone ${index + 1}, node ${position + 1}`, problems)),
    placement: zone.runs('placement'),
    down: zone.has('down') && zone.flag('down'),
  };
  zone.refuseOthers();
  return entry;
}

function groupFromJson(json: unknown, index: number, problems: string[]): NamespaceGroup {
  const where = `namespace group ${index + 1}`;
  const group = new Fields(json, where, problems);
  const name = group.text('name');
  const own = new Fields(group.value('limits'), `${where}, limits`, problems);
  const found = { ...NO_LIMITS };
  for (const limit of LIMIT_NAMES) if (own.has(limit)) found[limit] = own.integer(limit);
  own.refuseOthers();
  group.refuseOthers();
  return { name, limits: found };
}

function nodeFromJson(json: unknown, where: string, problems: string[]): NodeEntry {
  const node = new Fields(json, where, problems);
  const entry: NodeEntry = {
    id: node.integer('id'),
    incarnation: node.text('incarnation'),
    host: node.text('host'),
    port: node.integer('port'),
    leaving: node.has('leaving') && node.flag('leaving'),
  };
  node.refuseOthers();
  return entry;
}
