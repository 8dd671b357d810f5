import { describe, expect, it } from 'vitest';
import { KeyModel } from './key-model.ts';

const set = (value: string | null) => (): string | null => value;
const increment = (before: string | null): string => String(Number(before ?? 0) + 1);

describe('KeyModel', () => {
  it('an acknowledged write is the only value allowed', () => {
    const model = new KeyModel();
    model.sent('k', set('a'));
    model.sent('k', set('b'));
    expect(model.acknowledged('k')).toBe(true);
    expect(model.acknowledged('k')).toBe(true);
    expect(model.allowed('k')).toEqual(['b']);
    expect(model.keys).toEqual(['k']);
  });

  it('unanswered writes may have happened, in their order', () => {
    const model = new KeyModel();
    for (const value of ['a', 'b', null]) model.sent('k', set(value));
    model.acknowledged('k');
    model.cutOff();
    expect(model.allowed('k')).toEqual(['a', 'b', null]);
  });

  it('what a read does not show may still happen, until a later write is acknowledged', () => {
    const model = new KeyModel();
    for (let i = 0; i < 3; i++) model.sent('n', increment);
    model.acknowledged('n', '1');
    model.cutOff();
    model.seen('n', '2');
    expect(model.allowed('n')).toEqual(['2', '3']);
    model.sent('n', increment);
    expect(model.acknowledged('n', '4')).toBe(true);
    expect(model.allowed('n')).toEqual(['4']);
  });

  it('finds a lost and a doubled increment', () => {
    for (const wrong of ['1', '3']) {
      const model = new KeyModel();
      model.sent('n', increment);
      model.acknowledged('n', '1');
      model.sent('n', increment);
      expect(model.acknowledged('n', wrong)).toBe(false);
    }
  });

  it('tells a refused write from one of which nobody knows', () => {
    const model = new KeyModel();
    model.sent('k', set('a'));
    model.refused('k');
    expect(model.allowed('k')).toEqual([null]);
    model.sent('k', set('b'));
    model.unknown('k');
    expect(model.allowed('k')).toEqual([null, 'b']);
  });
});
