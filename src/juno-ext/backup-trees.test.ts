import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { LocalCluster } from '../proxy/testing/local-cluster.ts';
import type { Step } from '../quorum/operation.ts';
import { stringFromBytes } from '../record/paged-string.ts';
import { NO_REQUESTS } from '../record/request-history.ts';
import { EMPTY_TREE } from '../record/tree.ts';
import { encodeElement } from '../record/tree-node.ts';
import { type CollectionType, Encoding, type PagedCollection, ValueType } from '../record/value.ts';
import { ErrorReply, type Reply } from '../resp/reply.ts';
import type { BackedUpRecord } from './backup-record.ts';
import { checkStep, RestoreStep } from './backup-steps.ts';
import { placeOfPiece, RestoreTreesStep } from './backup-trees.ts';

const KEY = Buffer.from('k');
const PER_PIECE = 100;

interface Piece {
  readonly offset: number;
  readonly length: number;
  readonly bytes: Buffer;
}

/** Elements of one tree; every 50th value has pages of its own. */
function elements(count: number, hasKeys: boolean): Buffer[] {
  return Array.from({ length: count }, (_, i) => {
    const key = Buffer.from(hasKeys ? String(i).padStart(6, '0') : '');
    return encodeElement(key, Buffer.alloc(i % 50 === 0 ? limits.treeBigValueBytes + i : i % 60, i), false);
  });
}

function piecesOf(trees: readonly (readonly Buffer[])[]): Piece[] {
  const pieces: Piece[] = [];
  let before = 0;
  for (const tree of trees) {
    for (let from = 0; from < tree.length; from += PER_PIECE) {
      const some = tree.slice(from, from + PER_PIECE);
      pieces.push({ offset: before + from, length: some.length, bytes: Buffer.concat(some) });
    }
    before += tree.length;
  }
  return pieces;
}

class Kit {
  readonly clock = new ManualClock();
  readonly cluster = new LocalCluster(this.clock);
  readonly pieces: readonly Piece[];
  readonly outline: PagedCollection;
  readonly record: BackedUpRecord;

  constructor(type: CollectionType, trees: readonly (readonly Buffer[])[]) {
    this.pieces = piecesOf(trees);
    this.outline = {
      type,
      paged: true,
      encoding: Encoding.skiplist,
      length: 99_999,
      trees: trees.map(({ length }) => ({ ...EMPTY_TREE, count: length })),
    };
    const lastModifiedMs = this.clock.wallMs() - 10_000;
    const past = { recordVersion: 7, creationTimeMs: lastModifiedMs - 5, lastModifiedMs, requests: NO_REQUESTS };
    this.record = { content: { key: KEY, ...past, value: this.outline }, expiresAtMs: 0, sizeBytes: 99_999 };
  }

  run(step: Step<Reply>): Reply {
    let reply: Reply = 'unanswered';
    const done: Parameters<LocalCluster['submit']>[0]['done'] = (outcome) => {
      reply = outcome.ok ? outcome.reply : outcome.failure.detail;
    };
    this.cluster.submit({ namespace: 0, key: KEY, step, done });
    return reply;
  }

  put({ offset, length, bytes }: Piece, overOlder = false): Reply {
    return this.run(new RestoreTreesStep(this.record, this.outline, offset, bytes, length, overOlder));
  }

  check(record = this.record): Set<Reply> {
    return new Set(
      this.pieces.map(({ offset, length, bytes }) =>
        this.run(checkStep(record, offset, length, createHash('sha256').update(bytes).digest())),
      ),
    );
  }

  /** What a client finds. */
  seen(): Reply {
    return this.run({
      access: 'read',
      needs: 'meta',
      run: (found) => ({ reply: found === null ? null : found.sizeBytes, change: null }),
    });
  }

  set(text: string): void {
    this.run({
      access: 'write',
      needs: 'meta',
      run: (_found, { pages }) => ({
        reply: 'set',
        change: { kind: 'put', value: stringFromBytes(Buffer.from(text), pages), expiresAtMs: 0 },
      }),
    });
  }
}

const shapes: readonly [string, CollectionType, readonly (readonly Buffer[])[]][] = [
  ['one tree of keys', ValueType.hash, [elements(1_234, true)]],
  ['one tree of positions', ValueType.list, [elements(1_234, false)]],
  ['two trees', ValueType.zset, [elements(350, true), elements(350, true)]],
];

describe.each(shapes)('restoring a collection in %s', (_name, type, trees) => {
  it('shows it when the last piece has come, and not before', () => {
    const kit = new Kit(type, trees);
    for (const piece of kit.pieces) {
      expect(kit.seen()).toBeNull();
      expect(kit.put(piece)).toBe('written');
    }
    expect(kit.seen()).toBe(99_999);
    expect(kit.check()).toEqual(new Set(['same']));
    const { recordVersion, creationTimeMs, lastModifiedMs } = kit.record.content;
    expect(kit.cluster.record(0, KEY)).toMatchObject({ recordVersion, creationTimeMs, lastModifiedMs });
    expect(new Set(kit.pieces.map((piece) => kit.put(piece)))).toEqual(new Set(['same']));
  });

  it('can repeat each piece, and begin again', () => {
    const kit = new Kit(type, trees);
    for (const [i, piece] of kit.pieces.entries()) {
      kit.put(piece);
      for (const earlier of kit.pieces.slice(0, i)) {
        expect(kit.put(earlier)).toBe(i === kit.pieces.length - 1 ? 'same' : 'written');
      }
    }
    expect(kit.check()).toEqual(new Set(['same']));
  });

  it('stops where a client writes meanwhile, and where pieces are missing', () => {
    const kit = new Kit(type, trees);
    const [first, second, third] = kit.pieces;
    if (first === undefined || second === undefined || third === undefined) throw new Error('there are three');
    expect(kit.put(second, true)).toBe('kept');
    kit.put(first);
    expect(kit.put(third)).toBe('kept');
    kit.set('client');
    expect(kit.put(second, true)).toBe('kept');
    expect(kit.seen()).toBe(6);
  });
});

describe('restoring a collection', () => {
  it('goes on with pieces of another length', () => {
    const tree = elements(300, true);
    const kit = new Kit(ValueType.set, [tree]);
    const part = (offset: number, end: number): Piece => ({
      offset,
      length: end - offset,
      bytes: Buffer.concat(tree.slice(offset, end)),
    });
    for (const piece of [part(0, 130), part(0, 100), part(100, 200), part(200, 300)]) {
      expect(kit.put(piece)).toBe('written');
    }
    expect(kit.check()).toEqual(new Set(['same']));
  });

  it('does not end with fewer elements than the record tells of', () => {
    const [one = Buffer.alloc(0)] = elements(1, true);
    const kit = new Kit(ValueType.set, [[one, one]]);
    expect(kit.put({ offset: 0, length: 2, bytes: Buffer.concat([one, one]) })).toBeInstanceOf(ErrorReply);
    expect(kit.seen()).toBeNull();
  });

  it('of one piece of bytes is one write', () => {
    const kit = new Kit(ValueType.hash, []);
    const bytes = Buffer.from('packed');
    const value = { type: ValueType.hash, paged: false, bytes: null } as const;
    const record = { ...kit.record, content: { ...kit.record.content, value }, sizeBytes: bytes.length };
    expect(kit.run(new RestoreStep(record, 0, bytes, false))).toBe('written');
    const sha256 = createHash('sha256').update(bytes).digest();
    expect(kit.run(checkStep(record, 0, bytes.length, sha256))).toBe('same');
    expect(kit.run(checkStep(record, 0, bytes.length - 1, sha256))).toBe('value');
    expect(kit.cluster.record(0, KEY)?.value).toMatchObject({ type: ValueType.hash, bytes });
  });

  it('is compared with what kind of value it is, too', () => {
    const [shape] = shapes;
    if (shape === undefined) throw new Error('there is one');
    const kit = new Kit(shape[1], shape[2]);
    for (const piece of kit.pieces) kit.put(piece);
    const other = (value: PagedCollection): Set<Reply> =>
      kit.check({ ...kit.record, content: { ...kit.record.content, value } });
    expect(other({ ...kit.outline, type: ValueType.set })).toEqual(new Set(['type']));
    expect(other({ ...kit.outline, encoding: Encoding.quicklist })).toEqual(new Set(['encoding']));
    expect(other({ ...kit.outline, trees: [] })).toEqual(new Set(['size']));
  });
});

describe('the place of a piece', () => {
  const { outline } = new Kit(ValueType.zset, [elements(3, true), elements(2, true)]);

  it('is in one tree', () => {
    expect(placeOfPiece(outline, 0, 3)).toEqual({ tree: 0, rank: 0 });
    expect(placeOfPiece(outline, 3, 2)).toEqual({ tree: 1, rank: 0 });
    expect(placeOfPiece(outline, 4, 1)).toEqual({ tree: 1, rank: 1 });
    expect(placeOfPiece(outline, 2, 2)).toBeNull();
    expect(placeOfPiece(outline, 4, 2)).toBeNull();
    expect(placeOfPiece(outline, 6, 1)).toBeNull();
  });
});
