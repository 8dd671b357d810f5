import { describe, expect, it } from 'vitest';
import { upToZero } from './c-text.ts';

describe('upToZero', () => {
  it.each([
    ['', ''],
    ['abc', 'abc'],
    ['ab\0c\0', 'ab'],
    ['\0', ''],
  ])('of %j is %j', (text, expected) => {
    expect(upToZero(Buffer.from(text)).toString()).toBe(expected);
  });
});
