import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileCallback, filePromise, type OpenFile } from './files.ts';
import { SystemFiles } from './system-files.ts';
import { fallbackBootId, systemMachine } from './system-machine.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'junokv-files-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Notes the directories that were synced. */
class WatchedFiles extends SystemFiles {
  readonly synced: string[] = [];

  override syncDirectory(path: string, callback: FileCallback<void>): void {
    this.synced.push(path);
    super.syncDirectory(path, callback);
  }
}

describe('SystemFiles', () => {
  const files = new SystemFiles();
  const read = (path: string): Promise<Buffer> => filePromise((callback) => files.read(path, 100, callback));

  it('makes a directory with its parents, each of them synced', async () => {
    const watched = new WatchedFiles();
    const path = join(root, 'a', 'b');
    await filePromise<void>((callback) => watched.makeDirectory(path, callback));
    await filePromise<void>((callback) => watched.makeDirectory(path, callback));
    expect(existsSync(path)).toBe(true);
    expect(watched.synced).toEqual([path, join(root, 'a'), root]);
  });

  it('reads whole files up to a limit', async () => {
    writeFileSync(join(root, 'f'), 'x'.repeat(100));
    expect((await read(join(root, 'f'))).length).toBe(100);
    writeFileSync(join(root, 'f'), 'x'.repeat(101));
    await expect(read(join(root, 'f'))).rejects.toMatchObject({ name: 'FileError', code: 'EFBIG' });
    await expect(read(join(root, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('replaces a file, and keeps the old one when the new one cannot be written', async () => {
    const watched = new WatchedFiles();
    const path = join(root, 'f');
    const replace = (text: string) =>
      filePromise<void>((callback) => watched.replace(path, Buffer.from(text), callback));
    await replace('first');
    await replace('second');
    expect(readFileSync(path, 'utf8')).toBe('second');
    expect(watched.synced).toEqual([root, root]);
    expect(readdirSync(root)).toEqual(['f']);
    mkdirSync(`${path}.new`);
    await expect(replace('third')).rejects.toMatchObject({ code: 'EISDIR' });
    expect(readFileSync(path, 'utf8')).toBe('second');
  });

  it('writes in place, and opens what is missing only to create it', async () => {
    const path = join(root, 'f');
    const open = (create: boolean) => filePromise<OpenFile>((callback) => files.open(path, create, callback));
    await expect(open(false)).rejects.toMatchObject({ code: 'ENOENT' });
    const file = await open(true);
    await filePromise<void>((callback) => file.writeAt(3, Buffer.from('def'), callback));
    await filePromise<void>((callback) => file.writeAt(0, Buffer.from('abc'), callback));
    await filePromise<void>((callback) => file.sync(callback));
    expect(await filePromise<number>((callback) => file.sizeBytes(callback))).toBe(6);
    await filePromise<void>((callback) => file.close(callback));
    expect(readFileSync(path, 'utf8')).toBe('abcdef');
  });

  it('lists, counts and removes a tree', async () => {
    mkdirSync(join(root, 't', 'u'), { recursive: true });
    writeFileSync(join(root, 't', 'f'), Buffer.alloc(1_000));
    writeFileSync(join(root, 't', 'u', 'g'), Buffer.alloc(234));
    const tree = join(root, 't');
    expect([...(await filePromise<readonly string[]>((callback) => files.list(tree, callback)))].sort()).toEqual([
      'f',
      'u',
    ]);
    expect(await filePromise<number>((callback) => files.treeBytes(tree, callback))).toBe(1_234);
    await filePromise<void>((callback) => files.removeTree(tree, callback));
    await filePromise<void>((callback) => files.removeTree(tree, callback));
    expect(readdirSync(root)).toEqual([]);
    await expect(filePromise<number>((callback) => files.treeBytes(tree, callback))).rejects.toMatchObject({
      code: 'ENOENT',
    });
  });
});

describe('systemMachine', () => {
  it('gives the same boot id each time', () => {
    const first = systemMachine(Date.now());
    expect(first.pid).toBe(process.pid);
    expect(first.bootId).not.toBe('');
    expect(systemMachine(Date.now()).bootId).toBe(first.bootId);
  });

  it('falls back on the time of the boot', () => {
    const bootMs = 1_790_000_010_000;
    const id = fallbackBootId(bootMs + 50_000, 50);
    expect(fallbackBootId(bootMs + 9_000_400, 9_000)).toBe(id);
    expect(fallbackBootId(bootMs + 300_000, 100)).not.toBe(id);
  });
});
