import { describe, expect, it } from 'vitest';
import { NameCache } from './name-cache.ts';
import { RequestParser } from './request-parser.ts';

function find(cache: NameCache, name: string): Buffer {
  const chunk = Buffer.from(`<<${name}>>`, 'latin1');
  const found = cache.find(chunk, 2, 2 + name.length);
  chunk.fill(0);
  return found;
}

describe('NameCache', () => {
  it('gives the same Buffer for the same bytes, whatever chunk they are in', () => {
    const cache = new NameCache();
    const get = find(cache, 'GET');
    expect(get.toString()).toBe('GET');
    expect(find(cache, 'GET')).toBe(get);
    expect(find(cache, 'get').toString()).toBe('get');
    expect(find(cache, 'GET')).toBe(get);
  });

  it('never mistakes one name for another, though there are more than it can hold', () => {
    const cache = new NameCache();
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 5_000; n++) expect(find(cache, `name${n}`).toString()).toBe(`name${n}`);
    }
    expect(find(cache, '').length).toBe(0);
  });

  it('keeps no memory but that of the name, and nothing of a long one', () => {
    const cache = new NameCache();
    expect(find(cache, 'set').buffer.byteLength).toBe(3);
    const chunk = Buffer.alloc(1_000, 'x');
    const long = cache.find(chunk, 100, 200);
    expect(long.buffer).toBe(chunk.buffer);
    expect(cache.find(chunk, 100, 200)).not.toBe(long);
  });
});

describe('RequestParser', () => {
  it('makes no object for the name of a command that it has seen', () => {
    const names = new Set<Buffer | undefined>();
    for (let client = 0; client < 10; client++) {
      const parser = new RequestParser(true);
      parser.push(Buffer.from('*2\r\n$6\r\nStrLen\r\n$1\r\na\r\n'.repeat(100)));
      for (let args = parser.next(); args !== null; args = parser.next()) names.add(args[0]);
    }
    expect([...names].map(String)).toEqual(['StrLen']);
  });
});
