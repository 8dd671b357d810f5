import type { ClusterMap, ShardGoal, ShardMove, ZoneEntry } from './map.ts';
import type { Fields } from './map-fields.ts';
import { SLOT_COUNT } from './slot.ts';

type Members = Pick<ClusterMap, 'moves' | 'goals' | 'moveRate' | 'lastNodeId'>;

/**
 * The fields of a map that changes of members use, as far as they say anything. Moves and goals that follow each other
 * with the same zone and node share a text: "0 4: 17 20-25" is zone 0, node 4, seven shards; "0 4 alone: 17" is a move in
 * which the old node does not vote.
 */
export function membersToJson(map: ClusterMap): object {
  const moves = grouped(map.moves, ({ zone, learner, oldVotes }) => `${zone} ${learner}${oldVotes ? '' : ' alone'}`);
  const goals = grouped(map.goals, ({ zone, to }) => `${zone} ${to}`);
  return {
    ...(moves.length > 0 ? { moves } : {}),
    ...(goals.length > 0 ? { goals } : {}),
    ...(map.moveRate > 0 ? { moveRate: map.moveRate } : {}),
    ...(map.lastNodeId > highestId(map.zones) ? { lastNodeId: map.lastNodeId } : {}),
  };
}

function grouped<T extends { readonly shard: number }>(items: readonly T[], headOf: (item: T) => string): string[] {
  const texts: string[] = [];
  for (let from = 0; from < items.length; ) {
    const head = headOf(items[from] as T);
    let to = from + 1;
    while (to < items.length && headOf(items[to] as T) === head) to++;
    texts.push(`${head}: ${rangesOf(items.slice(from, to).map((item) => item.shard))}`);
    from = to;
  }
  return texts;
}

/** [17, 20, 21, 22] as "17 20-22", in the order that they have. */
function rangesOf(shards: readonly number[]): string {
  const ranges: string[] = [];
  for (let from = 0; from < shards.length; ) {
    const first = shards[from] as number;
    let length = 1;
    while (shards[from + length] === first + length) length++;
    ranges.push(length === 1 ? `${first}` : `${first}-${first + length - 1}`);
    from += length;
  }
  return ranges.join(' ');
}

/** Reads what `membersToJson` wrote. */
export function membersFromJson(root: Fields, zones: readonly ZoneEntry[], problems: string[]): Members {
  const readAll = (name: 'moves' | 'goals') => (root.has(name) ? expanded(root.list(name), name, problems) : []);
  return {
    moves: readAll('moves').map(
      ({ shard, zone, node, alone }): ShardMove => ({ shard, zone, learner: node, oldVotes: !alone }),
    ),
    goals: readAll('goals').map(({ shard, zone, node, alone }): ShardGoal => {
      if (alone) problems.push(`the goal of shard ${shard} cannot be alone`);
      return { shard, zone, to: node };
    }),
    moveRate: root.has('moveRate') ? root.integer('moveRate') : 0,
    lastNodeId: root.has('lastNodeId') ? root.integer('lastNodeId') : highestId(zones),
  };
}

const GROUP_TEXT = /^([0-4]) ([1-9]\d{0,9})( alone)?: (\d[\d -]*)$/;
const RANGE_TEXT = /^(0|[1-9]\d{0,4})(?:-([1-9]\d{0,4}))?$/;
/** Every shard of five zones. */
const SHARDS_NAMED_MAX = 5 * SLOT_COUNT;

interface Named {
  readonly shard: number;
  readonly zone: number;
  readonly node: number;
  readonly alone: boolean;
}

function expanded(texts: readonly unknown[], name: string, problems: string[]): Named[] {
  const all: Named[] = [];
  for (const text of texts) {
    const match = typeof text === 'string' ? GROUP_TEXT.exec(text) : null;
    const shards = match === null ? null : shardsIn(match[4] ?? '', SHARDS_NAMED_MAX - all.length);
    if (match === null || shards === null) {
      problems.push(`${name} must be texts such as "0 4: 17 20-25", not ${JSON.stringify(text)}`.slice(0, 200));
      return [];
    }
    const [, zone, node, alone] = match;
    for (const shard of shards) {
      all.push({ shard, zone: Number(zone), node: Number(node), alone: alone !== undefined });
    }
  }
  return all;
}

function shardsIn(text: string, atMost: number): number[] | null {
  const shards: number[] = [];
  for (const range of text.split(' ')) {
    const match = RANGE_TEXT.exec(range);
    if (match === null) return null;
    const first = Number(match[1]);
    const last = Number(match[2] ?? first);
    if (last < first || last >= SLOT_COUNT || shards.length + last - first + 1 > atMost) return null;
    for (let shard = first; shard <= last; shard++) shards.push(shard);
  }
  return shards;
}

function highestId(zones: readonly ZoneEntry[]): number {
  let highest = 0;
  for (const zone of zones) for (const node of zone.nodes) highest = Math.max(highest, node.id);
  return highest;
}
