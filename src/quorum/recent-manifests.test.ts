import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { type Ballot, NO_BALLOT } from '../record/ballot.ts';
import type { PageId, PageManifest } from '../record/state.ts';
import { type CommitRequest, MessageType } from '../rpc/messages.ts';
import { RecentManifests } from './recent-manifests.ts';
import { ADDRESS, stateOf } from './testing/round-kit.ts';

const at = (time: number): Ballot => (time === 0 ? NO_BALLOT : { time, proposer: 1 });

function commit(time: number, base: number, added: readonly PageId[], dropped: readonly PageId[] = []): CommitRequest {
  const pages: PageManifest = { complete: false, added, dropped };
  const state = stateOf(at(time));
  return {
    type: MessageType.commit,
    address: ADDRESS,
    ballot: at(time),
    baseOrigin: at(base),
    state,
    pages,
    next: null,
  };
}

/** The same as an intent: the value that holds is that of `base`. */
function intent(time: number, base: number, added: readonly PageId[], dropped: readonly PageId[]): CommitRequest {
  const plain = commit(time, base, added, dropped);
  const proposed = plain.state;
  const transaction = {
    transaction: 't'.repeat(16),
    shard: 0,
    ballot: at(time),
    records: [],
    proposed,
    pages: plain.pages,
  };
  return { ...plain, state: { ...stateOf(at(base)), intent: transaction } };
}

describe('what a node lacks that has missed some writes', () => {
  it('is what they added and did not drop again', () => {
    const manifests = new RecentManifests();
    manifests.note(commit(20, 10, ['b', 'c'], ['a']));
    manifests.note(commit(30, 20, ['d'], ['b', 'z']));
    const last = commit(40, 30, ['e'], ['c', 'y']);
    manifests.note(last);
    expect(manifests.since(last, at(30))).toMatchObject({ baseOrigin: at(30), pages: last.pages });
    const since = manifests.since(last, at(10));
    expect(since?.baseOrigin).toEqual(at(10));
    expect(since?.pages?.complete).toBe(false);
    expect([...(since?.pages?.added ?? [])].sort()).toEqual(['d', 'e']);
    expect([...(since?.pages?.dropped ?? [])].sort()).toEqual(['a', 'b', 'c', 'y', 'z']);
    expect(since?.ballot).toEqual(last.ballot);
  });

  it('is what makes of the pages of any earlier value those of the last one', () => {
    const writes = fc.array(fc.record({ adds: fc.nat(3), drops: fc.array(fc.nat(20), { maxLength: 4 }) }), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(writes, fc.nat(11), (made, from) => {
        const manifests = new RecentManifests();
        const values: Set<PageId>[] = [new Set(['p', 'q'])];
        let last = commit(1, 0, []);
        for (const [i, { adds, drops }] of made.entries()) {
          const now = [...(values[i] ?? [])];
          const dropped = [...new Set(drops.flatMap((n) => now[n] ?? []))];
          const added = Array.from({ length: adds }, (_, n) => `${i} ${n}`);
          last = commit(i + 2, i + 1, added, dropped);
          manifests.note(last);
          values.push(new Set([...now.filter((page) => !dropped.includes(page)), ...added]));
        }
        const held = new Set(values[from % made.length]);
        const pages = manifests.since(last, at((from % made.length) + 1))?.pages;
        for (const page of pages?.dropped ?? []) held.delete(page);
        for (const page of pages?.added ?? []) held.add(page);
        expect(held).toEqual(values.at(-1));
      }),
    );
  });

  it('is not known where a write in between is not, or the value comes from none of them', () => {
    const manifests = new RecentManifests();
    manifests.note(commit(20, 10, ['b']));
    const last = commit(40, 30, ['e']);
    manifests.note(last);
    expect(manifests.since(last, at(10))).toBeNull();
    manifests.note(commit(30, 20, ['d']));
    expect(manifests.since(last, at(10))?.pages?.added).toHaveLength(3);
    expect(manifests.since(last, at(25))).toBeNull();
    expect(manifests.since(last, NO_BALLOT)).toBeNull();
  });

  it('knows of intents by the value that they propose, and drops nothing for one that is open', () => {
    const manifests = new RecentManifests();
    manifests.note(commit(20, 10, ['b'], ['a']));
    const open = intent(30, 20, ['c'], ['b']);
    manifests.note(open);
    const since = manifests.since(open, at(10));
    expect(since?.pages).toEqual({ complete: false, added: ['b', 'c'], dropped: ['b'] });
    const next = commit(40, 30, ['d']);
    expect(manifests.since(next, at(20))?.pages).toMatchObject({ dropped: ['b'] });
  });

  it('is not changed by a repair, which writes a value again', () => {
    const manifests = new RecentManifests();
    manifests.note(commit(20, 10, ['b']));
    manifests.note(commit(20, 20, []));
    const last = commit(30, 20, ['c']);
    expect(manifests.since(last, at(10))?.pages?.added).toEqual(['b', 'c']);
    expect(manifests.since(last, at(5))).toBeNull();
  });

  it('is forgotten with time', () => {
    const manifests = new RecentManifests();
    for (let i = 1; i <= limits.manifestsPerRecord + 1; i++) manifests.note(commit(i + 1, i, [`${i}`]));
    const last = commit(limits.manifestsPerRecord + 3, limits.manifestsPerRecord + 2, []);
    expect(manifests.since(last, at(2))?.pages?.added).toHaveLength(limits.manifestsPerRecord);
    expect(manifests.since(last, at(1))).toBeNull();
  });
});

describe('a COMMIT for a node that has the pages of later values', () => {
  it('rests on the value that it holds, until it has taken one', () => {
    const manifests = new RecentManifests();
    manifests.note(commit(20, 10, ['b']));
    const next = commit(30, 20, ['c']);
    manifests.note(next);
    expect(manifests.requestFor(3, next)).toBe(next);
    manifests.noteBehind(3, ADDRESS.id, at(10));
    expect(manifests.requestFor(3, next)).toMatchObject({ baseOrigin: at(10), pages: { added: ['b', 'c'] } });
    expect(manifests.requestFor(2, next)).toBe(next);
    manifests.noteCaughtUp(3, ADDRESS.id);
    expect(manifests.requestFor(3, next)).toBe(next);
  });

  it('has all pages where the node was given those of a value, whatever it holds', () => {
    const manifests = new RecentManifests();
    const first = commit(20, 10, ['b']);
    const next = commit(30, 20, ['c'], ['a']);
    for (const one of [first, next]) manifests.note(one);
    manifests.noteWhole(3, ADDRESS.id, at(20), ['a', 'b']);
    // It is not based on what the node has got.
    expect(manifests.requestFor(3, first)).toBe(first);
    const request = manifests.requestFor(3, next);
    expect(request.pages).toEqual({ complete: true, added: ['a', 'b', 'c'], dropped: [] });
    expect(request.ballot).toEqual(next.ballot);
    manifests.noteCaughtUp(3, ADDRESS.id);
    expect(manifests.requestFor(3, next)).toBe(next);
  });

  it('is as any other where too many nodes were given theirs', () => {
    const manifests = new RecentManifests();
    const next = commit(30, 20, ['c']);
    manifests.note(next);
    for (let node = 0; node <= limits.wholesBehind; node++) manifests.noteWhole(node, ADDRESS.id, at(20), ['a']);
    expect(manifests.requestFor(0, next)).toBe(next);
    expect(manifests.requestFor(1, next)).not.toBe(next);
  });
});
