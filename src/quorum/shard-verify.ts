import { type Failure, unavailable } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import { seatsOf } from '../cluster/seats.ts';
import type { RecordId } from '../record/state.ts';
import { MessageType } from '../rpc/messages.ts';
import type { ShardSweptResponse } from '../rpc/sweep-messages.ts';
import type { NodeId } from '../rpc/transport.ts';
import type { MapHolder } from './map-holder.ts';
import type { NodeCaller } from './node-caller.ts';

export type ShardVerified =
  | { readonly ok: true; readonly nodeId: NodeId; readonly swept: ShardSweptResponse }
  | { readonly ok: false; readonly failure: Failure };

/** Has a part of a shard swept now, from behind `afterId` on: by the replica whose turn it is, else by the next one that answers. */
export function verifyShard(
  parts: { readonly caller: NodeCaller; readonly map: MapHolder },
  shard: number,
  afterId: RecordId,
  done: (verified: ShardVerified) => void,
): void {
  const map = parts.map.current;
  const seats = seatsOf(map, shard);
  const request = { type: MessageType.sweepShard, shard, shardEpoch: map.shardEpochs[shard] ?? 0, afterId } as const;
  const ask = (tried: number): void => {
    const seat = seats[(shard + tried) % seats.length];
    if (tried === seats.length || seat === undefined) {
      done({ ok: false, failure: unavailable(`no node of shard ${shard} can sweep it now`) });
      return;
    }
    parts.caller.call(seat.node, request, limits.sweepCallMs, (swept) => {
      if (swept.type === MessageType.shardSwept) done({ ok: true, nodeId: seat.node, swept });
      else ask(tried + 1);
    });
  };
  ask(0);
}
