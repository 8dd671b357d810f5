import { limits } from '../base/limits.ts';
import { validateClusterMap } from './cluster-map.ts';
import type {
  ClusterMap,
  NamespaceEntry,
  NamespaceGroup,
  NamespaceLimits,
  NodeEntry,
  ShardGoal,
  ShardMove,
  ZoneEntry,
} from './map.ts';
import { DEFAULT_GROUP, LIMIT_NAMES, NO_LIMITS } from './namespace-groups.ts';
import { SLOT_COUNT } from './slot.ts';

export type DecodedMap =
  | { readonly ok: true; readonly map: ClusterMap }
  /** Each problem in words for the operator. */
  | { readonly ok: false; readonly problems: readonly string[] };

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
    formatVersion: map.formatVersion,
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
    ...(map.moves.length > 0 ? { moves: map.moves.map(moveToText) } : {}),
    ...(map.goals.length > 0 ? { goals: map.goals.map(({ shard, zone, to }) => `${shard} ${zone} ${to}`) } : {}),
    shardEpochs: encodeRuns(map.shardEpochs),
    namespaceGroups: map.namespaceGroups.map(({ name, limits: own }) => ({ name, limits: limitsToJson(own) })),
    generations: encodeRuns(map.namespaces.map((namespace) => namespace.generation)),
    namespaceEpochs: encodeRuns(map.namespaces.map((namespace) => namespace.epoch)),
  };
}

/** "shard zone learner", and " alone" where the old node does not vote. */
function moveToText({ shard, zone, learner, oldVotes }: ShardMove): string {
  return `${shard} ${zone} ${learner}${oldVotes ? '' : ' alone'}`;
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
  if (formatVersion !== 1) {
    return { ok: false, problems: [`formatVersion ${String(formatVersion)} is not one that this program reads (1)`] };
  }
  const generations = root.runs('generations');
  const namespaceEpochs = root.runs('namespaceEpochs');
  if (generations.length !== namespaceEpochs.length) problems.push('generations and namespaceEpochs differ in length');
  const map: ClusterMap = {
    formatVersion: 1,
    clusterId: root.text('clusterId'),
    epoch: root.integer('epoch'),
    shards: root.integer('shards'),
    zones: root.list('zones').map((zone, index) => zoneFromJson(zone, index, problems)),
    moves: root.has('moves') ? root.list('moves').flatMap((move) => moveFromText(move, problems)) : [],
    goals: root.has('goals') ? root.list('goals').flatMap((goal) => goalFromText(goal, problems)) : [],
    shardEpochs: root.runs('shardEpochs'),
    namespaceGroups: root.has('namespaceGroups')
      ? root.list('namespaceGroups').map((group, index) => groupFromJson(group, index, problems))
      : [DEFAULT_GROUP],
    namespaces: generations.map((generation, i): NamespaceEntry => ({ generation, epoch: namespaceEpochs[i] ?? 0 })),
  };
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

const MOVE_TEXT = /^(0|[1-9]\d{0,4}) ([0-4]) ([1-9]\d{0,9})( alone)?$/;
const GOAL_TEXT = /^(0|[1-9]\d{0,4}) ([0-4]) ([1-9]\d{0,9})$/;

function moveFromText(text: unknown, problems: string[]): ShardMove[] {
  const match = typeof text === 'string' ? MOVE_TEXT.exec(text) : null;
  if (match === null) {
    problems.push('moves must be texts such as "17 0 4" or "17 0 4 alone"');
    return [];
  }
  const [, shard, zone, learner, alone] = match;
  return [{ shard: Number(shard), zone: Number(zone), learner: Number(learner), oldVotes: alone === undefined }];
}

function goalFromText(text: unknown, problems: string[]): ShardGoal[] {
  const match = typeof text === 'string' ? GOAL_TEXT.exec(text) : null;
  if (match === null) {
    problems.push('goals must be texts such as "17 0 4"');
    return [];
  }
  return [{ shard: Number(match[1]), zone: Number(match[2]), to: Number(match[3]) }];
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

/** Takes typed fields out of an object of unknown shape and notes what is wrong; a wrong field reads as empty. */
class Fields {
  readonly #fields: Map<string, unknown>;
  readonly #where: string;
  readonly #problems: string[];
  readonly #known = new Set<string>();

  constructor(json: unknown, where: string, problems: string[]) {
    this.#where = where;
    this.#problems = problems;
    const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
    if (!isObject) problems.push(`${where} is not an object`);
    this.#fields = new Map(isObject ? Object.entries(json) : []);
  }

  text(name: string): string {
    const value = this.#take(name);
    if (typeof value === 'string') return value;
    this.#problems.push(`${this.#where}: ${name} must be a text`);
    return '';
  }

  integer(name: string): number {
    const value = this.#take(name);
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
    this.#problems.push(`${this.#where}: ${name} must be an integer`);
    return 0;
  }

  flag(name: string): boolean {
    const value = this.#take(name);
    if (typeof value === 'boolean') return value;
    this.#problems.push(`${this.#where}: ${name} must be true or false`);
    return false;
  }

  list(name: string): readonly unknown[] {
    const value = this.#take(name);
    if (Array.isArray(value)) return value;
    this.#problems.push(`${this.#where}: ${name} must be a list`);
    return [];
  }

  runs(name: string): number[] {
    const numbers = decodeRuns(this.#take(name));
    if (numbers !== null) return numbers;
    this.#problems.push(
      `${this.#where}: ${name} must be runs of numbers such as "1*512 2*512", at most ${SLOT_COUNT} in all`,
    );
    return [];
  }

  /** Whether the field is there at all. */
  has(name: string): boolean {
    return this.#fields.has(name);
  }

  /** A field of whatever shape. */
  value(name: string): unknown {
    return this.#take(name);
  }

  refuseOthers(): void {
    for (const name of this.#fields.keys()) {
      if (!this.#known.has(name)) this.#problems.push(`${this.#where}: unknown field ${name}`);
    }
  }

  #take(name: string): unknown {
    this.#known.add(name);
    return this.#fields.get(name);
  }
}

/** [1, 1, 2] as "1*2 2". */
export function encodeRuns(numbers: readonly number[]): string {
  const runs: string[] = [];
  for (let from = 0; from < numbers.length; ) {
    let to = from + 1;
    while (to < numbers.length && numbers[to] === numbers[from]) to++;
    runs.push(to - from === 1 ? `${numbers[from]}` : `${numbers[from]}*${to - from}`);
    from = to;
  }
  return runs.join(' ');
}

/** Reads what `encodeRuns` wrote, in that form only; null for anything else. */
export function decodeRuns(text: unknown): number[] | null {
  if (typeof text !== 'string') return null;
  const numbers: number[] = [];
  if (text === '') return numbers;
  for (const run of text.split(' ')) {
    const match = /^(0|[1-9]\d{0,15})(?:\*([1-9]\d{0,5}))?$/.exec(run);
    if (match === null) return null;
    const value = Number(match[1]);
    const count = Number(match[2] ?? 1);
    if (!Number.isSafeInteger(value) || numbers.length + count > SLOT_COUNT) return null;
    for (let i = 0; i < count; i++) numbers.push(value);
  }
  return encodeRuns(numbers) === text ? numbers : null;
}
