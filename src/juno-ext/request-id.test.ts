import { describe, expect, it } from 'vitest';
import { formatRequestId, parseRequestId } from './request-id.ts';

const parse = (text: string): string | null => parseRequestId(Buffer.from(text, 'latin1'));

describe('request ids', () => {
  it.each([
    'c232ab00-9414-11ec-b3c8-9f6bdeced846',
    '919108f7-52d1-4320-9bac-f847db4148a8',
    '1ec9414c-232a-6b00-b3c8-9f6bdeced846',
    '017f22e2-79b0-7cc3-98c4-dc0c0c07398f',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
  ])('%s goes there and back', (text) => {
    const id = parse(text);
    expect(id).toHaveLength(16);
    expect(Buffer.from(id ?? '', 'latin1').toString('hex')).toBe(text.replaceAll('-', ''));
    expect(formatRequestId(id ?? '')).toBe(text);
    expect(parse(text.toUpperCase())).toBe(id);
  });

  it.each([
    '',
    '017f22e279b07cc398c4dc0c0c07398f',
    '017f22e2-79b0-7cc3-98c4-dc0c0c07398',
    '017f22e2-79b0-7cc3-98c4-dc0c0c07398f0',
    '017f22e2-79b0-7cc3-98c4-dc0c0c07398g',
    '017f22e2-79b07-cc3-98c4-dc0c0c07398f',
    '{17f22e2-79b0-7cc3-98c4-dc0c0c07398}',
    ' 17f22e2-79b0-7cc3-98c4-dc0c0c07398f',
    '00000000-0000-0000-0000-000000000000',
  ])('"%s" is none', (text) => {
    expect(parse(text)).toBeNull();
  });
});
