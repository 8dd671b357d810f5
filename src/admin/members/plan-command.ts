import type { ClusterMap } from '../../cluster/map.ts';
import type { MemberPlan } from '../../cluster/member-plan.ts';
import type { Command, CommandInput } from '../command-input.ts';
import { EXIT_FAILED, EXIT_OK } from '../serve.ts';
import { type MemberCluster, withMemberCluster } from './member-cluster.ts';
import { planOf } from './member-request.ts';
import { bytesPerShard, planJson, planText, type ShardBytes } from './plan-text.ts';

/** `junokv cluster plan` */
export const clusterPlanCommand: Command = (input) =>
  withMemberCluster(input, async (cluster) => {
    const planned = planOf(cluster.map, input.config);
    if (!planned.ok) return refuse(input, planned.problem);
    const known = await knownBytes(cluster, cluster.map);
    if (input.config.json) input.system.print(JSON.stringify({ ok: true, plan: planJson(planned.plan, known) }));
    else input.system.print(shownPlan(planned.plan, known));
    return EXIT_OK;
  });

function refuse({ config, system }: CommandInput, problem: string): number {
  if (config.json) system.print(JSON.stringify({ ok: false, error: { message: problem } }));
  else system.complain(`junokv: ${problem}`);
  return EXIT_FAILED;
}

export function shownPlan(plan: MemberPlan, known: ShardBytes): string {
  const { add, remove, replace } = plan.change;
  const isNoChange = plan.goals.length + plan.takenBack.length + add.length + remove.length + replace.length === 0;
  return isNoChange ? 'Nothing to do: the shards are spread evenly.' : planText(plan, known);
}

/** What nodes say that a shard of theirs takes. */
export async function knownBytes(cluster: MemberCluster, map: ClusterMap): Promise<ShardBytes> {
  const { status } = await cluster.ask(map);
  return bytesPerShard(map, new Map([...status].map(([id, { dataBytes }]) => [id, dataBytes])));
}
