import type { NodeId, Transport } from '../rpc/transport.ts';
import { majority } from './majority.ts';

/** As many of a record's nodes as decide over it are connected: what they do not answer is late, not lost. */
export function areInReach(transport: Pick<Transport, 'isUp'>, nodes: readonly NodeId[]): boolean {
  let up = 0;
  for (const node of nodes) if (transport.isUp(node)) up++;
  return up >= majority(nodes.length);
}
