import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Want } from '../rpc/messages.ts';
import { type CachedRecord, RecordCache } from './record-cache.ts';
import { addressOf, stateWith } from './testing/node-kit.ts';

function record(time: number, batch: number, text = 'x'): CachedRecord {
  const accepted = { time, proposer: 1 };
  return { accepted, state: stateWith(accepted, text), batch };
}

function put(cache: RecordCache, id: string, { accepted, state, batch }: CachedRecord): void {
  cache.set(id, accepted, state, batch);
}

function held(found: CachedRecord | undefined): CachedRecord | undefined {
  return found === undefined ? undefined : { accepted: found.accepted, state: found.state, batch: found.batch };
}

describe('record cache', () => {
  it('gives back the newest that was set', () => {
    const cache = new RecordCache(10_000, () => true);
    expect(cache.get('a')).toBeUndefined();
    put(cache, 'a', record(1, 0));
    put(cache, 'a', record(2, 0));
    expect(held(cache.get('a'))).toEqual(record(2, 0));
    cache.delete('a');
    expect(cache.get('a')).toBeUndefined();
  });

  it('is bounded, and keeps what is used', () => {
    const cache = new RecordCache(20_000, () => true);
    put(cache, 'used', record(1, 0));
    for (let i = 0; i < 1_000; i++) {
      put(cache, `r${i}`, record(1, 0));
      expect(cache.get('used')).toBeDefined();
    }
    let kept = 0;
    for (let i = 0; i < 1_000; i++) if (cache.get(`r${i}`) !== undefined) kept++;
    expect(kept).toBeLessThan(60);
  });

  it('keeps all of what fits, however often that is used', () => {
    const cache = new RecordCache(60_000, () => true);
    const addresses = Array.from({ length: 100 }, (_, i) => addressOf(`r${i}`));
    for (const { id } of addresses) put(cache, id, record(1, 0));
    expect(cache.sizeBytes).toBeGreaterThan(60_000 / 2);
    const slots = addresses.map((address) => cache.at(address));
    for (let round = 0; round < 5; round++) {
      for (const [i, address] of addresses.entries()) expect(cache.at(address)).toBe(slots[i]);
    }
  });

  it('lets what was found in this turn be looked at, also when it has been dropped', () => {
    const cache = new RecordCache(2_000, () => true);
    const address = addressOf('r');
    put(cache, address.id, record(1, 0));
    const found = cache.at(address);
    for (let i = 0; i < 100; i++) put(cache, `r${i}`, record(1, 0, 'x'.repeat(1_000)));
    expect(cache.get(address.id)).toBeUndefined();
    expect(cache.at(address)).toBeUndefined();
    expect(held(found)).toEqual(record(1, 0));
    cache.beginTurn();
    // Whoever keeps the address does not keep the value.
    expect(found?.state).toBeNull();
  });

  it('makes room for a large one at once', () => {
    const cache = new RecordCache(100_000, () => true);
    for (let i = 0; i < 200; i++) put(cache, `r${i}`, record(1, 0));
    put(cache, 'large', record(1, 0, 'x'.repeat(40_000)));
    expect(cache.sizeBytes).toBeLessThanOrEqual(100_000);
    expect(cache.get('large')).toBeDefined();
  });

  it('counts the bytes of values', () => {
    const cache = new RecordCache(100_000, () => true);
    for (let i = 0; i < 10; i++) put(cache, `r${i}`, record(1, 0, 'x'.repeat(30_000)));
    expect(cache.get('r0')).toBeUndefined();
    expect(cache.get('r9')).toBeDefined();
  });

  describe('under values that take its room', () => {
    const VALUE = Buffer.alloc(10_000, 'x');

    function large(time: number, batch: number, value = VALUE): CachedRecord {
      const small = record(time, batch);
      return { ...small, state: small.state === null ? null : { ...small.state, value } };
    }

    const ROOM_FOR = 10;

    function full(isDurable: (batch: number) => boolean = () => true) {
      const cache = new RecordCache(ROOM_FOR * 10_500, isDurable);
      const addresses = Array.from({ length: 80 }, (_, i) => addressOf(`r${i}`));
      for (const address of addresses) put(cache, address.id, large(1, 1));
      return { cache, addresses };
    }

    it('lets these go and keeps the records', () => {
      const { cache, addresses } = full();
      cache.beginTurn();
      const whole = addresses.filter((address) => cache.holding(address, Want.full) !== undefined);
      const known = addresses.filter((address) => cache.holding(address, Want.meta) !== undefined);
      expect(known.length).toBe(80);
      expect(whole.length).toBeGreaterThan(0);
      expect(whole.length).toBeLessThanOrEqual(ROOM_FOR);
      expect(cache.sizeBytes).toBeLessThanOrEqual(ROOM_FOR * 10_500);
      const [first = addressOf('?')] = addresses;
      expect(held(cache.at(first))).toEqual({
        ...large(1, 1),
        state: { ...large(1, 1).state, value: null },
      });
    });

    it('lets what was found in this turn be looked at whole', () => {
      const cache = new RecordCache(ROOM_FOR * 10_500, () => true);
      const address = addressOf('r');
      put(cache, address.id, large(1, 1));
      const found = cache.holding(address, Want.full);
      for (let i = 0; i < 60; i++) put(cache, `r${i}`, large(1, 1));
      expect(held(found)).toEqual(large(1, 1));
      cache.beginTurn();
      expect(found?.state?.value).toBeNull();
    });

    it('mostly keeps those that are asked for', () => {
      const { cache } = full();
      const address = addressOf('asked');
      let misses = 0;
      for (let i = 0; i < 500; i++) {
        cache.beginTurn();
        put(cache, `s${i % 60}`, large(1, 1));
        if (cache.holding(address, Want.full) !== undefined) continue;
        misses++;
        put(cache, address.id, large(1, 1));
      }
      // Nine others with their values would otherwise push it out every tenth time.
      expect(misses).toBeLessThan(15);
    });

    it('has a value again once it is put', () => {
      const { cache, addresses } = full();
      cache.beginTurn();
      const [first = addressOf('?')] = addresses;
      expect(cache.holding(first, Want.full)).toBeUndefined();
      put(cache, first.id, large(2, 2));
      cache.beginTurn();
      expect(held(cache.holding(first, Want.full))).toEqual(large(2, 2));
    });

    it('never lets one go that is not durable, nor what a transaction left', () => {
      let durable = 0;
      const { cache, addresses } = full((batch) => batch <= durable);
      cache.beginTurn();
      for (const address of addresses) expect(cache.holding(address, Want.full)).toBeDefined();
      durable = 1;
      const intended = large(2, 1);
      const intent = { transaction: 't'.repeat(16), shard: 0, ballot: intended.accepted, records: [], proposed: null };
      const state = intended.state === null ? null : { ...intended.state, intent: { ...intent, pages: null } };
      cache.set('intended', intended.accepted, state, 1);
      for (let i = 0; i < 30; i++) put(cache, `s${i}`, large(1, 1));
      cache.beginTurn();
      const found = cache.get('intended');
      expect(found === undefined || found.state?.value?.length === 10_000).toBe(true);
    });

    it('lets records go as well when they alone take half of it', () => {
      const cache = new RecordCache(20_000, () => true);
      for (let i = 0; i < 200; i++) put(cache, `r${i}`, large(1, 1, Buffer.alloc(600)));
      cache.beginTurn();
      let known = 0;
      for (let i = 0; i < 200; i++) if (cache.get(`r${i}`) !== undefined) known++;
      expect(known).toBeLessThan(45);
      expect(cache.sizeBytes).toBeLessThanOrEqual(20_000);
    });
  });

  it('drops what is leaving once it is durable, unless it was written again', () => {
    let durable = 0;
    const cache = new RecordCache(1_000_000, (batch) => batch <= durable);
    const addresses = Array.from({ length: 100 }, (_, i) => addressOf(`r${i}`));
    for (const [i, address] of addresses.entries()) {
      const { accepted, state } = record(1, 1);
      if (state !== null) cache.setLeavingAt(address, accepted, state, i < 50 ? 1 : 2);
    }
    put(cache, 'r7', record(3, 3));
    durable = 1;
    for (const address of addresses) expect(cache.at(address)).toBeDefined();
    const { accepted, state } = record(1, 1);
    if (state !== null) cache.setLeavingAt(addressOf('next'), accepted, state, 2);
    for (const [i, address] of addresses.entries()) {
      if (i < 50 && i !== 7) expect(cache.at(address), `${i}`).toBeUndefined();
      else expect(cache.at(address), `${i}`).toBeDefined();
    }
    expect(held(cache.get('r7'))).toEqual(record(3, 3));
  });

  it('does not go through all of it for each record while the disk is behind', () => {
    let isDurableCalls = 0;
    let durable = 0;
    const cache = new RecordCache(20_000, (batch) => {
      isDurableCalls++;
      return batch <= durable;
    });
    const records = 5_000;
    for (let i = 0; i < records; i++) put(cache, `r${i}`, record(1, 1));
    expect(isDurableCalls).toBeLessThan(4 * records);
    for (let i = 0; i < records; i++) expect(cache.get(`r${i}`)).toBeDefined();
    durable = 1;
    for (let i = 0; i < 4 * records; i++) put(cache, `s${i}`, record(1, 1));
    expect(cache.sizeBytes).toBeLessThanOrEqual(20_000);
  });

  it('never drops what is not durable, and never shows an older state, whatever its budget', () => {
    const step = fc.record({
      kind: fc.constantFrom('set' as const, 'leaving' as const, 'get' as const, 'durable' as const, 'delete' as const),
      id: fc.integer({ min: 0, max: 9 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.constantFrom(0, 1_000, 3_000, 1_000_000), (steps, budget) => {
        let durable = 0;
        let time = 0;
        const cache = new RecordCache(budget, (batch) => batch <= durable);
        const newest = new Map<number, CachedRecord>();
        const addresses = Array.from({ length: 10 }, (_, i) => addressOf(`r${i}`));
        for (const { kind, id } of steps) {
          if (kind === 'durable') durable = time;
          if (kind === 'set') {
            time++;
            newest.set(id, record(time, time));
            put(cache, `r${id}`, record(time, time));
          }
          if (kind === 'leaving') {
            time++;
            const last = record(time, time);
            newest.set(id, last);
            const address = addresses[id] ?? addressOf('?');
            if (last.state !== null) cache.setLeavingAt(address, last.accepted, last.state, last.batch);
          }
          if (kind === 'delete') {
            newest.delete(id);
            cache.delete(`r${id}`);
          }
          if (kind === 'get') check(id);
        }
        for (let id = 0; id <= 9; id++) check(id);

        function check(id: number): void {
          const expected = newest.get(id);
          const found = time % 2 === 0 ? cache.get(`r${id}`) : cache.at(addresses[id] ?? addressOf('?'));
          if (expected === undefined) expect(found).toBeUndefined();
          else if (found !== undefined || expected.batch > durable) expect(held(found)).toEqual(expected);
        }
      }),
    );
  });
});
