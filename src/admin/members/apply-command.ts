import { findNode, nodesOf } from '../../cluster/cluster-map.ts';
import { type StoreResult, updateClusterMap } from '../../cluster/config-store.ts';
import type { ClusterMap, NodeEntry } from '../../cluster/map.ts';
import { type MemberPlan, withMemberPlan } from '../../cluster/member-plan.ts';
import { withMoveRate } from '../../cluster/members.ts';
import type { Command, CommandInput } from '../command-input.ts';
import { formatHostAndPort } from '../host-and-port.ts';
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE } from '../serve.ts';
import { type MemberCluster, withMemberCluster } from './member-cluster.ts';
import { asksForChange, planOf } from './member-request.ts';
import { isChanging } from './move-progress.ts';
import { knownBytes, shownPlan } from './plan-command.ts';
import { watchMoves } from './watch-moves.ts';

/** `junokv cluster apply` */
export const clusterApplyCommand: Command = (input) =>
  withMemberCluster(input, async (cluster) => {
    const rated = await setRate(input, cluster);
    if (!rated.ok) return refuse(input, rated.problem);
    const map = rated.value;
    // What is going on already is only watched.
    if (!asksForChange(input.config) && isChanging(map)) return watch(input, cluster, map, []);
    const planned = planOf(map, input.config);
    if (!planned.ok) return refuse(input, planned.problem);
    const { plan } = planned;
    input.system.print(shownPlan(plan, await knownBytes(cluster, map)));
    const { add, remove, replace } = plan.change;
    if (plan.goals.length + plan.takenBack.length + add.length + remove.length + replace.length === 0) return EXIT_OK;
    const agreed = await agree(input, 'Carry it out?');
    if (agreed !== null) return agreed;
    const begun = await updateClusterMap(cluster.store, (now) => withMemberPlan(now, plan));
    if (!begun.ok) return refuse(input, begun.problem);
    if (begun.value.epoch !== plan.epoch + 1) {
      return refuse(input, 'the cluster map has changed since the plan was made, and nothing was done; run it again');
    }
    return watch(input, cluster, begun.value, joiningNodes(plan));
  });

function refuse({ system }: CommandInput, problem: string): number {
  system.complain(`junokv: ${problem}`);
  return EXIT_FAILED;
}

function setRate({ config, given }: CommandInput, { store, map }: MemberCluster): Promise<StoreResult<ClusterMap>> {
  if (!given.has('moveRate')) return Promise.resolve({ ok: true, value: map });
  return updateClusterMap(store, (now) => withMoveRate(now, config.moveRate));
}

function joiningNodes({ change }: MemberPlan): number[] {
  return [...change.add, ...change.replace.map(({ by }) => by)].map(({ id }) => id);
}

/** Null: yes. Else the exit code. */
export async function agree({ config, system }: CommandInput, question: string): Promise<number | null> {
  if (config.yes) return null;
  if (system.askLine === null) {
    system.complain('junokv: standard input is no terminal to ask at; --yes carries it out without asking');
    return EXIT_USAGE;
  }
  const answer = await system.askLine(`${question} [y/N] `);
  if (answer !== null && /^y(es)?$/i.test(answer.trim())) return null;
  system.complain('junokv: nothing was changed');
  return EXIT_FAILED;
}

async function watch(
  input: CommandInput,
  cluster: MemberCluster,
  map: ClusterMap,
  joining: readonly number[],
): Promise<number> {
  const { system } = input;
  const toStart = nodesOf(map).filter((node) => joining.includes(node.id));
  if (toStart.length > 0) {
    system.print(`\nNew nodes get their shards as soon as they run:\n${toStart.map(startLine).join('\n')}\n`);
  }
  const ended = await watchMoves(input, cluster, map);
  if (ended.kind === 'interrupted') {
    system.complain(
      "junokv: the storage nodes go on. 'junokv cluster apply' watches again, 'junokv cluster cancel' calls it off.",
    );
    return EXIT_FAILED;
  }
  const gone = nodesOf(map).filter((node) => findNode(ended.map, node.id) === null);
  system.print(`Done, at epoch ${ended.map.epoch}.`);
  for (const node of gone) {
    system.print(
      `Node ${node.id} (${addressOf(node)}) holds nothing any more: stop its process, remove its directory.`,
    );
  }
  return EXIT_OK;
}

function startLine(node: NodeEntry): string {
  return `  junokv storage --node ${node.id} --data DIRECTORY    (at ${addressOf(node)})`;
}

function addressOf({ host, port }: NodeEntry): string {
  return formatHostAndPort(host, port);
}
