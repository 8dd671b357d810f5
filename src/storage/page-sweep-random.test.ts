import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { appendText, DEL, GET, set } from '../quorum/testing/steps.ts';
import { MessageType } from '../rpc/messages.ts';
import { LocalQuorum } from './testing/local-quorum.ts';

const NODES = [1, 2, 3];
const large = (digit: number): string => String(digit).repeat(2 * limits.pageBytes);

const change = fc.record({
  kind: fc.constantFrom('large', 'append', 'append', 'small', 'delete'),
  digit: fc.nat(9),
  /** Who hears of no COMMIT; 0: everybody does. */
  deaf: fc.nat(3),
  waitMs: fc.constantFrom(0, 5_000, limits.purgeAfterMs / 2, limits.purgeAfterMs, 2 * limits.purgeAfterMs),
});

async function wait(quorum: LocalQuorum, durationMs: number): Promise<void> {
  for (let passedMs = 0; passedMs < durationMs; passedMs += 500) {
    quorum.clock.advance(500);
    await quorum.pass(2);
  }
}

describe('the sweep of pages', () => {
  it('leaves every quorum with the whole value, whatever came before, and whoever missed it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 12 }), async (changes) => {
        const quorum = new LocalQuorum();
        let value: string | null = null;
        for (const { kind, digit, deaf, waitMs } of changes) {
          const proxy = quorum.proxy();
          proxy.transport.fate = (node, { type }) => (type === MessageType.commit && node === deaf ? 'drop' : 'pass');
          if (kind === 'append') {
            value = (value ?? '') + digit;
            await proxy.do('k', appendText(String(digit)));
          } else if (kind === 'delete') {
            value = null;
            await proxy.do('k', DEL);
          } else {
            value = kind === 'large' ? large(digit) : String(digit);
            await proxy.do('k', set(value));
          }
          proxy.transport.fate = () => 'pass';
          await wait(quorum, waitMs);
        }
        await wait(quorum, 2 * limits.purgeAfterMs);
        expect(await quorum.proxy().do('k', GET)).toBe(value);
        for (const down of NODES) {
          const proxy = quorum.proxy();
          proxy.network.takeDown(down);
          expect(await proxy.do('k', GET)).toBe(value);
        }
      }),
      { numRuns: 30 },
    );
  });
});
