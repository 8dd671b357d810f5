import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { PurgeQueue } from './purge-queue.ts';

const EPOCH = 3;
const LOSSES = 5;

function idOf(number: number): string {
  return `${number}`.padStart(16, '\xff');
}

function ballotOf(time: number) {
  return { time, proposer: 0xffff_fff0 };
}

function noteMany(queue: PurgeQueue, shard: number, count: number): void {
  for (let i = 0; i < count; i++) queue.note(shard, EPOCH, LOSSES, idOf(i), ballotOf(1_700_000_000_000_000 + i));
}

describe('a purge queue', () => {
  it('gives the oldest of a shard, each once, with ballots as they were', () => {
    const queue = new PurgeQueue();
    noteMany(queue, 1, 1_000);
    queue.note(2, EPOCH, LOSSES, idOf(5_000), ballotOf(7));
    expect(queue.size).toBe(1_001);
    const untilUs = 1_700_000_000_000_600;
    expect(queue.take(1, untilUs, 2)).toEqual([
      { id: idOf(0), accepted: ballotOf(1_700_000_000_000_000) },
      { id: idOf(1), accepted: ballotOf(1_700_000_000_000_001) },
    ]);
    expect(queue.take(1, untilUs, 1_000).length).toBe(599);
    expect(queue.take(1, untilUs, 1_000)).toEqual([]);
    expect(queue.take(3, untilUs, 1_000)).toEqual([]);
    expect([...queue.shardNumbers()]).toEqual([1, 2]);
    expect(queue.take(1, Number.MAX_SAFE_INTEGER, 1_000).length).toBe(399);
    expect(queue.take(2, Number.MAX_SAFE_INTEGER, 1_000)).toEqual([{ id: idOf(5_000), accepted: ballotOf(7) }]);
    expect([queue.size, queue.shards]).toEqual([0, 0]);
  });

  it('forgets what was noted before a node was lost or the shard moved', () => {
    const queue = new PurgeQueue();
    noteMany(queue, 1, 300);
    expect(queue.holdsFor(1, EPOCH, LOSSES)).toBe(true);
    expect(queue.holdsFor(1, EPOCH, LOSSES + 1)).toBe(false);
    expect(queue.holdsFor(1, EPOCH + 1, LOSSES)).toBe(false);
    expect(queue.holdsFor(2, EPOCH, LOSSES + 1)).toBe(true);
    queue.note(1, EPOCH, LOSSES + 1, idOf(7), ballotOf(9));
    expect(queue.size).toBe(1);
    expect(queue.take(1, Number.MAX_SAFE_INTEGER, 10)).toEqual([{ id: idOf(7), accepted: ballotOf(9) }]);
    noteMany(queue, 1, 3);
    queue.forget(1);
    expect([queue.size, queue.shards]).toEqual([0, 0]);
  });

  it('takes no more memory than it may, and counts what it had no room for', () => {
    const perChunk = Math.floor(limits.noteChunkBytes / 28);
    const queue = new PurgeQueue(2 * limits.noteChunkBytes);
    noteMany(queue, 1, 3 * perChunk);
    noteMany(queue, 2, 1);
    expect([queue.size, queue.dropped, queue.shards]).toEqual([2 * perChunk, perChunk + 1, 1]);
    expect(queue.take(1, Number.MAX_SAFE_INTEGER, 10_000).length).toBe(2 * perChunk);
    noteMany(queue, 3, 2 * perChunk);
    expect(queue.dropped).toBe(perChunk + 1);
  });
});
