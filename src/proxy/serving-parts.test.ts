import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { formatAddress, isLoopback, plainHost } from './admission.ts';
import { ClientRegistry } from './client-registry.ts';
import { CommandTable } from './command-table.ts';
import { ProxyStats } from './proxy-stats.ts';
import { QueryBudget, type QueryHolder } from './query-budget.ts';
import { type ReplyPlace, ReplyQueue } from './reply-queue.ts';

describe('ReplyQueue', () => {
  it('keeps the order while it grows and wraps around', () => {
    const queue = new ReplyQueue();
    let next = 0;
    let expected = 0;
    for (let round = 1; round < 60; round++) {
      for (let i = 0; i < round; i++) {
        const place: ReplyPlace = { reply: next++, replyBytes: 0, protocol: 2, silent: false };
        queue.push(place);
      }
      for (let i = 0; i < round - 1; i++) {
        expect(queue.peek()?.reply).toBe(expected++);
        queue.shift();
      }
    }
    expect(queue.length).toBe(next - expected);
  });
});

describe('QueryBudget', () => {
  class Holder implements QueryHolder {
    bufferedBytes = 0;
    readonly #budget: QueryBudget;
    constructor(budget: QueryBudget) {
      this.#budget = budget;
      budget.add(this);
    }
    hold(bytes: number): void {
      this.#budget.buffered(bytes - this.bufferedBytes);
      this.bufferedBytes = bytes;
      this.#budget.enforce();
    }
    evict(): void {
      this.hold(0);
    }
  }

  it('closes those that hold the most, and no more than it must', () => {
    const budget = new QueryBudget(1_000_000);
    const holders = [100_000, 400_000, 300_000, 150_000].map((bytes) => {
      const holder = new Holder(budget);
      holder.hold(bytes);
      return holder;
    });
    expect(budget.usedBytes).toBe(950_000);
    holders[0]?.hold(200_000);
    expect(holders.map((holder) => holder.bufferedBytes)).toEqual([200_000, 0, 300_000, 150_000]);
    expect(budget.usedBytes).toBe(650_000);
  });

  it('waits for commands under way rather than to close their senders', () => {
    const budget = new QueryBudget(1_000_000);
    const holder = new Holder(budget);
    budget.inFlight(900_000);
    holder.hold(200_000);
    expect(holder.bufferedBytes).toBe(200_000);
    expect(budget.mustWait()).toBe(true);
    budget.inFlight(-900_000);
    expect(budget.mustWait()).toBe(false);
  });
});

describe('ProxyStats', () => {
  it('averages rates over the last samples', () => {
    const stats = new ProxyStats(new CommandTable([]));
    let nowMs = 1_000;
    for (let i = 0; i <= limits.rateSamples; i++) {
      stats.commandsProcessed += 50;
      stats.sample(nowMs);
      nowMs += 100;
    }
    expect(stats.opsPerSecond()).toBeCloseTo(500);
    for (let i = 0; i < limits.rateSamples / 2; i++) stats.sample(nowMs + 100 * i);
    expect(stats.opsPerSecond()).toBeCloseTo(250);
    stats.reset();
    expect(stats.opsPerSecond()).toBe(0);
  });

  it('counts errors by their first word, a bounded number of words', () => {
    const stats = new ProxyStats(new CommandTable([]));
    stats.countError('ERR a');
    stats.countError('ERR b');
    stats.countError('WRONGTYPE');
    expect([...stats.errors()]).toEqual([
      ['ERR', 2],
      ['WRONGTYPE', 1],
    ]);
    for (let i = 0; i < 1_000; i++) stats.countError(`E${i} x`);
    stats.countError('ERR c');
    expect(stats.errors().size).toBe(limits.errorPrefixes);
    expect(stats.errors().get('ERR')).toBe(3);
    expect(stats.errorReplies).toBe(1_004);
  });
});

describe('ClientRegistry', () => {
  it('a second pause makes a pause longer and wider only', () => {
    const clients = new ClientRegistry();
    clients.pause('all', 1_000);
    clients.pause('write', 500);
    expect(clients.holdsBack(false)).toBe(true);
    clients.endPauseIfDue(999);
    expect(clients.holdsBack(false)).toBe(true);
    let woken = 0;
    clients.onUnpause(() => {
      woken += 1;
    });
    clients.endPauseIfDue(1_000);
    clients.unpause();
    expect(woken).toBe(1);
    expect(clients.holdsBack(true)).toBe(false);
    clients.pause('write', 2_000);
    expect([clients.holdsBack(false), clients.holdsBack(true)]).toEqual([false, true]);
  });
});

describe('addresses', () => {
  it('are printed as Redis does', () => {
    expect(formatAddress('127.0.0.1', 80)).toBe('127.0.0.1:80');
    expect(formatAddress('::1', 80)).toBe('[::1]:80');
    expect(plainHost('::ffff:10.0.0.1')).toBe('10.0.0.1');
    expect(plainHost('::ffff:a:1')).toBe('::ffff:a:1');
    expect([isLoopback('127.9.9.9'), isLoopback('::1'), isLoopback('10.0.0.1'), isLoopback('')]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});
