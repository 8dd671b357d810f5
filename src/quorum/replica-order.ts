import type { NodeId } from '../rpc/transport.ts';
import type { NodeHealth } from './node-health.ts';

export const NO_NODES: readonly NodeId[] = [];

/** Whom to ask first: healthy nodes before suspect ones (see `FullDisks` for when too many are full), and last those whose bytes did not authenticate. */
export function orderReplicas(
  health: NodeHealth,
  nodes: readonly NodeId[],
  unreadable: readonly NodeId[],
): readonly NodeId[] {
  const preferred = health.full.tooMany(nodes) ? health.full.fullFirst(nodes) : health.prefer(nodes);
  return unreadable.length === 0 ? preferred : readableOf(preferred, unreadable).concat(unreadable);
}

export function readableOf(holders: readonly NodeId[], unreadable: readonly NodeId[]): readonly NodeId[] {
  return unreadable.length === 0 ? holders : holders.filter((node) => !unreadable.includes(node));
}

/** The first of the holders was asked for its state, and that did not authenticate. */
export function withUnreadable(unreadable: readonly NodeId[], holders: readonly NodeId[]): readonly NodeId[] {
  const first = holders.find((node) => !unreadable.includes(node));
  return first === undefined ? unreadable : unreadable.concat(first);
}
