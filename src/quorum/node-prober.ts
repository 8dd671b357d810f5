import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { MessageType, type NodeStatusRequest } from '../rpc/messages.ts';
import type { NodeId, Transport } from '../rpc/transport.ts';
import { NodeCaller } from './node-caller.ts';
import type { NodeHealth } from './node-health.ts';
import type { ProtocolCounters } from './protocol-counters.ts';

const PROBE: NodeStatusRequest = { type: MessageType.nodeStatus };

/**
 * Asks suspect nodes for their status in the background, one question to each at a time, until they are quick again: often
 * at first, then less often as long as nothing comes back. What is not connected is not asked; its return is heard of.
 */
export class NodeProber {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #transport: Transport;
  readonly #caller: NodeCaller;
  readonly #health: NodeHealth;
  readonly #counters: ProtocolCounters;
  readonly #probing = new Set<NodeId>();

  constructor(clock: Clock, random: Random, transport: Transport, health: NodeHealth, counters: ProtocolCounters) {
    this.#clock = clock;
    this.#random = random;
    this.#transport = transport;
    this.#caller = new NodeCaller(clock, transport);
    this.#health = health;
    this.#counters = counters;
    health.onSuspect = (node) => {
      if (this.#probing.has(node)) return;
      this.#probing.add(node);
      this.#later(node, limits.probePauseMs);
    };
  }

  #later(node: NodeId, pauseMs: number): void {
    this.#clock.after(pauseMs * (0.5 + this.#random.unit()), () => this.#probe(node, pauseMs));
  }

  #probe(node: NodeId, pauseMs: number): void {
    if (!this.#health.isSuspect(node)) {
      this.#probing.delete(node);
      return;
    }
    const longer = Math.min(2 * pauseMs, limits.probePauseMaxMs);
    if (!this.#transport.isUp(node)) {
      this.#later(node, longer);
      return;
    }
    const startedMs = this.#clock.monotonicMs();
    this.#counters.add('node-probed');
    this.#caller.call(node, PROBE, limits.probeTimeoutMs, (response) => {
      const isAnswered = response.type === MessageType.status;
      this.#health.probed(node, isAnswered ? this.#clock.monotonicMs() - startedMs : null);
      this.#later(node, this.#health.quickProbes(node) > 0 ? limits.probePauseMs : longer);
    });
  }
}
