import { MessageType, type NodeStatus, type Request, type Response } from '../../rpc/messages.ts';
import type { StorageNode } from '../../storage/storage-node.ts';

/** What a node says of itself; null while it stops. */
export function statusOf(node: StorageNode): NodeStatus | null {
  const response = askNode(node, { type: MessageType.nodeStatus });
  return response?.type === MessageType.status ? response.status : null;
}

/** For requests that a node answers at once. */
export function askNode(node: StorageNode, request: Request): Response | null {
  const answered: Response[] = [];
  node.receive([{ request, respond: (response) => answered.push(response) }]);
  return answered[0] ?? null;
}
