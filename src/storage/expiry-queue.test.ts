import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { deadFromAbsent } from '../quorum/lineage.ts';
import { type StateHeader, StateKind } from '../record/state.ts';
import { ExpiryQueue } from './expiry-queue.ts';

const NOW_MS = 1_700_000_000_000;
const SHARD = 0x1234;
const STEP_MS = limits.expiryBucketMs + limits.expiryGraceMs;

function idOf(number: number): string {
  return `${number}`.padStart(16, '\xff');
}

/** All shards are this node's. */
function openQueue(bytesMax?: number): ExpiryQueue {
  const queue = new ExpiryQueue(bytesMax);
  queue.poll(NOW_MS);
  queue.open(new Uint8Array(16_384).fill(1));
  return queue;
}

function takeAll(queue: ExpiryQueue, nowMs: number): string[] {
  const due = queue.poll(nowMs);
  const taken = queue.take(due + 1);
  expect(taken.length).toBe(due);
  return taken.map(({ id }) => id).sort();
}

function live(expiresAtMs: number, remembers = false): StateHeader {
  return { ...deadFromAbsent(0, 1), kind: StateKind.live, expiresAtMs, remembers };
}

describe('an expiry queue', () => {
  it('gives what is due a little after its time, with its shard, and nothing twice', () => {
    const queue = openQueue();
    queue.note(SHARD, idOf(1), NOW_MS + 5_000);
    queue.note(7, idOf(2), NOW_MS + 7_000);
    expect(queue.poll(NOW_MS + 5_000)).toBe(0);
    expect(queue.poll(NOW_MS + 5_000 + STEP_MS)).toBe(1);
    expect(queue.take(10)).toEqual([{ shard: SHARD, id: idOf(1) }]);
    expect(queue.take(10)).toEqual([]);
    expect(takeAll(queue, NOW_MS + 7_000 + STEP_MS)).toEqual([idOf(2)]);
    expect(takeAll(queue, NOW_MS + 100_000)).toEqual([]);
  });

  it('gives no more than was asked for, the oldest first', () => {
    const queue = openQueue();
    for (let i = 0; i < 1_000; i++) queue.note(SHARD, idOf(i), NOW_MS + i);
    expect(queue.poll(NOW_MS + 3_000)).toBe(1_000);
    const first = queue.take(300);
    const second = queue.take(300);
    expect(first.length).toBe(300);
    expect(new Set([...first, ...second].map(({ id }) => id)).size).toBe(600);
    expect(first.every(({ id }) => Number(id.replaceAll('\xff', '')) < 500)).toBe(true);
    expect(queue.poll(NOW_MS + 3_000)).toBe(400);
  });

  it('holds what it is told between its looks, and what is due already', () => {
    const queue = openQueue();
    queue.note(SHARD, idOf(1), NOW_MS - 60_000);
    expect(takeAll(queue, NOW_MS + limits.expiryBucketMs)).toEqual([idOf(1)]);
  });

  it('goes with a clock that jumps', () => {
    const queue = openQueue();
    queue.note(SHARD, idOf(1), NOW_MS + 10_000);
    expect(takeAll(queue, NOW_MS - 3_600_000)).toEqual([]);
    queue.note(SHARD, idOf(2), NOW_MS - 3_590_000);
    expect(takeAll(queue, NOW_MS + 3_600_000)).toEqual([idOf(1), idOf(2)]);
  });

  it('leaves what lies far ahead, other shards and everything before it is open to the sweep', () => {
    const closed = new ExpiryQueue();
    closed.noteWrite(SHARD, idOf(1), null, live(NOW_MS + 1_000));
    expect(takeAll(closed, NOW_MS + 5_000)).toEqual([]);
    const queue = openQueue();
    queue.open(Uint8Array.of(0, 1));
    queue.noteWrite(0, idOf(1), null, live(NOW_MS + 1_000));
    queue.noteWrite(1, idOf(2), null, live(NOW_MS + 1_000));
    queue.noteWrite(1, idOf(3), null, live(NOW_MS + limits.expiryHorizonMs * 2));
    queue.noteWrite(1, idOf(4), null, live(0));
    queue.noteWrite(1, idOf(5), null, { ...live(NOW_MS + 1_000), kind: StateKind.dead });
    expect(takeAll(queue, NOW_MS + limits.expiryHorizonMs * 3)).toEqual([idOf(2)]);
    expect(queue.dropped).toBe(0);
  });

  it('forgets everything when it is closed', () => {
    const queue = openQueue();
    queue.note(SHARD, idOf(1), NOW_MS + 1_000);
    queue.note(SHARD, idOf(2), NOW_MS + 9_000);
    queue.poll(NOW_MS + 1_000 + STEP_MS);
    queue.close();
    expect(takeAll(queue, NOW_MS + 60_000)).toEqual([]);
  });
});

describe('a record that is written again', () => {
  it('keeps its one note while its expiry moves on', () => {
    const queue = openQueue();
    let before = live(NOW_MS + 5_000);
    queue.noteWrite(SHARD, idOf(1), null, before);
    for (let i = 1; i <= 100; i++) {
      const after = live(NOW_MS + 5_000 + i * 1_000);
      queue.noteWrite(SHARD, idOf(1), before, after);
      before = after;
    }
    expect(takeAll(queue, NOW_MS + limits.expiryHorizonMs)).toEqual([idOf(1)]);
  });

  it('is noted anew when it expires sooner, or its note may have been taken', () => {
    const queue = openQueue();
    queue.noteWrite(SHARD, idOf(1), null, live(NOW_MS + 50_000));
    queue.noteWrite(SHARD, idOf(1), live(NOW_MS + 50_000), live(NOW_MS + 5_000));
    expect(takeAll(queue, NOW_MS + 6_000)).toEqual([idOf(1)]);
    queue.noteWrite(SHARD, idOf(1), live(NOW_MS + 5_000), live(NOW_MS + 9_000));
    expect(takeAll(queue, NOW_MS + 10_000)).toEqual([idOf(1)]);
    queue.noteWrite(SHARD, idOf(2), live(0), live(NOW_MS + 12_000));
    expect(takeAll(queue, NOW_MS + 13_000)).toEqual([idOf(2)]);
  });

  it('that remembers requests is due when these are of no use', () => {
    const queue = openQueue();
    const after = live(NOW_MS - limits.requestReachMs + 20_000, true);
    queue.noteWrite(SHARD, idOf(1), live(NOW_MS - limits.requestReachMs + 20_000), after);
    expect(takeAll(queue, NOW_MS + 19_000)).toEqual([]);
    expect(takeAll(queue, NOW_MS + 20_000 + STEP_MS)).toEqual([idOf(1)]);
  });
});

describe('the memory of an expiry queue', () => {
  it('goes to what expires first; what was left out is counted', () => {
    const perChunk = Math.floor(limits.noteChunkBytes / 18);
    const queue = openQueue(4 * limits.noteChunkBytes);
    for (let i = 0; i < 3 * perChunk; i++) queue.note(SHARD, idOf(i), NOW_MS + 60_000);
    for (let i = 0; i < 2 * perChunk; i++) queue.note(SHARD, idOf(10_000 + i), NOW_MS + 5_000);
    expect(queue.dropped).toBe(3 * perChunk);
    queue.note(SHARD, idOf(1), NOW_MS + 60_000);
    for (let i = 0; i < 3 * perChunk; i++) queue.note(SHARD, idOf(20_000 + i), NOW_MS + 120_000);
    expect(queue.dropped).toBe(5 * perChunk);
    expect(takeAll(queue, NOW_MS + 10_000).length).toBe(2 * perChunk);
    expect(takeAll(queue, NOW_MS + 200_000).length).toBe(1 + perChunk);
    // All of it can be used again.
    for (let i = 0; i < 4 * perChunk; i++) queue.note(SHARD, idOf(i), NOW_MS + 300_000);
    expect(queue.dropped).toBe(5 * perChunk);
    expect(takeAll(queue, NOW_MS + 400_000).length).toBe(4 * perChunk);
  });
});
