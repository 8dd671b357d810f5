import type { Ballot } from '../record/ballot.ts';
import type { Request, Response } from './messages.ts';

/** Number of a storage node in the cluster map; unique in the cluster, never reused. */
export type NodeId = number;

/** Gets the response to a request, at most once for each `send`. `tag` is what the sender gave. */
export interface ResponseReceiver {
  onResponse(tag: number, response: Response): void;
}

/** What a node said when the connection was made (protocol §2, HELLO). */
export interface NodeHello {
  readonly nodeId: NodeId;
  readonly incarnation: string;
  readonly mapEpoch: number;
  readonly floor: Ballot;
  readonly clockUs: number;
}

/** Told about connections as they come and go. */
export interface NodeListener {
  onNodeUp(hello: NodeHello): void;
  onNodeDown(nodeId: NodeId): void;
}

/**
 * The proposer's side of the network. Requests of one turn of the event loop to one node leave in one frame.
 * A request to a node that is not connected, or whose connection breaks, gets LOST: later in the same turn or after, never
 * from inside `send`. A response may also never come: callers have their own time-outs.
 */
export interface Transport {
  send(nodeId: NodeId, request: Request, receiver: ResponseReceiver, tag: number): void;
  isUp(nodeId: NodeId): boolean;
  setListener(listener: NodeListener): void;
}

/** One request as a storage node sees it; `respond` is called at most once, in any order. */
export interface Call {
  readonly request: Request;
  respond(response: Response): void;
}

/** The storage node's side: all calls that arrived in one frame. */
export interface CallHandler {
  receive(calls: readonly Call[]): void;
  hello(): NodeHello;
}
