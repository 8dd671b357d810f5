import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadKeystore, parseKeystore } from './keystore.ts';

const KEY = Buffer.alloc(32, 3).toString('base64');
const good = { format: 1, current: 'b', keys: { a: KEY, b: KEY } };

describe('a keystore file', () => {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'junokv-keystore-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function write(content: string, mode: number): Promise<string> {
    const path = join(directory, 'keys.json');
    await writeFile(path, content, { mode });
    await chmod(path, mode);
    return path;
  }

  it('gives its keys', async () => {
    const loaded = await loadKeystore(await write(JSON.stringify(good), 0o600));
    expect(loaded).toEqual({
      ok: true,
      value: { current: 'b', keys: { a: Buffer.alloc(32, 3), b: Buffer.alloc(32, 3) } },
    });
  });

  it.each([0o640, 0o604, 0o620, 0o601])('of mode %o is refused', async (mode) => {
    const loaded = await loadKeystore(await write(JSON.stringify(good), mode));
    expect(loaded).toMatchObject({ ok: false, message: expect.stringContaining('open to others') });
  });

  it('that is missing, a directory or far too large is refused with its path', async () => {
    const refusal = (path: string): unknown => ({ ok: false, message: expect.stringContaining(path) });
    const missing = join(directory, 'none.json');
    expect(await loadKeystore(missing)).toEqual(refusal(missing));
    await chmod(directory, 0o700);
    expect(await loadKeystore(directory)).toEqual(refusal(directory));
    const large = await write(' '.repeat(2 ** 20 + 1), 0o600);
    expect(await loadKeystore(large)).toEqual(refusal(large));
    const wrong = await write('{"format":1,', 0o600);
    expect(await loadKeystore(wrong)).toEqual({ ok: false, message: `${wrong}: not JSON` });
  });

  it.each([
    ['another format', { ...good, format: 2 }],
    ['no current key', { format: 1, keys: good.keys }],
    ['a current key that is not there', { ...good, current: 'c' }],
    ['a key that is inherited', { ...good, current: 'toString' }],
    ['a short key', { ...good, keys: { b: 'AAAA' } }],
    ['a key that is not base64', { ...good, keys: { b: `${KEY}!` } }],
    ['a key that is a number', { ...good, keys: { b: 5 } }],
    ['keys in a list', { ...good, keys: [KEY] }],
    ['a key without a name', { ...good, keys: { b: KEY, '': KEY } }],
    ['a key with a long name', { ...good, keys: { b: KEY, ['ü'.repeat(128)]: KEY } }],
    ['a list', []],
  ])('with %s is refused', (_, content) => {
    expect(parseKeystore(JSON.stringify(content))).toMatchObject({ ok: false });
  });
});
