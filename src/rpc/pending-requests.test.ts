import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { MessageType, type Response } from './messages.ts';
import { MAX_PENDING, PendingRequests } from './pending-requests.ts';

const STALE: Response = { type: MessageType.stale };

function recorder() {
  const tags: number[] = [];
  return { tags, onResponse: (tag: number) => tags.push(tag) };
}

describe('PendingRequests', () => {
  it('gives each response to its own receiver, once', () => {
    const pending = new PendingRequests();
    const [a, b] = [recorder(), recorder()];
    const first = pending.add(a, 10);
    const second = pending.add(b, 20);
    expect(pending.deliver(second, STALE)).toBe(true);
    expect(pending.deliver(first, STALE)).toBe(true);
    expect(pending.deliver(first, STALE)).toBe(false);
    expect([a.tags, b.tags, pending.size]).toEqual([[10], [20], 0]);
  });

  it('does not take a late response for the next request of its slot', () => {
    const pending = new PendingRequests();
    const receiver = recorder();
    const old = pending.add(receiver, 1);
    pending.remove(old);
    const fresh = pending.add(receiver, 2);
    expect(fresh).not.toBe(old);
    expect(pending.deliver(old, STALE)).toBe(false);
    expect(pending.deliver(fresh, STALE)).toBe(true);
    expect(receiver.tags).toEqual([2]);
  });

  it('gives u32 ids however often a slot is used, and reuses slots', () => {
    const pending = new PendingRequests();
    const receiver = recorder();
    for (let i = 0; i < 10_000; i++) {
      const id = pending.add(receiver, i);
      expect(id >= 0 && id <= 0xffffffff && id % MAX_PENDING === 0).toBe(true);
      pending.deliver(id, STALE);
    }
    expect(receiver.tags).toHaveLength(10_000);
  });

  it('knows nothing of ids that were never given', () => {
    const pending = new PendingRequests();
    for (const id of [0, 1, 0xffffffff]) expect(pending.deliver(id, STALE)).toBe(false);
  });

  it('drains all that is pending, and goes on', () => {
    const pending = new PendingRequests();
    const receiver = recorder();
    const ids = [1, 2, 3].map((tag) => pending.add(receiver, tag));
    pending.deliver(ids[1] ?? 0, STALE);
    const lost: number[] = [];
    pending.drain((_receiver, tag) => lost.push(tag));
    expect([lost, pending.size]).toEqual([[1, 3], 0]);
    expect(pending.deliver(pending.add(receiver, 4), STALE)).toBe(true);
    expect(receiver.tags).toEqual([2, 4]);
  });

  it('a receiver may send from inside the response', () => {
    const pending = new PendingRequests();
    const inner = recorder();
    let innerId = -1;
    const outer = {
      tag: -1,
      onResponse(tag: number) {
        this.tag = tag;
        innerId = pending.add(inner, 6);
      },
    };
    pending.deliver(pending.add(outer, 5), STALE);
    expect(outer.tag).toBe(5);
    expect(pending.deliver(innerId, STALE)).toBe(true);
    expect(inner.tags).toEqual([6]);
  });

  it('has room for as many as a node may be sent', () => {
    expect(limits.requestsPerNode).toBeLessThanOrEqual(MAX_PENDING);
  });
});
