import { describe, expect, it } from 'vitest';
import { MessageType, type Request } from './messages.ts';
import { OwnNodeTransport } from './own-node-transport.ts';
import type { NodeListener, Transport } from './transport.ts';

class Recorder implements Transport {
  readonly sent: number[] = [];
  readonly listeners: NodeListener[] = [];
  readonly up: boolean;

  constructor(up: boolean) {
    this.up = up;
  }

  send(nodeId: number, _request: Request): void {
    this.sent.push(nodeId);
  }

  isUp(): boolean {
    return this.up;
  }

  setListener(listener: NodeListener): void {
    this.listeners.push(listener);
  }
}

describe('a node that talks to its cluster', () => {
  it('reaches itself within the process, and the others elsewhere', () => {
    const own = new Recorder(true);
    const others = new Recorder(false);
    const transport = new OwnNodeTransport(2, own, others);
    const listener = { onNodeUp() {}, onNodeDown() {} };
    transport.setListener(listener);
    for (const node of [1, 2, 3]) {
      transport.send(node, { type: MessageType.nodeStatus }, { onResponse() {} }, 0);
    }
    expect([own.sent, others.sent]).toEqual([[2], [1, 3]]);
    expect([transport.isUp(2), transport.isUp(1)]).toEqual([true, false]);
    expect([own.listeners, others.listeners]).toEqual([[listener], [listener]]);
  });
});
