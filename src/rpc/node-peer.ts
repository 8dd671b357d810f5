import { connect, type Socket } from 'node:net';
import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { NodeEntry } from '../cluster/map.ts';
import { ClientHandshake, type ClientHandshakeOptions } from './client-handshake.ts';
import type { FrameSink } from './frame-parser.ts';
import type { LateResponses } from './late-responses.ts';
import { FrameKind, FrameWriter, type MessageSink, readMessages } from './message-codec.ts';
import { BUSY, type FaultResponse, LOST, MessageType, type NodeStatusRequest, type Request } from './messages.ts';
import { PendingRequests } from './pending-requests.ts';
import { sinceVersion } from './protocol-table.ts';
import { readResponse } from './response-codec.ts';
import type { TlsIdentity } from './tls-identity.ts';
import { TlsLink } from './tls-link.ts';
import { isTlsRefusal, tlsErrorText } from './tls-problem.ts';
import type { NodeHello, NodeListener, ResponseReceiver } from './transport.ts';
import { WireReader } from './wire-reader.ts';

const TOO_LARGE: FaultResponse = { type: MessageType.fault, fault: 'malformed', detail: 'the request is too large' };
/** Made here, never sent: the node speaks an older protocolVersion than the first that has this request. It did not leave. */
export const TOO_NEW: FaultResponse = Object.freeze({
  type: MessageType.fault,
  fault: 'malformed',
  detail: 'the storage node does not know this request yet',
});
const PROBE: NodeStatusRequest = { type: MessageType.nodeStatus };
const NODE_CLOSED = 'the node closed the connection';
const PERHAPS_REFUSED = `${NODE_CLOSED}; if it refused our certificate, its log says why`;
const IGNORE: ResponseReceiver = { onResponse() {} };

export interface NodePeerOptions extends ClientHandshakeOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly late: LateResponses;
  readonly listener: NodeListener;
  /** Connections are TLS, and both ends show certificates. */
  readonly tls?: TlsIdentity | null;
}

/**
 * One storage node as a proxy sees it: its connection, made again whenever it breaks, and the requests under way. The
 * requests of one turn leave in one write; a long frame leaves at once.
 */
export class NodePeer implements FrameSink, MessageSink {
  readonly node: NodeEntry;
  /** Set while the node is up. */
  hello: NodeHello | null = null;
  /** What both ends speak, while the node is up. */
  #protocolVersion = 0;
  readonly #options: NodePeerOptions;
  readonly #tls: TlsLink | null;
  readonly #pending = new PendingRequests();
  readonly #frame = new FrameWriter(FrameKind.requests);
  readonly #reader = new WireReader();
  readonly #flush: () => void;
  #flushDue = false;
  #socket: Socket | null = null;
  #timer: Timer | null = null;
  #backoffMs: number = limits.reconnectMs;
  #lastProblem = '';
  #closed = false;
  #heard = false;
  #silentChecks = 0;

  constructor(node: NodeEntry, options: NodePeerOptions) {
    this.node = node;
    this.#options = options;
    this.#tls = options.tls === undefined || options.tls === null ? null : new TlsLink(options.tls);
    this.#flush = () => this.#writeFrame();
    this.#connect();
  }

  send(request: Request, receiver: ResponseReceiver, tag: number): void {
    const socket = this.#socket;
    if (this.hello === null || socket === null) {
      this.#options.late.add(receiver, tag, LOST);
      return;
    }
    if (sinceVersion(request.type) > this.#protocolVersion) {
      this.#options.late.add(receiver, tag, TOO_NEW);
      return;
    }
    const waiting = socket.writableLength + this.#frame.bytes();
    if (this.#pending.size >= limits.requestsPerNode || waiting > limits.requestBytesPerNode) {
      this.#options.late.add(receiver, tag, BUSY);
      return;
    }
    const correlationId = this.#pending.add(receiver, tag);
    if (!this.#frame.addRequest(correlationId, request)) {
      this.#pending.remove(correlationId);
      this.#options.late.add(receiver, tag, TOO_LARGE);
    } else if (this.#frame.bytes() >= limits.frameTargetBytes) {
      this.#writeFrame();
    } else if (!this.#flushDue) {
      this.#flushDue = true;
      this.#options.clock.endOfTurn(this.#flush);
    }
  }

  /** For good. What is pending gets LOST at the end of this turn. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    const socket = this.#socket;
    this.#disconnected();
    socket?.destroy();
  }

  onFrame(kind: number, frame: Buffer, offset: number, end: number): boolean {
    return kind === FrameKind.responses && readMessages(frame, offset, end, this.#reader, this);
  }

  onMessage(correlationId: number, type: number, reader: WireReader): boolean {
    const response = readResponse(reader, type);
    if (response === null) return false;
    return this.#pending.deliver(correlationId, response);
  }

  #writeFrame(): void {
    this.#flushDue = false;
    const socket = this.#socket;
    if (this.hello === null || socket === null || this.#frame.bytes() === 0) return;
    socket.write(this.#frame.finish());
    this.#frame.restart(socket.writableLength === 0);
  }

  #connect(): void {
    const { host, port } = this.node;
    const { clock } = this.#options;
    const keepAlive = { noDelay: true, keepAlive: true, keepAliveInitialDelay: limits.tcpKeepAliveMs };
    const socket = this.#tls === null ? connect({ host, port, ...keepAlive }) : this.#tls.connect(host, port);
    const handshake = new ClientHandshake(socket, this.node, this.#options);
    let problem = NODE_CLOSED;
    this.#socket = socket;
    this.#timer = clock.after(limits.handshakeTimeMs, () => {
      problem = 'no handshake in time';
      socket.destroy();
    });
    socket.on(this.#tls === null ? 'connect' : 'secureConnect', () => {
      // The node looks at our certificate only after we have looked at its own.
      if (this.#tls !== null) problem = PERHAPS_REFUSED;
      handshake.start();
    });
    socket.on('error', (error) => {
      const isRefusal = this.#tls !== null && isTlsRefusal(error);
      if (isRefusal) this.#backoffMs = limits.reconnectRefusedMs;
      if (isRefusal || problem !== PERHAPS_REFUSED || this.hello !== null) problem = tlsErrorText(error);
    });
    socket.on('data', (chunk: Buffer) => {
      if (this.#socket !== socket) return;
      const failure = this.hello === null ? this.#shake(handshake, chunk) : this.#feed(handshake, chunk);
      if (failure === null) return;
      problem = failure;
      if (this.hello === null) this.#backoffMs = limits.reconnectRefusedMs;
      socket.destroy();
    });
    socket.on('close', () => {
      if (problem === PERHAPS_REFUSED && this.hello !== null) problem = NODE_CLOSED;
      if (this.#socket === socket) this.#retryLater(problem);
    });
  }

  #shake(handshake: ClientHandshake, chunk: Buffer): string | null {
    const outcome = handshake.feed(chunk);
    if (outcome.kind === 'failed') return outcome.detail;
    if (outcome.kind === 'done') {
      this.hello = outcome.hello;
      const { protocolVersion } = outcome;
      this.#protocolVersion = protocolVersion;
      this.#frame.protocolVersion = protocolVersion;
      this.#reader.protocolVersion = protocolVersion;
      this.#backoffMs = limits.reconnectMs;
      this.#lastProblem = '';
      this.#timer?.cancel();
      this.#heard = true;
      this.#watch();
      this.#options.log.info({ nodeId: this.node.id, protocolVersion }, 'storage node is up');
      this.#options.listener.onNodeUp(outcome.hello);
    }
    return null;
  }

  #feed(handshake: ClientHandshake, chunk: Buffer): string | null {
    this.#heard = true;
    return handshake.parser.feed(chunk, this) ? null : 'the node sent what is no frame of responses';
  }

  /** A node that has requests of ours and says nothing is asked for its status; if that too stays unanswered, given up. */
  #watch(): void {
    this.#timer = this.#options.clock.after(limits.peerSilenceMs, () => {
      this.#silentChecks = this.#heard || this.#pending.size === 0 ? 0 : this.#silentChecks + 1;
      this.#heard = false;
      if (this.#silentChecks >= 2) {
        this.#socket?.destroy(new Error('the node is silent'));
        return;
      }
      if (this.#silentChecks === 1) this.send(PROBE, IGNORE, 0);
      this.#watch();
    });
  }

  #disconnected(): void {
    const wasUp = this.hello !== null;
    this.hello = null;
    this.#socket = null;
    this.#silentChecks = 0;
    this.#frame.restart(false);
    if (wasUp) this.#options.listener.onNodeDown(this.node.id);
    this.#pending.drain((receiver, tag) => this.#options.late.add(receiver, tag, LOST));
  }

  #retryLater(problem: string): void {
    const { clock, random, log } = this.#options;
    if (problem !== this.#lastProblem) {
      this.#lastProblem = problem;
      log.warn({ nodeId: this.node.id, problem }, 'storage node is not reachable');
    }
    this.#timer?.cancel();
    this.#disconnected();
    if (this.#closed) return;
    const delayMs = this.#backoffMs * (0.5 + random.unit() / 2);
    this.#backoffMs = Math.min(2 * this.#backoffMs, Math.max(limits.reconnectMaxMs, this.#backoffMs));
    this.#timer = clock.after(delayMs, () => this.#connect());
  }
}
