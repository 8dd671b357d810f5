import { describe, expect, it } from 'vitest';
import { libraryName } from './library-name.ts';

describe('the name of a library of functions', () => {
  it.each([
    ['#!lua name=mylib\nreturn 1', 'mylib'],
    ['#!lua name=mylib', 'mylib'],
    ['#!lua other=1 name=my_lib2\r\nname=another', 'my_lib2'],
    ['#!lua\nname=mylib', ''],
    ['return 1', ''],
    ['', ''],
  ])('of %j is %j', (code, name) => {
    expect(libraryName(Buffer.from(code))).toBe(name);
  });
});
