import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../base/limits.ts';
import { appendPiece } from '../../record/element-pieces.ts';
import { packItems } from '../../record/packed-items.ts';
import { EMPTY_TREE } from '../../record/tree.ts';
import { encodeElement } from '../../record/tree-node.ts';
import { Encoding, ValueType } from '../../record/value.ts';
import { FakeSystem } from '../testing/fake-system.ts';
import { type ChainItem, chainProblems, openChain, readChain } from './backup-chain.ts';
import { comparePositions } from './backup-format.ts';
import { MANIFEST_FILE, readUnfinished, UNFINISHED_FILE } from './backup-manifest.ts';
import { BackupWriter, prepareDirectory } from './backup-writer.ts';
import { verifyChain } from './check-run.ts';
import { BackupKit, type MadeRecord } from './testing/backup-kit.ts';

let kit: BackupKit;
beforeEach(() => {
  kit = new BackupKit();
});
afterEach(() => kit.remove());

const NOBODY = (): void => {};
const LARGE = Buffer.alloc(limits.pageBytes * 3 + 17, 7);

function bytewise(path: string, change: (bytes: Buffer) => void): void {
  const bytes = readFileSync(path);
  change(bytes);
  writeFileSync(path, bytes);
}

/** Names of live and dead records, with the values of the live ones. */
async function contentsOf(name: string): Promise<{ live: Record<string, string>; dead: string[]; missing: number }> {
  const live: Record<string, string> = {};
  const dead: string[] = [];
  let missing = 0;
  for await (const item of readChain(openChain(kit.path(name)))) {
    if (item.kind === 'missing') missing++;
    else if (item.kind === 'dead') dead.push(keyOf(item));
    else live[keyOf(item)] = (await valueBytes(item)).toString();
  }
  return { live, dead: dead.sort(), missing };
}

function keyOf(item: ChainItem & { kind: 'live' | 'dead' }): string {
  const record = kit.opener.record(item.record);
  if (typeof record === 'string') throw new Error(record);
  return record.content.key.toString();
}

async function valueBytes(item: ChainItem & { kind: 'live' }): Promise<Buffer> {
  const record = kit.opener.record(item.record);
  if (typeof record === 'string') throw new Error(record);
  const parts: Buffer[] = [];
  for await (const { bytes } of kit.opener.pieces(record, item.nextPage)) parts.push(bytes);
  return Buffer.concat(parts);
}

function named(records: readonly MadeRecord[], index: number): MadeRecord {
  const record = records[index];
  if (record === undefined) throw new Error('no such record');
  return record;
}

async function verify(name: string): Promise<{ problems: readonly string[]; records: number }> {
  return verifyChain(openChain(kit.path(name)), kit.opener, new FakeSystem());
}

describe('a full backup', () => {
  it('gives back every record, inline, empty, or in pages', async () => {
    const values: Record<string, string> = { a: '1', empty: '', long: 'x'.repeat(3_000), large: LARGE.toString() };
    await kit.write(
      'full',
      Object.entries(values).map(([name, value]) => kit.make(name, value)),
    );
    expect(await contentsOf('full')).toEqual({ live: values, dead: [], missing: 0 });
    expect(await verify('full')).toMatchObject({ problems: [], records: 4 });
  });

  it('gives back collections: in one piece of bytes, and in trees', async () => {
    const packed = packItems(Encoding.listpack, 1, [Buffer.from('field'), Buffer.from('value')]);
    const elements = Array.from({ length: 4_000 }, (_, i) =>
      encodeElement(Buffer.from(String(i).padStart(5, '0')), Buffer.alloc(i % 999 === 0 ? 70_000 : 20, i), false),
    );
    const small = kit.makeOf('small', () => ({ type: ValueType.hash, paged: false, bytes: packed }));
    const large = kit.makeOf('large', (pages) => {
      const trees = [elements, elements.slice(0, 2_500)].map((some) =>
        appendPiece(EMPTY_TREE, Buffer.concat(some), 0, pages),
      );
      return { type: ValueType.zset, paged: true, encoding: Encoding.skiplist, length: 5, trees };
    });
    await kit.write('full', [small, large]);
    expect(await verify('full')).toMatchObject({ problems: [], records: 2 });
    for await (const item of readChain(openChain(kit.path('full')))) {
      if (item.kind !== 'live') throw new Error('both are live');
      const bytes = await valueBytes(item);
      const expected = keyOf(item) === 'small' ? packed : Buffer.concat([...elements, ...elements.slice(0, 2_500)]);
      expect(bytes.equals(expected)).toBe(true);
    }
    const torn = { ...large, record: { ...large.record, pageCount: large.pages.length - 1 } };
    await kit.write('torn', [{ ...torn, pages: large.pages.slice(0, -1) }]);
    expect((await verify('torn')).problems).toEqual([expect.stringContaining('lacks a page')]);
  });

  it('shows neither names nor values', async () => {
    await kit.write('full', [kit.make('recognisable-key', 'recognisable-value')]);
    for (const file of ['000001.records', '000001.index', MANIFEST_FILE]) {
      expect(readFileSync(join(kit.path('full'), file)).includes('recognisable')).toBe(false);
    }
  });

  it('of many files is read as one', async () => {
    const names = Array.from({ length: 50 }, (_, i) => `key ${i}`);
    const manifest = await kit.write(
      'full',
      names.map((name) => kit.make(name, name)),
      [],
      null,
      1_000,
    );
    expect(manifest.files.length).toBeGreaterThan(10);
    expect(Object.keys((await contentsOf('full')).live).sort()).toEqual(names.sort());
  });
});

describe('an incremental backup', () => {
  it('rests on the earlier ones: changed, unchanged, deleted and new records', async () => {
    const old = ['same', 'changed', 'deleted', 'deleted later'].map((name) => kit.make(name, 'old'));
    const full = await kit.write('full', old);
    const changed = kit.make('changed', 'new');
    const large = kit.make('large', LARGE);
    const base = { backupId: full.backupId, path: '../full' };
    const kept = [named(old, 0), named(old, 3)];
    const first = await kit.write('first', [changed, large], kept, base);
    await kit.write('second', [], [named(old, 0), changed, large], { backupId: first.backupId, path: '../first' });
    expect(await contentsOf('first')).toEqual({
      live: { same: 'old', changed: 'new', 'deleted later': 'old', large: LARGE.toString() },
      dead: ['deleted'],
      missing: 0,
    });
    expect(await contentsOf('second')).toEqual({
      live: { same: 'old', changed: 'new', large: LARGE.toString() },
      dead: ['deleted', 'deleted later'],
      missing: 0,
    });
    expect(await verify('second')).toMatchObject({ problems: [], records: 6 });
  });

  it('finds its base where both were moved, under another name, too; and says when it is gone', async () => {
    const record = kit.make('k', 'v');
    const full = await kit.write('full', [record]);
    await kit.write('more', [], [record], { backupId: full.backupId, path: '../full' });
    mkdirSync(kit.path('elsewhere'));
    renameSync(kit.path('full'), kit.path('elsewhere/monday'));
    renameSync(kit.path('more'), kit.path('elsewhere/tuesday'));
    expect((await contentsOf('elsewhere/tuesday')).live).toEqual({ k: 'v' });
    rmSync(kit.path('elsewhere/monday'), { recursive: true });
    expect(() => openChain(kit.path('elsewhere/tuesday'))).toThrow('adds to a backup that is neither');
  });

  it('notices a live record that no backup of the chain has', async () => {
    const kept = kit.make('k', 'v');
    const full = await kit.write('full', [kit.make('other', 'v')]);
    await kit.write('more', [], [kept], { backupId: full.backupId, path: '../full' });
    expect((await contentsOf('more')).missing).toBe(1);
    expect((await verify('more')).problems).toEqual([expect.stringContaining('the chain lacks record')]);
  });
});

describe('damage', () => {
  const records = '000001.records';
  const index = '000001.index';

  beforeEach(async () => {
    await kit.write(
      'full',
      ['a', 'b', 'c'].map((name) => kit.make(name, `value of ${name}`)),
    );
  });

  it.each([records, index])('of any byte of %s is found', async (file) => {
    const path = join(kit.path('full'), file);
    const { length } = readFileSync(path);
    for (let at = 0; at < length; at += 7) {
      bytewise(path, (bytes) => bytes.writeUInt8((bytes[at] ?? 0) ^ 1, at));
      expect(await chainProblems(openChain(kit.path('full')), NOBODY)).toEqual([expect.stringContaining(file)]);
      bytewise(path, (bytes) => bytes.writeUInt8((bytes[at] ?? 0) ^ 1, at));
    }
    expect(await chainProblems(openChain(kit.path('full')), NOBODY)).toEqual([]);
  });

  it('stops reading in its place', async () => {
    const path = join(kit.path('full'), records);
    bytewise(path, (bytes) => bytes.writeUInt8((bytes[60] ?? 0) ^ 1, 60));
    await expect(contentsOf('full')).rejects.toThrow(/000001\.records: is damaged at byte 24/);
  });

  it('of a length: a file that was cut, or is gone', async () => {
    truncateSync(join(kit.path('full'), records), 100);
    rmSync(join(kit.path('full'), index));
    await expect(verify('full')).rejects.toThrow(/000001\.records: has 100 bytes(.|\n)*000001\.index: cannot be read/);
  });

  it('of the manifest is found', () => {
    bytewise(join(kit.path('full'), MANIFEST_FILE), (bytes) =>
      bytes.write('3', bytes.indexOf('"startedAtMs": 1') + 15),
    );
    expect(() => openChain(kit.path('full'))).toThrow('manifest.json is damaged');
    rmSync(join(kit.path('full'), MANIFEST_FILE));
    expect(() => openChain(kit.path('full'))).toThrow('holds no finished backup');
  });

  it('that keeps all checksums is found by the seals', async () => {
    const swapped = [kit.make('a', 'v'), kit.make('b', 'v')];
    const stolen = { ...named(swapped, 0), record: { ...named(swapped, 0).record, id: named(swapped, 1).record.id } };
    await kit.write('swapped', [stolen]);
    expect((await verify('swapped')).problems).toEqual([expect.stringContaining('does not open')]);
  });

  it('of a page that is missing is found', async () => {
    const large = kit.make('large', LARGE);
    await kit.write('torn', [{ record: { ...large.record, pageCount: 2 }, pages: large.pages.slice(0, 2) }]);
    expect((await verify('torn')).problems).toEqual([expect.stringContaining('lacks a page')]);
  });

  it('by a file of another backup is found', async () => {
    await kit.write('other', [kit.make('z', 'v')]);
    copyFileSync(join(kit.path('other'), records), join(kit.path('full'), records));
    await expect(contentsOf('full')).rejects.toThrow('belongs to another backup');
  });
});

describe('an interrupted backup', () => {
  it('is no backup, and tells where to go on', async () => {
    const dir = kit.path('begun');
    expect(prepareDirectory(dir)).toBeNull();
    const writer = new BackupWriter(dir, kit.manifest(null), 1);
    const { record } = kit.make('k', 'v');
    await writer.record(record);
    await writer.index(record.shard, [{ ...record, accepted: record.stored.accepted, namespace: 0 }]);
    await writer.reached(record);
    await writer.record(kit.make('lost', 'v').record);
    await writer.abandon();
    expect(() => openChain(dir)).toThrow('holds no finished backup');
    const unfinished = prepareDirectory(dir);
    expect(unfinished).toMatchObject({
      shard: record.shard,
      afterId: Buffer.from(record.id, 'latin1').toString('hex'),
      files: [{ name: '000001.records' }, { name: '000001.index' }],
      liveRecords: { 0: 1 },
    });
    if (unfinished === null) throw new Error('it is there');
    await new BackupWriter(dir, unfinished).finish(2, unfinished.groups, []);
    expect((await contentsOf('begun')).live).toEqual({ k: 'v' });
    expect(readUnfinished(dir)).toBeNull();
  });

  it('is told from a finished one, and from what is no backup', async () => {
    await kit.write('full', [kit.make('k', 'v')]);
    expect(() => prepareDirectory(kit.path('full'))).toThrow('holds a finished backup');
    mkdirSync(kit.path('photos'));
    writeFileSync(join(kit.path('photos'), 'cat.jpg'), '');
    expect(() => prepareDirectory(kit.path('photos'))).toThrow('holds other things (cat.jpg)');
    mkdirSync(kit.path('odd'));
    writeFileSync(join(kit.path('odd'), UNFINISHED_FILE), '{}');
    expect(() => prepareDirectory(kit.path('odd'))).toThrow(UNFINISHED_FILE);
  });

  it('takes a record back whose pages are gone', async () => {
    const dir = kit.path('taken-back');
    prepareDirectory(dir);
    const manifest = kit.manifest(null);
    const writer = new BackupWriter(dir, manifest);
    const small = ['a', 'b'].map((name) => kit.make(name, 'v')).sort((a, b) => comparePositions(a.record, b.record));
    const large = { ...kit.make('large', LARGE).record, pageCount: 99 };
    async function* broken() {
      yield kit.make('x', LARGE).pages;
      yield null;
    }
    for (const { record } of small) {
      await writer.record(record);
      expect(await writer.pagedRecord(large, broken())).toBe(false);
      await writer.index(record.shard, [{ ...record, accepted: record.stored.accepted, namespace: 0 }]);
    }
    await writer.finish(2, manifest.groups, []);
    expect(await chainProblems(openChain(dir), NOBODY)).toEqual([]);
    let count = 0;
    for await (const _item of readChain(openChain(dir))) count++;
    expect(count).toBe(2);
  });
});
