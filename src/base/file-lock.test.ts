import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileLock, tryLockFile } from './file-lock.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'junokv-lock-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function take(path: string): FileLock {
  const result = tryLockFile(path);
  if (result.kind !== 'held') throw new Error(`expected the lock, got ${result.kind}`);
  return result.lock;
}

describe('tryLockFile', () => {
  it('is held by one at a time', () => {
    const path = join(directory, 'lock');
    const first = take(path);
    expect(tryLockFile(path).kind).toBe('taken');
    first.release();
    first.release();
    const second = take(path);
    expect(tryLockFile(path).kind).toBe('taken');
    second.release();
    expect(statSync(path).size).toBe(0);
  });

  it('says why when there can be no lock file', () => {
    const result = tryLockFile(join(directory, 'missing', 'lock'));
    expect(result.kind === 'failed' && result.problem).toContain('cannot open the lock file');
  });

  it('is kept although nobody refers to it any more', async () => {
    const module = new URL('./file-lock.ts', import.meta.url).href;
    const script = `const { tryLockFile } = await import(${JSON.stringify(module)});
      const take = async () => tryLockFile(${JSON.stringify(join(directory, 'lock'))}).kind;
      const first = await take();
      for (let i = 0; i < 5; i++) { await new Promise((resolve) => setTimeout(resolve, 5)); gc(); }
      console.log(first, await take());`;
    const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [said] = await once(child.stdout, 'data');
    expect(String(said).trim()).toBe('held taken');
  });

  it('is free again as soon as its holder was killed', async () => {
    const path = join(directory, 'lock');
    const module = new URL('./file-lock.ts', import.meta.url).href;
    const script = `const m = await import(${JSON.stringify(module)});
      console.log(m.tryLockFile(${JSON.stringify(path)}).kind); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [said] = await once(child.stdout, 'data');
    expect(String(said).trim()).toBe('held');
    expect(tryLockFile(path).kind).toBe('taken');
    child.kill('SIGKILL');
    await once(child, 'exit');
    take(path).release();
  });
});
