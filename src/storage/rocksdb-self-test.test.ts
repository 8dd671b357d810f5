import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeLoadFailure } from './rocksdb-load-failure.ts';
import { rocksdbSelfTest } from './rocksdb-self-test.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'junokv-self-test-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function moduleThat(body: string): string {
  const path = join(directory, 'module.cjs');
  writeFileSync(path, body);
  return path;
}

describe('rocksdbSelfTest', () => {
  it('is content on a machine that can run RocksDB', async () => {
    expect(await rocksdbSelfTest()).toEqual({ ok: true });
  });

  it('names the package to install when libatomic is missing', async () => {
    const path = moduleThat(
      `throw new Error('libatomic.so.1: cannot open shared object file: No such file or directory');`,
    );
    const result = await rocksdbSelfTest(path);
    expect(result.ok ? '' : result.problem).toContain('install the package libatomic1');
  });

  it('survives a module that kills its process', async () => {
    const result = await rocksdbSelfTest(moduleThat(`process.kill(process.pid, 'SIGILL');`));
    expect(result.ok ? '' : result.problem).toContain('CPU lacks instructions');
    const crash = await rocksdbSelfTest(moduleThat(`process.kill(process.pid, 'SIGSEGV');`));
    expect(crash.ok ? '' : crash.problem).toContain('SIGSEGV');
  });

  it('says so when the package is not there', async () => {
    const result = await rocksdbSelfTest(join(directory, 'missing'));
    expect(result.ok ? '' : result.problem).toContain('run npm ci');
  });
});

describe('describeLoadFailure', () => {
  it.each([
    ['libstdc++.so.6: cannot open shared object file: No such file', 'RocksDB needs libstdc++.so.6'],
    ["/lib/libc.so.6: version `GLIBC_2.38' not found (required by x)", 'newer C or C++ library'],
    ["Cannot find addon '.' imported from 'binding.js'", 'no RocksDB build for linux on riscv64'],
    ['x.node: invalid ELF header', 'Install the dependencies again on this machine'],
    ['something else', 'could not be loaded: something else'],
  ])('explains %s', (detail, expected) => {
    expect(describeLoadFailure(detail, 'linux', 'riscv64')).toContain(expected);
  });
});
