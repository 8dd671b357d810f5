import { connect } from '../src/juno-ext/client/src/client.ts';
import type { ClientOptions, JunoClient } from '../src/juno-ext/client/src/types.ts';
import { type FaultKind, type FaultPlan, FaultProxy } from './fault-proxy.ts';

export interface FleetOptions {
  /** Of the cluster's proxies. */
  readonly ports: readonly number[];
  /** What goes wrong with a connection. */
  readonly plan: () => FaultPlan | null;
  /** What the proxy at `port` answered. */
  readonly onReply?: (port: number, chunk: Buffer) => void;
  readonly options: Omit<ClientOptions, 'addresses'>;
}

/** Clients, and a fault proxy of each before each proxy of the cluster. */
export class ClientFleet {
  readonly clients: readonly JunoClient[];
  readonly #doors: readonly FaultProxy[];

  private constructor(clients: readonly JunoClient[], doors: readonly FaultProxy[]) {
    this.clients = clients;
    this.#doors = doors;
  }

  /**
   * Every second client has the addresses the other way round. Having addresses of its own, each client has its own
   * favourite proxy for a key, so that both proxies work on all keys at once.
   */
  static async start(count: number, { ports, plan, onReply, options }: FleetOptions): Promise<ClientFleet> {
    const clients: JunoClient[] = [];
    const doors: FaultProxy[] = [];
    for (let i = 0; i < count; i++) {
      const own = await Promise.all(
        ports.map((upstreamPort) =>
          FaultProxy.start({ upstreamPort, plan, onReply: (chunk) => onReply?.(upstreamPort, chunk) }),
        ),
      );
      doors.push(...own);
      const addresses = own.map(({ port }) => ({ host: '127.0.0.1', port }));
      clients.push(connect({ ...options, addresses: i % 2 === 0 ? addresses : addresses.reverse() }));
    }
    return new ClientFleet(clients, doors);
  }

  calm(): void {
    for (const door of this.#doors) door.calm();
  }

  /** How often each fault has happened. */
  get struck(): ReadonlyMap<FaultKind, number> {
    const sums = new Map<FaultKind, number>();
    for (const door of this.#doors) {
      for (const [kind, count] of door.struck) sums.set(kind, (sums.get(kind) ?? 0) + count);
    }
    return sums;
  }

  async stop(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
    await Promise.all(this.#doors.map((door) => door.stop()));
  }
}
