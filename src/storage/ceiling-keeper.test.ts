import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { silentLog } from '../base/log.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { MessageType } from '../rpc/messages.ts';
import type { Call } from '../rpc/transport.ts';
import { Acceptor } from './acceptor.ts';
import { CeilingKeeper } from './ceiling-keeper.ts';
import { TestCall, TestStore } from './testing/node-kit.ts';

const AHEAD_US = limits.ceilingAheadMs * 1000;

class CeilingKit {
  readonly clock = new ManualClock();
  readonly store: TestStore;
  readonly acceptor: Acceptor;
  readonly keeper: CeilingKeeper;
  readonly resumed: [readonly Call[], boolean][] = [];
  ready = false;

  constructor(store = new TestStore()) {
    this.store = store;
    this.acceptor = new Acceptor(store.ceilingUs);
    this.keeper = new CeilingKeeper(this.acceptor, store, this.clock, silentLog, (calls, raised) => {
      this.resumed.push([calls, raised]);
    });
  }

  start(): void {
    this.keeper.start(() => {
      this.ready = true;
    });
  }

  waitFor(timeUs: number): TestCall {
    const call = new TestCall({ type: MessageType.nodeStatus });
    this.keeper.waitFor({ time: timeUs, proposer: 1 }, call);
    return call;
  }
}

describe('ceiling keeper', () => {
  it('is ready once the first ceiling is durable, and not before', () => {
    const kit = new CeilingKit();
    kit.store.held = true;
    kit.start();
    expect([kit.ready, kit.acceptor.ceilingUs]).toEqual([false, 0]);
    kit.store.release();
    expect([kit.ready, kit.acceptor.ceilingUs]).toEqual([true, kit.clock.wallUs() + AHEAD_US]);
    expect(kit.store.ceilingUs).toBe(kit.acceptor.ceilingUs);
  });

  it('is raised at half the distance, traffic or not', () => {
    const kit = new CeilingKit();
    kit.start();
    const firstUs = kit.acceptor.ceilingUs;
    kit.clock.advance(limits.ceilingAheadMs / 2);
    expect(kit.acceptor.ceilingUs).toBe(firstUs);
    for (let i = 0; i < 100; i++) {
      kit.clock.advance(limits.ceilingAheadMs / 4);
      expect(kit.acceptor.ceilingUs - kit.clock.wallUs()).toBeGreaterThanOrEqual(AHEAD_US / 4);
    }
    // By a timer, not by every tick.
    expect(kit.store.saved.length).toBeLessThan(60);
  });

  it('is raised for a ballot above it, whose call waits until that is durable', () => {
    const kit = new CeilingKit();
    kit.start();
    kit.store.held = true;
    const wantedUs = kit.acceptor.ceilingUs + 3_000_000;
    const call = kit.waitFor(wantedUs);
    expect(kit.resumed).toEqual([]);
    kit.store.release();
    expect(kit.resumed).toEqual([[[call], true]]);
    expect(kit.acceptor.ceilingUs).toBe(wantedUs + limits.ceilingAboveBallotMs * 1000);
    expect(kit.acceptor.needsCeiling({ time: wantedUs, proposer: 1 })).toBe(false);
  });

  it('saves once for all that wait', () => {
    const kit = new CeilingKit();
    kit.start();
    kit.store.held = true;
    const first = kit.waitFor(kit.acceptor.ceilingUs + 1);
    const second = kit.waitFor(kit.acceptor.ceilingUs + 2);
    expect(kit.store.waiting).toBe(1);
    kit.store.release();
    expect(kit.resumed).toEqual([[[first, second], true]]);
  });

  it('says so when the ceiling could not be written, does not count on it, and tries again', () => {
    const kit = new CeilingKit();
    kit.start();
    const beforeUs = kit.acceptor.ceilingUs;
    kit.store.failing = true;
    const call = kit.waitFor(beforeUs + 1);
    expect(kit.resumed).toEqual([[[call], false]]);
    expect(kit.acceptor.ceilingUs).toBe(beforeUs);
    kit.clock.advance(limits.ceilingAheadMs);
    kit.store.failing = false;
    kit.clock.advance(limits.ceilingAheadMs);
    expect(kit.acceptor.ceilingUs).toBeGreaterThan(kit.clock.wallUs());
  });

  it('never lowers the ceiling of the disk, also with a clock that was set back', () => {
    const store = new TestStore();
    store.ceilingUs = new ManualClock().wallUs() + 3_600_000_000;
    const kit = new CeilingKit(store);
    kit.start();
    expect(kit.acceptor.ceilingUs).toBe(store.ceilingUs);
    kit.clock.advance(100_000);
    expect(kit.acceptor.ceilingUs).toBe(store.ceilingUs);
  });

  it('does nothing any more once stopped', () => {
    const kit = new CeilingKit();
    kit.start();
    const saved = kit.store.saved.length;
    kit.keeper.stop();
    kit.clock.advance(100_000);
    expect(kit.store.saved.length).toBe(saved);
  });
});
