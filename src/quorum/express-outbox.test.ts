import { describe, expect, it } from 'vitest';
import { keptShare, litter } from '../base/testing/kept-garbage.ts';
import { Want } from '../rpc/messages.ts';
import type { NodeId, Transport } from '../rpc/transport.ts';
import type { ExpressItem } from './express-item.ts';
import { ExpressOutbox } from './express-outbox.ts';
import type { NodeHealth } from './node-health.ts';

/** A read that is sent to these nodes; all that the outbox looks at. */
function read(nodes: readonly NodeId[], cold = false): ExpressItem<string> {
  const item = {
    nodes,
    needed: nodes.length,
    cold,
    placement: { address: { id: litter() } },
    wantAt: () => Want.nothing,
  };
  return item as unknown as ExpressItem<string>;
}

function setUp(): { outbox: ExpressOutbox<string>; sent: [NodeId, number][] } {
  const sent: [NodeId, number][] = [];
  const send: Transport['send'] = (node, request) => {
    if ('addresses' in request) sent.push([node, request.addresses.length]);
  };
  return { outbox: new ExpressOutbox({ send } as Transport, {} as NodeHealth), sent };
}

describe('what is sent together', () => {
  it('is one message for each node, and another for what is not in memory', () => {
    const { outbox, sent } = setUp();
    outbox.send('read', [read([1, 2]), read([2, 3]), read([2, 1], true)], null, 0);
    expect(sent).toEqual([
      [1, 1],
      [2, 2],
      [3, 1],
      [2, 1],
      [1, 1],
    ]);
    outbox.send('read', [read([2])], null, 0);
    expect(sent.slice(5)).toEqual([[2, 1]]);
  });

  it('is several messages where it is very much', () => {
    const { outbox, sent } = setUp();
    outbox.send('read', new Array(2_500).fill(read([1, 2])), null, 0);
    const to = (node: NodeId): number[] => sent.filter(([other]) => other === node).map(([, count]) => count);
    expect(to(1)).toEqual([1_024, 1_024, 452]);
    expect(to(2)).toEqual([1_024, 1_024, 452]);
  });

  it('is not kept once it has gone', () => {
    const { outbox, sent } = setUp();
    expect(
      keptShare(() => {
        outbox.send('read', [read([1, 2])], null, 0);
        sent.length = 0;
      }),
    ).toBeLessThan(0.05);
  });
});
