import { describe, expect, it } from 'vitest';
import { silentLog } from '../base/log.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { createClusterMap } from '../cluster/cluster-map.ts';
import type { StoreResult, SwapResult } from '../cluster/config-store.ts';
import type { ClusterMap } from '../cluster/map.ts';
import { MemoryConfigStore } from '../cluster/memory-config-store.ts';
import { flushNamespaces } from './flush.ts';
import { MapHolder } from './map-holder.ts';
import { NodeCaller } from './node-caller.ts';
import { ScriptedTransport } from './testing/scripted-transport.ts';

const MAP = createClusterMap({
  clusterId: 'c',
  shards: 1,
  zones: [{ name: 'z', nodes: [{ id: 1, host: 'h', port: 1 }] }],
});

/** A store that breaks down at one of its two questions. */
class BrokenStore extends MemoryConfigStore {
  readonly #breaksAt: 'read' | 'swap';

  constructor(breaksAt: 'read' | 'swap') {
    super(MAP);
    this.#breaksAt = breaksAt;
  }

  override read(): Promise<StoreResult<ClusterMap | null>> {
    return this.#breaksAt === 'read' ? Promise.resolve({ ok: false, problem: 'gone' }) : super.read();
  }

  override compareAndSet(expectedEpoch: number, map: ClusterMap): Promise<StoreResult<SwapResult>> {
    return this.#breaksAt === 'swap'
      ? Promise.resolve({ ok: false, problem: 'gone' })
      : super.compareAndSet(expectedEpoch, map);
  }
}

describe('a flush whose config store breaks down', () => {
  it.each([
    ['read', 'unavailable'],
    ['swap', 'uncertain'],
  ] as const)('at its %s is %s: only an answer tells that nothing was changed', async (breaksAt, kind) => {
    const clock = new ManualClock();
    const holder = new MapHolder(new BrokenStore(breaksAt), MAP, clock, silentLog);
    const caller = new NodeCaller(clock, new ScriptedTransport());
    const failure = await flushNamespaces(
      holder,
      caller,
      [0],
      () => 1_000,
      async () => {},
    );
    expect(failure?.kind).toBe(kind);
    expect(failure?.detail).toContain('gone');
  });
});
