import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseClientKeystore, readClientKeystore } from './client-keystore.ts';

const KEY = 'ab'.repeat(32);

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'junokv-client-keystore-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('a client keystore', () => {
  it('gives keys by name', () => {
    const text = JSON.stringify({ current: '2026', keys: { 2025: '00'.repeat(32), 2026: KEY } });
    expect(parseClientKeystore(text)).toEqual({
      ok: true,
      encryption: {
        current: '2026',
        keys: { 2025: Buffer.alloc(32), 2026: Buffer.alloc(32, 0xab) },
      },
    });
  });

  it.each<[string, string]>([
    ['{', 'is not JSON'],
    ['[]', 'must be of the form'],
    ['{"current": 1, "keys": {}}', 'must be of the form'],
    ['{"current": "a", "keys": []}', 'must be of the form'],
    [`{"current": "b", "keys": {"a": "${KEY}"}}`, "has no key 'b'"],
    ['{"current": "__proto__", "keys": {}}', "has no key '__proto__'"],
    [`{"current": "a", "keys": {"a": "${KEY.slice(2)}"}}`, "64 hexadecimal digits for the key 'a'"],
    [`{"current": "a", "keys": {"a": "${'xy'.repeat(32)}"}}`, "64 hexadecimal digits for the key 'a'"],
    [`{"current": "", "keys": {"": "${KEY}"}}`, 'whose name is empty'],
    [`{"current": "a", "keys": {"${'n'.repeat(256)}": "${KEY}"}}`, 'longer than 255 bytes'],
  ])('%j: %s', (text, problem) => {
    const result = parseClientKeystore(text);
    expect(result).toMatchObject({ ok: false, problem: expect.stringContaining(problem) });
    expect(JSON.stringify(result)).not.toContain(KEY.slice(2));
  });

  it('must belong to its owner alone', () => {
    const path = join(directory, 'keys.json');
    writeFileSync(path, `{"current": "a", "keys": {"a": "${KEY}"}}`, { mode: 0o600 });
    expect(readClientKeystore(path).ok).toBe(true);
    chmodSync(path, 0o640);
    expect(readClientKeystore(path)).toMatchObject({ ok: false, problem: expect.stringContaining('chmod 600') });
    chmodSync(path, 0o600);
    writeFileSync(path, 'x'.repeat(1_048_577));
    expect(readClientKeystore(path)).toMatchObject({ ok: false, problem: expect.stringContaining('too large') });
    expect(readClientKeystore(`${path}.none`)).toMatchObject({
      ok: false,
      problem: expect.stringContaining('cannot read'),
    });
  });
});
