import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageType } from '../rpc/messages.ts';
import type { ScannedResponse } from '../rpc/scan-messages.ts';
import { frontier } from './quorum-answers.ts';

function scanned(lastId: string, exhausted: boolean): ScannedResponse {
  return { type: MessageType.scanned, entries: [], lastId, exhausted };
}

describe('the frontier of a scan', () => {
  it('is the smallest last id of those that are not exhausted (scan-skips)', () => {
    expect(frontier([scanned('e', false), scanned('c', false)])).toEqual({ lastId: 'c', exhausted: false });
    expect(frontier([scanned('a', true), scanned('c', false)])).toEqual({ lastId: 'c', exhausted: false });
    expect(frontier([scanned('a', true), scanned('b', true)])).toMatchObject({ exhausted: true });
  });

  it('leaves out no id that a replica has not looked at', () => {
    const ids = fc.uniqueArray(
      fc.integer({ min: 0, max: 60 }).map((n) => String(n).padStart(2, '0')),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(ids, fc.infiniteStream(fc.boolean()), fc.integer({ min: 1, max: 6 }), (all, coin, limit) => {
        const sorted = [...all].sort();
        // Each id is on at least one of two replicas; each looks through its own, up to a limit.
        const held: [string[], string[]] = [[], []];
        for (const id of sorted) {
          const [first, second] = [coin.next().value, coin.next().value];
          if (first === true || second !== true) held[0].push(id);
          if (second === true) held[1].push(id);
        }
        const found = new Set<string>();
        let after = '';
        for (let pages = 0; pages < 100; pages++) {
          const looked = held.map((own) => own.filter((id) => id > after).slice(0, limit));
          const answers = held.map((own, i) => {
            const rest = own.filter((id) => id > after);
            return scanned(looked[i]?.at(-1) ?? after, rest.length <= limit && rest.length < limit);
          });
          const { lastId, exhausted } = frontier(answers);
          for (const one of looked.flat()) if (exhausted || one <= lastId) found.add(one);
          if (exhausted) break;
          after = lastId;
        }
        expect([...found].sort()).toEqual(sorted);
      }),
    );
  });
});
