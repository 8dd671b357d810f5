import type { Timer } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { findNode } from '../../cluster/cluster-map.ts';
import type { ClusterMap } from '../../cluster/map.ts';
import type { CommandInput } from '../command-input.ts';
import type { MemberCluster, NodeReports } from './member-cluster.ts';
import { MoveProgress } from './move-progress.ts';

export type WatchEnd = { readonly kind: 'done'; readonly map: ClusterMap } | { readonly kind: 'interrupted' };

/** Shows how a change gets on until it is done or a signal comes; says what holds it up where nothing happens. */
export function watchMoves({ system }: CommandInput, cluster: MemberCluster, map: ClusterMap): Promise<WatchEnd> {
  const { clock } = system;
  const progress = new MoveProgress(map, clock.monotonicMs());
  let lookedMs = clock.monotonicMs();
  let lineMs = lookedMs;
  let lastProblems = '';
  let timer: Timer | null = null;
  return new Promise((resolve) => {
    const end = (ended: WatchEnd): void => {
      timer?.cancel();
      watch.stop();
      system.redraw?.('');
      resolve(ended);
    };
    const lookInto = async (): Promise<void> => {
      const problems = whatHoldsUp(progress.map, await cluster.ask(progress.map));
      const text = problems.join('\n');
      if (text === lastProblems || timer === null) return;
      lastProblems = text;
      system.redraw?.('');
      for (const problem of problems) system.complain(`junokv: ${problem}`);
    };
    const show = (): void => {
      const nowMs = clock.monotonicMs();
      if (system.redraw !== null) system.redraw(progress.line(nowMs));
      else if (nowMs - lineMs >= limits.memberProgressLineMs) {
        lineMs = nowMs;
        system.complain(progress.line(nowMs));
      }
      if (progress.idleMs(nowMs) >= limits.memberStalledMs && nowMs - lookedMs >= limits.memberStalledMs) {
        lookedMs = nowMs;
        void lookInto();
      }
      timer = clock.after(limits.memberProgressMs, show);
    };
    const watch = cluster.store.watch(map.epoch, (newest) => {
      progress.onMap(newest, clock.monotonicMs());
      if (progress.isDone) end({ kind: 'done', map: newest });
    });
    system.onStopSignal(() => end({ kind: 'interrupted' }));
    if (progress.isDone) end({ kind: 'done', map });
    else show();
  });
}

/** Why moves may not get on, for the operator; empty if nothing is seen that stands in their way. */
export function whatHoldsUp(map: ClusterMap, { status }: NodeReports): string[] {
  const learners = new Set([...map.moves.map((move) => move.learner), ...map.goals.map((goal) => goal.to)]);
  const problems: string[] = [];
  for (const id of learners) {
    const node = findNode(map, id)?.node;
    if (node === undefined || status.has(id)) continue;
    const state = node.incarnation === '' ? 'has not been started yet' : 'does not answer';
    problems.push(`node ${id} is to get shards, but ${state}`);
  }
  const voters = new Set(
    map.moves.map(({ shard, zone }) => ({ shard, zone })).flatMap(({ shard, zone }) => othersOf(map, shard, zone)),
  );
  for (const id of voters) {
    if (!status.has(id) && !learners.has(id))
      problems.push(`node ${id} does not answer, and shards are learned from it`);
  }
  return problems;
}

/** Who votes for a shard in the zones that do not move. */
function othersOf(map: ClusterMap, shard: number, zone: number): number[] {
  return map.zones.flatMap((entry, index) => (index === zone ? [] : [entry.placement[shard] ?? 0]));
}
