import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileCallback, FileError, type OpenFile } from '../base/files.ts';
import { SystemFiles } from '../base/system-files.ts';
import { CeilingFile } from './ceiling-file.ts';

let path = '';
let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'junokv-ceiling-'));
  path = join(directory, 'ceiling');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const save = (file: CeilingFile, ceilingUs: number): Promise<FileError | null> =>
  new Promise((resolve) => file.save(ceilingUs, resolve));

async function read(): Promise<number> {
  const file = await CeilingFile.open(new SystemFiles(), path);
  await file.close();
  return file.ceilingUs;
}

const NOW_US = 1_790_000_000_000_123;

describe('CeilingFile', () => {
  it('starts at 0, keeps what was saved, and never grows', async () => {
    expect(await read()).toBe(0);
    const file = await CeilingFile.open(new SystemFiles(), path);
    for (let i = 1; i <= 5; i++) {
      expect(await save(file, NOW_US + i)).toBe(null);
      expect(file.ceilingUs).toBe(NOW_US + i);
      expect(await read()).toBe(NOW_US + i);
    }
    expect(await save(file, NOW_US)).toBe(null);
    expect(file.ceilingUs).toBe(NOW_US + 5);
    expect(statSync(path).size).toBe(1_024);
    await file.close();
    const again = await CeilingFile.open(new SystemFiles(), path);
    await save(again, NOW_US + 100);
    await again.close();
    expect(await read()).toBe(NOW_US + 100);
  });

  it('keeps the ceiling before when a write was cut short at any byte', async () => {
    const file = await CeilingFile.open(new SystemFiles(), path);
    await save(file, NOW_US);
    const before = readFileSync(path);
    await save(file, NOW_US + 1_000_000);
    await file.close();
    const after = readFileSync(path);
    const first = before.findIndex((byte, i) => byte !== after[i]);
    let torn = 0;
    for (let cut = first; !after.subarray(cut).equals(before.subarray(cut)); cut++) {
      writeFileSync(path, Buffer.concat([after.subarray(0, cut), before.subarray(cut)]));
      expect(await read()).toBe(NOW_US);
      torn++;
    }
    expect(torn).toBeGreaterThan(8);
  });

  it('is damaged when no slot is whole', async () => {
    await read();
    writeFileSync(path, Buffer.alloc(1_024));
    await expect(read()).rejects.toMatchObject({ code: 'EBADMSG' });
    writeFileSync(path, '');
    await expect(read()).rejects.toMatchObject({ code: 'EBADMSG' });
  });

  it('writes the same slot again after a failure, so that the other keeps what was promised', async () => {
    const files = new FailingFiles();
    const file = await CeilingFile.open(files, path);
    expect(await save(file, NOW_US)).toBe(null);
    files.failure = new FileError('EIO', 'the disk is broken');
    for (const more of [1, 2, 3]) {
      expect(await save(file, NOW_US + more)).toBe(files.failure);
      expect(file.ceilingUs).toBe(NOW_US);
    }
    files.failure = null;
    // What the failed writes left is not a whole slot: the one from before counts.
    expect(await read()).toBe(NOW_US);
    expect(await save(file, NOW_US + 4)).toBe(null);
    await file.close();
    expect(await read()).toBe(NOW_US + 4);
  });
});

/** Writes only half of the bytes while `failure` is set. */
class FailingFiles extends SystemFiles {
  failure: FileError | null = null;

  override open(target: string, create: boolean, callback: FileCallback<OpenFile>): void {
    super.open(target, create, (error, file) => {
      if (file === undefined) {
        callback(error, undefined);
        return;
      }
      callback(null, {
        sync: (done) => file.sync(done),
        sizeBytes: (done) => file.sizeBytes(done),
        close: (done) => file.close(done),
        writeNow: (position, bytes) => file.writeNow(position, bytes),
        writeAt: (position, bytes, done) => {
          const failure = this.failure;
          if (failure === null) file.writeAt(position, bytes, done);
          else file.writeAt(position, bytes.subarray(0, 18), () => done(failure, undefined));
        },
      });
    });
  }
}
