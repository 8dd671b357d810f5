import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { hideKeys, keyReference, referredKey, revealKeys, secretKeys } from './secret-bytes.ts';

const HEX = 'c0ffee'.padEnd(62, '7').concat('9A');

describe('keys in memory of their own', () => {
  it('are zeroed, separate and writable', () => {
    const [one, two] = secretKeys(2);
    expect(one?.equals(Buffer.alloc(32))).toBe(true);
    one?.fill(7);
    expect(two?.equals(Buffer.alloc(32))).toBe(true);
    expect(one?.buffer.byteLength).toBe(64);
  });

  it('are not shown by what shows objects', () => {
    const [key] = secretKeys(1);
    key?.fill(0xc0);
    const shown = [JSON.stringify({ key }), inspect({ key }), inspect([key], { depth: 9 })];
    for (const text of shown) {
      expect(text).toContain('[key]');
      expect(text).not.toMatch(/c0|192/);
    }
  });
});

describe('JSON with keys in it', () => {
  it('becomes text without them, and its bytes lose them', () => {
    const json = Buffer.from(`{"a": "${HEX}", "b": ["x", "${HEX.toLowerCase()}"], "c": "${HEX.slice(2)}"}`);
    const length = json.length;
    const hidden = hideKeys(json);
    expect(hidden?.keys.map((key) => key.toString('hex'))).toEqual([HEX.toLowerCase(), HEX.toLowerCase()]);
    expect(json.toString()).toBe(hidden?.text);
    expect(hidden?.text).toHaveLength(length);
    expect(hidden?.text).not.toContain(HEX);
    const parsed = JSON.parse(hidden?.text ?? '');
    expect(parsed).toEqual({ a: keyReference(0), b: ['x', keyReference(1)], c: HEX.slice(2) });
    expect(referredKey(parsed.b[1], hidden?.keys ?? [])).toBe(hidden?.keys[1]);
    expect(hidden === null ? '' : revealKeys(hidden).toString()).toContain(`"a": "${HEX.toLowerCase()}"`);
  });

  it('that looks as if its keys had been taken out is refused', () => {
    expect(hideKeys(Buffer.from(`{"a": "${keyReference(0)}"}`))).toBeNull();
  });

  it.each([undefined, 5, '', '#', 'x'.repeat(64), keyReference(1)])('%s refers to no key', (text) => {
    expect(referredKey(text, secretKeys(1))).toBeNull();
  });
});
