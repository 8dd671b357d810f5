import type { Clock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import { SystemClock } from '../../base/system-clock.ts';
import { SystemRandom } from '../../base/system-random.ts';
import type { NodeEntry } from '../../cluster/map.ts';
import type { Request, Response } from '../messages.ts';
import { TcpServer } from '../tcp-server.ts';
import { TcpTransport } from '../tcp-transport.ts';
import type { Call, CallHandler, NodeHello, ResponseReceiver } from '../transport.ts';

/** What the tests of the TCP transport share: a node that does as told, over real loopback sockets. */
export const SECRET = Buffer.from('the secret of the test cluster');
export const CLUSTER_ID = 'test-cluster';
export const BASE = {
  clusterId: CLUSTER_ID,
  secret: SECRET,
  clock: new SystemClock() as Clock,
  random: new SystemRandom(),
  log: silentLog,
};

/** A node that answers with what `respond` gives; null: not at all, the call stays open. */
export class TestNode implements CallHandler {
  readonly nodeId: number;
  readonly incarnation: string;
  readonly batches: number[] = [];
  readonly open: Call[] = [];
  readonly seen: Request[] = [];
  respond: (request: Request) => Response | null = () => null;

  constructor(nodeId = 1, incarnation = 'one') {
    this.nodeId = nodeId;
    this.incarnation = incarnation;
  }

  receive(calls: readonly Call[]): void {
    this.batches.push(calls.length);
    for (const call of calls) {
      this.seen.push(call.request);
      const response = this.respond(call.request);
      if (response === null) this.open.push(call);
      else call.respond(response);
    }
  }

  hello(): NodeHello {
    const { nodeId, incarnation } = this;
    return { nodeId, incarnation, mapEpoch: 5, floor: { time: 77, proposer: 8 }, clockUs: 123_456 };
  }
}

/** Collects what a transport delivers. */
export class Answers implements ResponseReceiver {
  readonly got: [number, Response][] = [];
  onResponse(tag: number, response: Response): void {
    this.got.push([tag, response]);
  }
}

export function pause(delayMs: number): Promise<void> {
  return new Promise((done) => BASE.clock.after(delayMs, done));
}

/** Resolves once `condition` holds; rejects after `timeoutMs`. */
export async function until(condition: () => boolean, timeoutMs = 4_000): Promise<void> {
  const end = BASE.clock.monotonicMs() + timeoutMs;
  while (!condition()) {
    if (BASE.clock.monotonicMs() > end) throw new Error('waited in vain');
    await pause(2);
  }
}

/** One node behind a TCP server, and a transport that knows it. */
export class TcpCluster {
  readonly node: TestNode;
  server: TcpServer;
  port = 0;
  readonly transport = new TcpTransport(BASE);
  readonly events: string[] = [];

  constructor(node = new TestNode()) {
    this.node = node;
    this.server = new TcpServer({ ...BASE, handler: node });
    this.transport.setListener({
      onNodeUp: (hello) => this.events.push(`up ${hello.nodeId} ${hello.incarnation}`),
      onNodeDown: (nodeId) => this.events.push(`down ${nodeId}`),
    });
  }

  entry(changes: Partial<NodeEntry> = {}): NodeEntry {
    const { nodeId: id, incarnation } = this.node;
    return { id, incarnation, host: '127.0.0.1', port: this.port, leaving: false, ...changes };
  }

  /** On the port of before, if there was one. */
  async start(): Promise<this> {
    this.port = await this.server.listen('127.0.0.1', this.port);
    return this;
  }

  async connect(): Promise<this> {
    await this.start();
    this.transport.setNodes([this.entry()]);
    await until(() => this.transport.isUp(this.node.nodeId));
    return this;
  }

  async restart(): Promise<void> {
    await this.server.close();
    this.server = new TcpServer({ ...BASE, handler: this.node });
    await this.start();
  }

  async stop(): Promise<void> {
    this.transport.close();
    await this.server.close();
  }
}
