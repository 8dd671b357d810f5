import { findNode } from '../../cluster/cluster-map.ts';
import { updateClusterMap } from '../../cluster/config-store.ts';
import type { ClusterMap } from '../../cluster/map.ts';
import { withTrusted } from '../../cluster/members.ts';
import type { Command } from '../command-input.ts';
import { EXIT_FAILED, EXIT_OK } from '../serve.ts';
import { agree } from './apply-command.ts';
import { type NodeReports, withMemberCluster } from './member-cluster.ts';
import { parseNodeId } from './member-options.ts';

/** A node and the incarnation that it told of. */
interface Trusted {
  readonly id: number;
  readonly incarnation: string;
}

/** `junokv cluster trust-disks [ID...]` */
export const clusterTrustDisksCommand: Command = (input) =>
  withMemberCluster(input, async ({ map, store, ask }) => {
    const { system, words } = input;
    const chosen = nodesToTrust(map, words, await ask(map));
    if (typeof chosen === 'string') {
      system.complain(`junokv: ${chosen}`);
      return EXIT_FAILED;
    }
    if (chosen.length === 0) {
      system.print('Every node that answers trusts its disk.');
      return EXIT_OK;
    }
    const ids = chosen.map(({ id }) => id).join(', ');
    system.print(`Nodes that would vote with what they have: ${ids}.
Each may lack what it acknowledged last before the power went. What a majority of the replicas of a key lacks is lost
for good then, and only then. Nodes that can learn from a majority of zones do so without this.`);
    const agreed = await agree(input, 'Trust their disks?');
    if (agreed !== null) return agreed;
    const result = await updateClusterMap(store, (now) => withAllTrusted(now, chosen));
    if (!result.ok) {
      system.complain(`junokv: ${result.problem}`);
      return EXIT_FAILED;
    }
    system.print(`Trusted at epoch ${result.value.epoch}: ${ids}.`);
    return EXIT_OK;
  });

/** The nodes to trust: those named, or all that say they do not trust their disks; or what is wrong. */
export function nodesToTrust(map: ClusterMap, words: readonly string[], { status }: NodeReports): Trusted[] | string {
  if (words.length === 0) {
    return [...status.values()]
      .filter((own) => own.distrusted)
      .map(({ nodeId: id, incarnation }) => ({ id, incarnation }));
  }
  const chosen: Trusted[] = [];
  for (const word of new Set(words)) {
    const id = parseNodeId(word);
    if (id === null || findNode(map, id) === null) return `there is no node ${word}`;
    const own = status.get(id);
    if (own === undefined) return `node ${id} does not answer; it must run to be trusted`;
    if (!own.distrusted) {
      return own.learningShards > 0
        ? `node ${id} has given up its data already and learns them again`
        : `node ${id} trusts its disk`;
    }
    chosen.push({ id, incarnation: own.incarnation });
  }
  return chosen;
}

function withAllTrusted(map: ClusterMap, chosen: readonly Trusted[]): ClusterMap | null {
  const present = chosen.filter(({ id }) => findNode(map, id) !== null);
  const trusted = present.reduce((now, { id, incarnation }) => withTrusted(now, id, incarnation) ?? now, map);
  // Several steps at once are one change of the stored map.
  return trusted === map ? null : trusted;
}
