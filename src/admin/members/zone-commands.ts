import { updateClusterMap } from '../../cluster/config-store.ts';
import type { ClusterMap } from '../../cluster/map.ts';
import { withoutGoals, withZoneDown } from '../../cluster/members.ts';
import type { Command } from '../command-input.ts';
import { countText } from '../load/number-text.ts';
import { EXIT_FAILED, EXIT_OK } from '../serve.ts';
import { withMemberCluster } from './member-cluster.ts';

/** `junokv cluster mark-down ZONE` */
export const clusterMarkDownCommand = zoneCommand(true);

/** `junokv cluster mark-up ZONE` */
export const clusterMarkUpCommand = zoneCommand(false);

function zoneCommand(down: boolean): Command {
  return (input) =>
    withMemberCluster(input, async ({ store }) => {
      const { system, words } = input;
      const name = words[0] ?? '';
      let problem: string | null = null;
      let changed = false;
      const result = await updateClusterMap(store, (map) => {
        problem = zoneProblem(map, name, down);
        const next = problem === null ? withZoneDown(map, name, down) : null;
        changed = next !== null;
        return next;
      });
      if (!result.ok) problem = result.problem;
      if (problem !== null) {
        system.complain(`junokv: ${problem}`);
        return EXIT_FAILED;
      }
      const state = down ? 'under maintenance' : 'in use';
      system.print(changed ? `Zone ${name} is ${state} now.` : `Zone ${name} is ${state} already.`);
      return EXIT_OK;
    });
}

/** Why a zone cannot be marked so, or null. */
export function zoneProblem(map: ClusterMap, name: string, down: boolean): string | null {
  const names = map.zones.map((zone) => zone.name);
  if (!names.includes(name)) return `there is no zone '${name}'; the zones are ${names.join(', ')}`;
  if (!down) return null;
  const others = map.zones.filter((zone) => zone.down && zone.name !== name).map((zone) => zone.name);
  const spare = Math.floor((map.zones.length - 1) / 2);
  if (others.length < spare) return null;
  if (spare === 0) return 'a cluster of one zone cannot do without it';
  return `${others.join(' and ')} ${others.length === 1 ? 'is' : 'are'} under maintenance already, and no majority of the zones would be left`;
}

/** `junokv cluster cancel` */
export const clusterCancelCommand: Command = (input) =>
  withMemberCluster(input, async ({ store }) => {
    const { system } = input;
    const before: ClusterMap[] = [];
    const result = await updateClusterMap(store, (map) => {
      before[0] = map;
      return withoutGoals(map);
    });
    if (!result.ok) {
      system.complain(`junokv: ${result.problem}`);
      return EXIT_FAILED;
    }
    const was = before[0];
    if (was === undefined || was.epoch === result.value.epoch) {
      system.print('No change of members is going on.');
      return EXIT_OK;
    }
    const back = was.moves.length - result.value.moves.length;
    system.print(
      `Called off: ${countText(was.goals.length)} shards stay where they are, ${countText(back)} on their way go back.`,
    );
    if (result.value.moves.length > 0) {
      system.print(`${countText(result.value.moves.length)} are learned again after a lost disk, which goes on.`);
    }
    return EXIT_OK;
  });
