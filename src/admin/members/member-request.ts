import type { ClusterMap } from '../../cluster/map.ts';
import { type AskedMembers, changeOfMembers, type PlannedMembers, planMembers } from '../../cluster/member-plan.ts';
import type { Configuration } from '../option-table.ts';

type Request = Pick<Configuration, 'addNode' | 'addNodesToEveryZone' | 'removeNode' | 'replaceNode'>;

/** Whether the options name any change. */
export function asksForChange(config: Request): boolean {
  const { addNode, addNodesToEveryZone, removeNode, replaceNode } = config;
  return addNode.length + addNodesToEveryZone.length + removeNode.length + replaceNode.length > 0;
}

/** The plan of what the options ask for; of nothing, to spread the shards evenly again. */
export function planOf(map: ClusterMap, config: Request): PlannedMembers {
  const everywhere = config.addNodesToEveryZone;
  if (everywhere.length % map.zones.length !== 0) {
    return {
      ok: false,
      problem: `--add-nodes-to-every-zone: ${everywhere.length} addresses for ${map.zones.length} zones; there must be one for each, or a multiple`,
    };
  }
  const asked: AskedMembers = {
    add: [
      ...config.addNode,
      ...everywhere.map((address, index) => ({ ...address, zone: map.zones[index % map.zones.length]?.name ?? '' })),
    ],
    remove: config.removeNode,
    replace: config.replaceNode,
  };
  const changed = changeOfMembers(map, asked);
  return changed.ok ? planMembers(map, changed.change) : changed;
}
