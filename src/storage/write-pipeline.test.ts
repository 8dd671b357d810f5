import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { silentLog } from '../base/log.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import type { RecordId } from '../record/state.ts';
import { MessageType, type Response } from '../rpc/messages.ts';
import { HeldEngine } from './testing/held-engine.ts';
import { TestCall } from './testing/node-kit.ts';
import { type Fsync, WritePipeline } from './write-pipeline.ts';

const ACK: Response = { type: MessageType.ack, nextRecorded: false };
const FAULT = { type: MessageType.fault, fault: 'io' };
const FULL = { type: MessageType.fault, fault: 'full' };

class PipelineKit {
  readonly clock = new ManualClock();
  readonly engine: HeldEngine;
  readonly pipeline: WritePipeline;
  readonly failed: [RecordId[], number][] = [];

  constructor(fsync: Fsync = 'no', durable = true) {
    this.engine = new HeldEngine(durable);
    this.pipeline = new WritePipeline(this.engine, this.clock, silentLog, fsync, {
      onFailed: (records, batch) => void this.failed.push([[...records], batch]),
    });
    this.pipeline.start();
  }

  /** Adds a record's change and a response that rests on it. */
  write(name: string, value = Buffer.from(name)): TestCall {
    const batch = this.pipeline.formingNumber;
    this.pipeline.addRecord(name, { key: Buffer.from(name), value });
    return this.respond(batch);
  }

  respond(batch: number): TestCall {
    const call = new TestCall({ type: MessageType.nodeStatus });
    this.pipeline.respondWhenDurable(call, batch, ACK);
    return call;
  }

  drained(): { done: boolean } {
    const state = { done: false };
    this.pipeline.drain(() => {
      state.done = true;
    });
    return state;
  }
}

describe('write pipeline', () => {
  it('writes what came in one turn as one batch, at its end', () => {
    const kit = new PipelineKit();
    const calls = [kit.write('a'), kit.write('b'), kit.write('c')];
    expect(kit.engine.calls).toEqual([]);
    kit.clock.flushTurn();
    expect(kit.engine.calls).toEqual(['write 3']);
    expect(calls.map((call) => call.response)).toEqual([ACK, ACK, ACK]);
  });

  it('has one batch in flight; the next forms meanwhile and follows at once', () => {
    const kit = new PipelineKit();
    kit.engine.hold('write');
    const first = kit.write('a');
    kit.clock.flushTurn();
    const second = kit.write('b');
    kit.clock.flushTurn();
    const third = kit.write('c');
    kit.clock.flushTurn();
    expect(kit.engine.calls).toEqual(['write 1']);
    kit.engine.release('write');
    expect([first.response, second.response]).toEqual([ACK, null]);
    expect(kit.engine.calls).toEqual(['write 1', 'write 2']);
    kit.engine.release('write');
    expect([second.response, third.response]).toEqual([ACK, ACK]);
  });

  describe('while the disk is slow', () => {
    const LONG = Buffer.alloc(limits.writeBatchBytes, 1);

    it('closes what is long at the end of a turn, and writes it in order', () => {
      const kit = new PipelineKit();
      kit.engine.hold('write');
      const calls = [kit.write('a')];
      kit.clock.flushTurn();
      calls.push(kit.write('b', LONG), kit.write('c', LONG));
      kit.clock.flushTurn();
      calls.push(kit.write('d', LONG));
      kit.clock.flushTurn();
      calls.push(kit.write('e'), kit.respond(kit.pipeline.formingNumber - 1));
      expect(kit.engine.calls).toEqual(['write 1']);
      for (const answered of [1, 3, 4, 6]) {
        kit.engine.release('write');
        const isAnswered = calls.map((call) => call.response !== null);
        // The last one rests on d.
        expect(isAnswered.filter(Boolean).length).toBe(answered === 4 ? 5 : answered);
      }
      expect(kit.engine.calls).toEqual(['write 1', 'write 2', 'write 1', 'write 1']);
      expect(kit.engine.stored(Buffer.from('d'))?.equals(LONG)).toBe(true);
    });

    it('fails all that came after a batch that could not be written', () => {
      const kit = new PipelineKit();
      kit.engine.hold('write');
      const calls = [kit.write('a')];
      for (const name of ['b', 'c']) {
        kit.clock.flushTurn();
        calls.push(kit.write(name, LONG));
      }
      kit.clock.flushTurn();
      calls.push(kit.write('d'));
      kit.engine.release('write', 'io');
      expect(calls.map((call) => call.response)).toMatchObject([FAULT, FAULT, FAULT, FAULT]);
      expect(kit.failed.map(([records]) => records)).toEqual([['a'], ['b'], ['c'], ['d']]);
      const later = kit.write('later');
      kit.clock.flushTurn();
      kit.engine.release('write');
      expect(later.response).toEqual(ACK);
    });

    it('is overloaded while too much waits', () => {
      const kit = new PipelineKit();
      kit.engine.hold('write');
      kit.write('a');
      kit.clock.flushTurn();
      let written = 0;
      for (; !kit.pipeline.isOverloaded; written++) {
        kit.write(`w${written}`, LONG);
        kit.clock.flushTurn();
      }
      expect(written * LONG.length).toBeGreaterThanOrEqual(limits.writeBacklogBytes - LONG.length);
      const drained = kit.drained();
      for (let i = 0; i <= written; i++) kit.engine.release('write');
      expect(kit.pipeline.isOverloaded).toBe(false);
      kit.clock.advance(10);
      expect(drained.done).toBe(true);
    });
  });

  it('keeps back an answer that rests on a batch in flight or forming', () => {
    const kit = new PipelineKit();
    kit.engine.hold('write');
    const inFlight = kit.pipeline.formingNumber;
    kit.write('a');
    kit.clock.flushTurn();
    const forming = kit.pipeline.formingNumber;
    kit.write('b');
    const onFirst = kit.respond(inFlight);
    const onSecond = kit.respond(forming);
    expect(kit.respond(0).response).toEqual(ACK);
    kit.engine.release('write');
    expect([onFirst.response, onSecond.response]).toEqual([ACK, null]);
    expect(kit.respond(inFlight).response).toEqual(ACK);
    kit.engine.release('write');
    expect(onSecond.response).toEqual(ACK);
  });

  it('fails a batch that could not be written, and the one that may rest on it', () => {
    const kit = new PipelineKit();
    kit.engine.hold('write');
    const first = kit.pipeline.formingNumber;
    const calls = [kit.write('a')];
    kit.clock.flushTurn();
    const second = kit.pipeline.formingNumber;
    calls.push(kit.write('b'));
    kit.engine.release('write', 'full');
    expect(calls.map((call) => call.response)).toMatchObject([FULL, FULL]);
    expect(kit.failed).toEqual([
      [['a'], first],
      [['b'], second],
    ]);
    expect(kit.engine.stored(Buffer.from('b'))).toBeNull();
    // What was made from a failed batch and comes to be answered only now.
    expect(kit.respond(first).response).toMatchObject(FAULT);
    kit.engine.flow('write');
    const later = kit.write('c');
    kit.clock.flushTurn();
    expect(later.response).toEqual(ACK);
  });

  it('waits for the disk under fsync always, writing on meanwhile', () => {
    const kit = new PipelineKit('always');
    kit.engine.hold('sync');
    const first = kit.write('a');
    kit.clock.flushTurn();
    const second = kit.write('b');
    kit.clock.flushTurn();
    expect(kit.engine.calls).toEqual(['write 1', 'sync', 'write 1', 'sync']);
    expect([first.response, second.response]).toEqual([null, null]);
    expect(kit.pipeline.durableNumber).toBe(0);
    kit.engine.release('sync');
    expect([first.response, second.response]).toEqual([ACK, null]);
    kit.engine.release('sync');
    expect(second.response).toEqual(ACK);
  });

  it('answers nothing after a failed sync under fsync always, until one succeeds: it covers what came before', () => {
    const kit = new PipelineKit('always');
    const before = kit.write('a');
    kit.clock.flushTurn();
    expect(before.response).toEqual(ACK);
    kit.engine.hold('sync');
    const lost = kit.write('b');
    kit.clock.flushTurn();
    kit.engine.release('sync', 'io');
    expect(lost.response).toMatchObject(FAULT);
    expect(kit.failed).toHaveLength(1);
    kit.engine.flow('sync');
    expect(kit.respond(0).response).toMatchObject(FAULT);
    const next = kit.write('c');
    kit.clock.flushTurn();
    expect([next.response, kit.respond(0).response]).toEqual([ACK, ACK]);
  });

  it('answers at once under fsync everysec, and syncs each second that had a write', () => {
    const kit = new PipelineKit('everysec');
    const call = kit.write('a');
    kit.clock.flushTurn();
    expect(call.response).toEqual(ACK);
    kit.clock.advance(999);
    expect(kit.pipeline.unsyncedMs()).toBe(999);
    expect(kit.engine.calls).toEqual(['write 1']);
    kit.clock.advance(1);
    expect(kit.engine.calls).toEqual(['write 1', 'sync']);
    expect(kit.pipeline.unsyncedMs()).toBe(0);
    kit.clock.advance(5_000);
    expect(kit.engine.calls).toEqual(['write 1', 'sync']);
    kit.write('b');
    kit.clock.flushTurn();
    kit.clock.advance(1_000);
    expect(kit.engine.calls).toEqual(['write 1', 'sync', 'write 1', 'sync']);
  });

  it('tries a sync that failed again, and counts from the first write that it missed', () => {
    const kit = new PipelineKit('everysec');
    kit.engine.fail('sync', 'io');
    kit.write('a');
    kit.clock.flushTurn();
    kit.clock.advance(3_500);
    expect(kit.engine.calls).toEqual(['write 1', 'sync', 'sync', 'sync']);
    expect(kit.pipeline.unsyncedMs()).toBe(3_500);
    kit.engine.fail('sync', null);
    kit.clock.advance(1_000);
    expect(kit.pipeline.unsyncedMs()).toBe(0);
  });

  it('starts no second sync while one hangs', () => {
    const kit = new PipelineKit('everysec');
    kit.engine.hold('sync');
    for (let i = 0; i < 3; i++) {
      kit.write(`r${i}`);
      kit.clock.flushTurn();
      kit.clock.advance(1_000);
    }
    expect(kit.engine.waiting('sync')).toBe(1);
  });

  it('never syncs under fsync no, nor an engine that is not durable', () => {
    for (const kit of [new PipelineKit('no'), new PipelineKit('everysec', false), new PipelineKit('always', false)]) {
      const call = kit.write('a');
      kit.clock.flushTurn();
      kit.clock.advance(5_000);
      expect(call.response).toEqual(ACK);
      expect(kit.engine.calls).toEqual(['write 1']);
    }
    expect(new PipelineKit('always', false).pipeline.unsyncedMs()).toBe(0);
  });

  it('has nothing unsynced under fsync always once the disk has answered', () => {
    const kit = new PipelineKit('always');
    kit.write('a');
    kit.clock.flushTurn();
    kit.clock.advance(10_000);
    expect(kit.pipeline.unsyncedMs()).toBe(0);
  });

  it.each([
    ['always', true],
    ['everysec', true],
    ['no', false],
  ] as const)('drains: writes and waits, and syncs under %s', (fsync, syncs) => {
    const kit = new PipelineKit(fsync);
    kit.engine.hold('write');
    const call = kit.write('a');
    const drained = kit.drained();
    kit.clock.advance(100);
    expect([call.response, drained.done]).toEqual([null, false]);
    kit.engine.flow('write');
    kit.clock.advance(100);
    expect([call.response, drained.done]).toEqual([ACK, true]);
    expect(kit.engine.calls.at(-1)).toBe(syncs ? 'sync' : 'write 1');
  });
});
