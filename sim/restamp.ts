import type { ClusterMap } from '../src/cluster/map.ts';
import type { MapHolder } from '../src/quorum/map-holder.ts';
import { MessageType, type RecordAddress, type Request } from '../src/rpc/messages.ts';
import type { Call, CallHandler, NodeHello, NodeListener, ResponseReceiver, Transport } from '../src/rpc/transport.ts';
import type { StorageNode } from '../src/storage/storage-node.ts';

/** Which epochs of an address are replaced by those of the map. */
export interface Restamped {
  readonly shard: boolean;
  readonly namespace: boolean;
}

/** Defects of the fence (protocol §8): what was said under one epoch passes as said under another. */
function restamp(address: RecordAddress, map: ClusterMap, what: Restamped): RecordAddress {
  return {
    ...address,
    shardEpoch: what.shard ? (map.shardEpochs[address.shard] ?? 0) : address.shardEpoch,
    namespaceEpoch: what.namespace ? (map.namespaces[address.namespace]?.epoch ?? 0) : address.namespaceEpoch,
    memo0: undefined,
    memo1: undefined,
    memo2: undefined,
    memo3: undefined,
    memo4: undefined,
  };
}

/** A node that answers whatever epochs a message has. */
export class UnfencedHandler implements CallHandler {
  readonly #node: StorageNode;
  readonly #what: Restamped;

  constructor(node: StorageNode, what: Restamped) {
    this.#node = node;
    this.#what = what;
  }

  receive(calls: readonly Call[]): void {
    this.#node.receive(
      calls.map((call) => ({ request: this.#unfenced(call.request), respond: (response) => call.respond(response) })),
    );
  }

  hello(): NodeHello {
    return this.#node.hello();
  }

  #unfenced(request: Request): Request {
    const { map } = this.#node;
    const what = this.#what;
    if ('address' in request) return { ...request, address: restamp(request.address, map, what) };
    if ('addresses' in request) {
      return { ...request, addresses: request.addresses.map((address) => restamp(address, map, what)) };
    }
    if (request.type === MessageType.commitMany) {
      const items = request.items.map((item) => ({ ...item, address: restamp(item.address, map, what) }));
      return { ...request, items };
    }
    return request;
  }
}

/** A proxy whose COMMITs always carry the epochs of its newest map, whatever those of the promises were. */
export class RestampingTransport implements Transport {
  readonly #link: Transport;
  readonly #map: MapHolder;

  constructor(link: Transport, map: MapHolder) {
    this.#link = link;
    this.#map = map;
  }

  send(nodeId: number, request: Request, receiver: ResponseReceiver, tag: number): void {
    const isCommit = request.type === MessageType.commit;
    const what = { shard: true, namespace: false };
    const sent = isCommit ? { ...request, address: restamp(request.address, this.#map.current, what) } : request;
    this.#link.send(nodeId, sent, receiver, tag);
  }

  isUp(nodeId: number): boolean {
    return this.#link.isUp(nodeId);
  }

  setListener(listener: NodeListener): void {
    this.#link.setListener(listener);
  }
}
