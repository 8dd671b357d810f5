import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { ClientRegistry } from './client-registry.ts';
import { PacedCloser } from './paced-closer.ts';

const AT_ONCE = limits.closesAtOnce;

function setUp() {
  const clock = new ManualClock();
  const clients = new ClientRegistry();
  const closer = new PacedCloser(clock, clients);
  let closed = 0;
  const closable = {
    closeNow: () => {
      closed += 1;
    },
  };
  const close = (count: number): void => {
    for (let i = 0; i < count; i++) closer.close(closable);
  };
  const turn = (): void => clock.advance(limits.closePauseMs);
  return { clients, closer, close, turn, closed: () => closed };
}

describe('PacedCloser', () => {
  it('closes a few at once, and of many so many at a time', () => {
    const { clients, close, turn, closed } = setUp();
    close(2 * AT_ONCE + 10);
    expect([closed(), clients.leaving, clients.taken]).toEqual([AT_ONCE, AT_ONCE + 10, AT_ONCE + 10]);
    turn();
    expect([closed(), clients.leaving]).toEqual([2 * AT_ONCE, 10]);
    turn();
    expect([closed(), clients.leaving]).toEqual([2 * AT_ONCE + 10, 0]);
  });

  it('lets those that come later wait for their turn as well, and forgets the crowd when it has gone', () => {
    const { close, turn, closed } = setUp();
    close(AT_ONCE + 10);
    turn();
    close(AT_ONCE);
    expect(closed()).toBe(2 * AT_ONCE);
    turn();
    expect(closed()).toBe(2 * AT_ONCE + 10);
    turn();
    turn();
    close(AT_ONCE);
    expect(closed()).toBe(3 * AT_ONCE + 10);
  });

  it('closes all at once when the proxy ends', () => {
    const { clients, closer, close, closed } = setUp();
    close(5 * AT_ONCE);
    closer.closeAll();
    expect([closed(), clients.leaving]).toEqual([5 * AT_ONCE, 0]);
  });
});
