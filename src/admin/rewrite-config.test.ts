import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfiguration } from './configuration.ts';
import { rewriteConfigFile } from './rewrite-config.ts';

let dir = '';
let path = '';

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'junokv-rewrite-'));
  path = join(dir, 'junokv.json');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('CONFIG REWRITE', () => {
  it('puts what was changed into the file, and leaves the rest', () => {
    writeFileSync(path, '{"port": 7000, "timeout": 5, "bind": ["127.0.0.1"]}', { mode: 0o600 });
    const changed = new Map([
      ['timeout', '60'],
      ['protected-mode', 'no'],
      ['client-output-buffer-limit', 'normal 1048576 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60'],
    ]);
    expect(rewriteConfigFile(path, changed)).toBeNull();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(dir)).toEqual(['junokv.json']);
    const loaded = loadConfiguration('start', ['--config', path], {});
    if (loaded.kind !== 'loaded') throw new Error(JSON.stringify(loaded));
    expect(loaded.configFile).toBe(path);
    const { port, timeout, protectedMode, clientOutputBufferLimit } = loaded.config;
    expect({ port, timeout, protectedMode }).toEqual({ port: 7000, timeout: 60, protectedMode: false });
    expect(clientOutputBufferLimit).toContain('normal 1048576 0 0');
  });

  it('says what cannot be kept, and keeps the rest', () => {
    writeFileSync(path, '{}');
    const changed = new Map([
      ['slowlog-max-len', '5'],
      ['timeout', '7'],
    ]);
    expect(rewriteConfigFile(path, changed)).toMatch(/^slowlog-max-len: no option of junokv/);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ timeout: '7' });
  });

  it('leaves a file alone that it cannot read', () => {
    expect(rewriteConfigFile(path, new Map([['timeout', '7']]))).toContain('ENOENT');
    writeFileSync(path, 'no JSON');
    expect(rewriteConfigFile(path, new Map([['timeout', '7']]))).not.toBeNull();
    expect(readFileSync(path, 'utf8')).toBe('no JSON');
  });
});
