import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { NodeEntry } from '../cluster/map.ts';
import { LateResponses } from './late-responses.ts';
import { LOST, type Request } from './messages.ts';
import { NodePeer, type NodePeerOptions } from './node-peer.ts';
import type { ProtocolVersions } from './protocol-table.ts';
import type { TlsIdentity } from './tls-identity.ts';
import type { NodeHello, NodeId, NodeListener, ResponseReceiver, Transport } from './transport.ts';

export interface TcpTransportOptions {
  readonly clusterId: string;
  readonly secret: Buffer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Connections are TLS: nodes must show a certificate of its CAs for the host in the map. Default: plain. */
  readonly tls?: TlsIdentity | null;
  /** Default: what this program speaks. */
  readonly versions?: ProtocolVersions;
}

/**
 * Transport to storage nodes over TCP, one connection to each, kept up in the background. Beyond what Transport says: a
 * request above limits.requestsPerNode or limits.requestBytesPerNode gets a 'busy' fault, one above limits.messageBytes a
 * 'malformed' fault, one that came with a later version than the node speaks TOO_NEW, and none of them leaves. Buffers in responses are views of what arrived with them: copy what is kept.
 */
export class TcpTransport implements Transport {
  readonly #late: LateResponses;
  readonly #peerOptions: NodePeerOptions;
  readonly #peers = new Map<NodeId, NodePeer>();
  #listener: NodeListener | null = null;

  constructor(options: TcpTransportOptions) {
    this.#late = new LateResponses(options.clock);
    const listener: NodeListener = {
      onNodeUp: (hello: NodeHello) => this.#listener?.onNodeUp(hello),
      onNodeDown: (nodeId: NodeId) => this.#listener?.onNodeDown(nodeId),
    };
    this.#peerOptions = { ...options, late: this.#late, listener };
  }

  /** Follows the cluster map: connects to new nodes, lets go of others; a changed address or incarnation is a new node. */
  setNodes(nodes: readonly NodeEntry[]): void {
    const wanted = new Map(nodes.map((node) => [node.id, node]));
    for (const [nodeId, peer] of this.#peers) {
      if (sameNode(peer.node, wanted.get(nodeId))) continue;
      this.#peers.delete(nodeId);
      peer.close();
    }
    for (const node of wanted.values()) {
      if (!this.#peers.has(node.id)) this.#peers.set(node.id, new NodePeer(node, this.#peerOptions));
    }
  }

  send(nodeId: NodeId, request: Request, receiver: ResponseReceiver, tag: number): void {
    const peer = this.#peers.get(nodeId);
    if (peer === undefined) this.#late.add(receiver, tag, LOST);
    else peer.send(request, receiver, tag);
  }

  isUp(nodeId: NodeId): boolean {
    return (this.#peers.get(nodeId)?.hello ?? null) !== null;
  }

  /** Tells `listener` at once of the nodes that are up already. */
  setListener(listener: NodeListener): void {
    this.#listener = listener;
    for (const peer of this.#peers.values()) if (peer.hello !== null) listener.onNodeUp(peer.hello);
  }

  /** All connections, for good; what is pending gets LOST at the end of this turn. */
  close(): void {
    this.setNodes([]);
  }
}

function sameNode(a: NodeEntry, b: NodeEntry | undefined): boolean {
  return b !== undefined && a.incarnation === b.incarnation && a.host === b.host && a.port === b.port;
}
