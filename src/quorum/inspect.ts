import { limits } from '../base/limits.ts';
import type { Ballot } from '../record/ballot.ts';
import { type RecordContent, type StateHeader, StateKind } from '../record/state.ts';
import { MessageType, type RecordAddress, type Response, Want } from '../rpc/messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import type { NodeCaller } from './node-caller.ts';
import type { SealPort } from './seal-port.ts';

/** What one replica holds of a record. */
export type ReplicaState =
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'dead' | 'live';
      readonly accepted: Ballot;
      readonly header: StateHeader;
      /** The value's bytes may be missing. */
      readonly content: RecordContent;
    }
  /** The node found its bytes damaged, or they do not open here. */
  | { readonly kind: 'corrupt' }
  /** No answer in time, or none that tells of the record. */
  | { readonly kind: 'unreachable' }
  /** The node has another map. */
  | { readonly kind: 'fenced' };

export interface InspectedReplica {
  readonly nodeId: NodeId;
  readonly replica: ReplicaState;
}

/**
 * Asks nodes for what they hold of a record, for operators: no quorum, nothing is repaired. In the order of `nodes`; ends within limits.inspectTimeoutMs.
 */
export function inspectReplicas(
  parts: { readonly caller: NodeCaller; readonly seal: SealPort },
  address: RecordAddress,
  nodes: readonly NodeId[],
): Promise<readonly InspectedReplica[]> {
  const request = { type: MessageType.read, address, want: Want.meta, ifAccepted: null } as const;
  const asked = nodes.map(
    (nodeId) =>
      new Promise<InspectedReplica>((resolve) => {
        parts.caller.call(nodeId, request, limits.inspectTimeoutMs, (response) =>
          resolve({ nodeId, replica: replicaState(parts.seal, address.id, response) }),
        );
      }),
  );
  return Promise.all(asked);
}

function replicaState(seal: SealPort, id: string, response: Response): ReplicaState {
  switch (response.type) {
    case MessageType.state: {
      const { accepted, state } = response;
      if (state === null) return { kind: 'absent' };
      const opened = seal.open(id, state);
      if (opened === null) return { kind: 'corrupt' };
      const { header, content } = opened;
      return { kind: header.kind === StateKind.live ? 'live' : 'dead', accepted, header, content };
    }
    case MessageType.epoch:
      return { kind: 'fenced' };
    case MessageType.fault:
      return { kind: response.fault === 'corrupt' ? 'corrupt' : 'unreachable' };
    default:
      return { kind: 'unreachable' };
  }
}
