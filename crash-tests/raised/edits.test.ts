import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Edit, edited, RAISED_DISK, RAISED_WIRE } from './edits.ts';

const filesOf = (edits: readonly Edit[]): readonly string[] => [...new Set(edits.map((edit) => edit.file))];
const read = (file: string): string => readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8');

describe('the raised build', () => {
  it.each([
    ['protocol', RAISED_WIRE],
    ['disk format', RAISED_DISK],
  ])('finds the place of each of its edits: %s', (_, edits) => {
    for (const file of filesOf(edits)) expect(edited(file, read(file), edits)).not.toBe(read(file));
  });

  it('says which edit has lost its place', () => {
    const edits: Edit[] = [{ file: 'a.ts', find: 'one', replacement: 'two' }];
    expect(edited('a.ts', 'one three', edits)).toBe('two three');
    expect(edited('b.ts', 'one three', edits)).toBe('one three');
    expect(() => edited('a.ts', 'four', edits)).toThrow('src/a.ts has 0 times what is to be edited: one');
    expect(() => edited('a.ts', 'one one', edits)).toThrow('has 2 times');
  });
});
