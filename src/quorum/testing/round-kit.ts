import { ManualClock } from '../../base/testing/manual-clock.ts';
import type { Ballot } from '../../record/ballot.ts';
import { ballotRow } from '../../record/ballot-row.ts';
import { type SealedState, StateKind } from '../../record/state.ts';
import { MessageType, type RecordAddress, type Response } from '../../rpc/messages.ts';
import { BallotClock } from '../ballot-clock.ts';
import { deadFromAbsent } from '../lineage.ts';
import { NodeHealth } from '../node-health.ts';
import { ProtocolCounters } from '../protocol-counters.ts';
import { RecentManifests } from '../recent-manifests.ts';
import type { RoundContext } from '../round.ts';
import { ProposerRules } from '../rules.ts';
import { ScriptedTransport } from './scripted-transport.ts';

/** What a round needs, over a scripted network and a clock that stands still. */
export interface RoundKit extends RoundContext {
  readonly clock: ManualClock;
  readonly transport: ScriptedTransport;
}

export function roundKit(): RoundKit {
  const clock = new ManualClock();
  const transport = new ScriptedTransport();
  return {
    clock,
    transport,
    ballots: new BallotClock(clock, 1),
    rules: new ProposerRules(),
    health: new NodeHealth(clock),
    counters: new ProtocolCounters(),
    manifests: new RecentManifests(),
  };
}

export const ADDRESS: RecordAddress = {
  id: '0123456789abcdef',
  shard: 0,
  shardEpoch: 1,
  namespace: 0,
  namespaceEpoch: 1,
};

/** A state made by `origin`, nothing in it. */
export function stateOf(origin: Ballot): SealedState {
  return {
    header: { ...deadFromAbsent(0, 1), kind: StateKind.live, origin, lineage: ballotRow([origin]) },
    meta: Buffer.from('m'),
    value: Buffer.from('v'),
  };
}

export const EPOCH_REFUSAL: Response = { type: MessageType.epoch, mapEpoch: 5 };
export const IO_FAULT: Response = { type: MessageType.fault, fault: 'io', detail: '' };
export const CORRUPT_FAULT: Response = { type: MessageType.fault, fault: 'corrupt', detail: '' };

/** Ticks as a coordinator does, every 5 ms. */
export function tickFor(kit: RoundKit, round: { onTick(nowMs: number): void }, durationMs: number): void {
  for (let passedMs = 0; passedMs < durationMs; passedMs += 5) {
    kit.clock.advance(5);
    round.onTick(kit.clock.monotonicMs());
  }
}
