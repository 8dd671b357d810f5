import { beforeEach, describe, expect, it } from 'vitest';
import type { FileCallback } from '../base/files.ts';
import { limits } from '../base/limits.ts';
import { silentLog } from '../base/log.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { type SealedState, StateKind } from '../record/state.ts';
import { DiskSpace } from './disk-space.ts';
import { type EngineCallback, EngineError } from './engine.ts';
import { MemoryEngine } from './memory-engine.ts';
import { SpaceReclaimer } from './space-reclaimer.ts';

class ReclaimingEngine extends MemoryEngine {
  readonly running: EngineCallback<void>[] = [];

  reclaim(callback: EngineCallback<void>): void {
    this.running.push(callback);
  }
}

describe('reclaiming room', () => {
  let clock: ManualClock;
  let engine: ReclaimingEngine;
  let space: DiskSpace;
  let freeBytes: number;
  beforeEach(() => {
    clock = new ManualClock();
    engine = new ReclaimingEngine();
    freeBytes = 1_000;
    const free = {
      freeBytes: (callback: FileCallback<number>) => clock.endOfTurn(() => callback(null, freeBytes)),
    };
    space = new DiskSpace({ free, reserveBytes: 100, clock, log: silentLog });
    space.start(() => {});
    new SpaceReclaimer(engine, space, clock, silentLog).start();
    clock.flushTurn();
  });

  function pass(ms: number): void {
    for (let passedMs = 0; passedMs < ms; passedMs += 100) {
      clock.advance(100);
      clock.flushTurn();
    }
  }

  function shrink(): void {
    const dead = { header: { kind: StateKind.dead } } as SealedState;
    space.refuses(null, dead, { time: 1, proposer: 1 });
  }

  it('happens once when the disk becomes full', () => {
    pass(3 * limits.reclaimPauseMs);
    expect(engine.running).toHaveLength(0);
    freeBytes = 0;
    pass(2 * limits.reclaimPauseMs);
    expect(engine.running).toHaveLength(1);
    engine.running[0]?.(null, undefined);
    pass(3 * limits.reclaimPauseMs);
    expect(engine.running).toHaveLength(1);
  });

  it('happens again when something was deleted, one at a time, also after a failure', () => {
    freeBytes = 0;
    pass(2 * limits.reclaimPauseMs);
    shrink();
    pass(3 * limits.reclaimPauseMs);
    expect(engine.running).toHaveLength(1);
    engine.running[0]?.(new EngineError('full', 'no room'), undefined);
    pass(limits.reclaimPauseMs);
    expect(engine.running).toHaveLength(2);
  });

  it('happens now and then in any case, as long as the disk is full', () => {
    freeBytes = 0;
    pass(2 * limits.reclaimPauseMs);
    engine.running[0]?.(null, undefined);
    pass(limits.reclaimAnywayMs + limits.reclaimPauseMs);
    expect(engine.running).toHaveLength(2);
    engine.running[1]?.(null, undefined);
    freeBytes = 1_000;
    pass(limits.reclaimAnywayMs + limits.reclaimPauseMs);
    expect(engine.running).toHaveLength(2);
  });
});
