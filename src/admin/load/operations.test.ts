import { describe, expect, it } from 'vitest';
import { chooseOperations, operationsOf, parseMix } from './operations.ts';

describe('a mix of operations', () => {
  it('has weights, 1 where none is given', () => {
    expect(parseMix('get:90,SET:9.5, incr')).toEqual({
      ok: true,
      value: [
        { operation: 'get', weight: 90 },
        { operation: 'set', weight: 9.5 },
        { operation: 'incr', weight: 1 },
      ],
    });
    for (const text of ['', 'get:0', 'get,get', 'get:x', 'get;set']) expect(parseMix(text)).toEqual({ ok: false });
  });

  it('has operations of its command set only', () => {
    expect(chooseOperations('redis', [{ operation: 'create', weight: 1 }])).toContain(
      "'create' is not an operation of --commands redis; they are get, set,",
    );
    expect(chooseOperations('juno', [{ operation: 'get', weight: 1 }])).toMatchObject([{ command: 'JUNO.GET' }]);
  });

  it('gives each operation a name of its own', () => {
    for (const commands of ['redis', 'juno'] as const) {
      const names = operationsOf(commands).map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
    }
  });
});
