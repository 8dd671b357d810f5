import type { ClusterMap } from '../../cluster/map.ts';
import type { MemberPlan, PlannedNode, PlannedZone } from '../../cluster/member-plan.ts';
import { textTable } from '../data-verbs/text-table.ts';
import { formatHostAndPort } from '../host-and-port.ts';
import { countText } from '../load/number-text.ts';
import { bytesText } from './units.ts';

/** Bytes of each shard by zone and node, as its holder has told; a node that did not answer is not in it. */
export type ShardBytes = ReadonlyMap<number, number>;

/** What each node has for a shard on average, from what it says that it stores. */
export function bytesPerShard(map: ClusterMap, dataBytes: ReadonlyMap<number, number>): ShardBytes {
  const known = new Map<number, number>();
  for (const zone of map.zones) {
    for (const { id } of zone.nodes) {
      const shards = zone.placement.filter((holder) => holder === id).length;
      const bytes = dataBytes.get(id);
      if (bytes !== undefined && shards > 0) known.set(id, bytes / shards);
    }
  }
  return known;
}

/** Bytes that a zone's transfers take, or null where a node that gives has not answered. */
function movedBytes(zone: PlannedZone, known: ShardBytes): number | null {
  let sum = 0;
  for (const { from, shards } of zone.transfers) {
    const bytes = known.get(from);
    if (bytes === undefined) return null;
    sum += bytes * shards;
  }
  return sum;
}

/** The plan for a person: each zone with its nodes and what moves between them, and the least-moves bound. */
export function planText(plan: MemberPlan, known: ShardBytes): string {
  const sections = plan.zones.map((zone) => zoneText(zone, known));
  const total = zonesBytes(plan, known);
  const moved = `${countText(plan.moved)} shards move, about ${total === null ? 'an unknown number of bytes' : bytesText(total)}`;
  const bound =
    plan.moved === plan.leastMoves
      ? 'fewer cannot move'
      : `${countText(plan.leastMoves)} would be enough for the loads alone`;
  const back = plan.takenBack.length === 0 ? '' : `; ${countText(plan.takenBack.length)} on their way are taken back`;
  return `${sections.join('\n\n')}\n\n${moved} (${bound})${back}.`;
}

function zonesBytes(plan: MemberPlan, known: ShardBytes): number | null {
  let sum = 0;
  for (const zone of plan.zones) {
    const bytes = movedBytes(zone, known);
    if (bytes === null) return null;
    sum += bytes;
  }
  return sum;
}

function zoneText(zone: PlannedZone, known: ShardBytes): string {
  const rows = zone.nodes.map((node) => [
    `node ${node.id}`,
    formatHostAndPort(node.host, node.port),
    node.fate === 'stays' ? '' : node.fate,
    countText(node.shardsBefore),
    countText(node.shardsAfter),
    transfersText(zone, node, known),
  ]);
  const bytes = movedBytes(zone, known);
  const moved = `${countText(zone.moved)} of at least ${countText(zone.leastMoves)} shards move`;
  const head = zone.moved === 0 ? 'nothing moves' : `${moved}${bytes === null ? '' : `, about ${bytesText(bytes)}`}`;
  return `zone ${zone.name}: ${head}\n${indented(textTable([['', 'address', '', 'shards', 'then', 'gets'], ...rows]))}`;
}

/** What a node gets, and from whom. */
function transfersText(zone: PlannedZone, node: PlannedNode, known: ShardBytes): string {
  const incoming = zone.transfers.filter(({ to }) => to === node.id);
  return incoming
    .map(({ from, shards }) => {
      const bytes = known.get(from);
      const size = bytes === undefined ? '' : ` (${bytesText(bytes * shards)})`;
      return `${countText(shards)} from node ${from}${size}`;
    })
    .join(', ');
}

export function indented(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${line}`.trimEnd())
    .join('\n');
}

/** The plan for a program; `bytes` null where a node that gives has not answered. */
export function planJson(plan: MemberPlan, known: ShardBytes): object {
  return {
    epoch: plan.epoch,
    moved: plan.moved,
    leastMoves: plan.leastMoves,
    takenBack: plan.takenBack.length,
    bytes: zonesBytes(plan, known),
    zones: plan.zones.map((zone) => ({ ...zone, bytes: movedBytes(zone, known) })),
  };
}
