import { limits } from '../base/limits.ts';
import { parseRecordKey, recordRange } from '../record/record-id.ts';
import { type RecordId, StateKind } from '../record/state.ts';
import { glanceAtStored } from '../record/stored-glance.ts';
import type { CountRecordsRequest, NamespaceRecords } from '../rpc/count-messages.ts';
import { MessageType } from '../rpc/messages.ts';
import type { Call } from '../rpc/transport.ts';
import { type Engine, type EngineEntry, mayHaveMore } from './engine.ts';
import { RangeDigest } from './range-digest.ts';
import { listedState } from './record-scan.ts';

/** Few, for each count under way has a block for each namespace; part of the protocol: the digest depends on it. */
const BLOCK_ENTRIES = 64;
const NONE: NamespaceRecords = { keys: 0, expires: 0, digest: '\0'.repeat(16), isSettled: true };

/** What has been counted of one namespace. */
class Tally {
  readonly digest = new RangeDigest(BLOCK_ENTRIES);
  keys = 0;
  expires = 0;
  isSettled = true;
}

/**
 * Live records of some namespaces in a range of a shard (architecture 7), without opening any. Damaged records are left out:
 * then no other replica has the same digest, and the coordinator looks at what differs.
 */
export function countRecords(engine: Engine, request: CountRecordsRequest, call: Call): void {
  const counted = new RangeCount(request);
  let lastId: RecordId = request.afterId;
  let examined = 0;
  const finish = (exhausted: boolean): void => {
    call.respond({ type: MessageType.recordsCounted, counts: counted.finish(), lastId, exhausted });
  };
  /** False behind the end of the range. */
  const take = ({ key, value }: EngineEntry): boolean => {
    const id = parseRecordKey(key)?.id ?? lastId;
    if (request.untilId !== '' && id > request.untilId) return false;
    lastId = id;
    examined++;
    counted.add(id, value);
    return true;
  };
  const step = (): void => {
    const { scanStepRecords: limit, scanStepBytes: limitBytes } = limits;
    const range = { ...recordRange(request.shard, lastId), limit, limitBytes, keysOnly: false };
    engine.scan(range, (error, found) => {
      if (error !== null || found === undefined) {
        call.respond({ type: MessageType.fault, fault: 'io', detail: 'records could not be read' });
      } else if (!found.every(take) || !mayHaveMore(found, range) || lastId === request.untilId) {
        finish(true);
      } else if (examined >= limits.scanExaminedRecords) {
        finish(false);
      } else {
        step();
      }
    });
  };
  step();
}

class RangeCount {
  readonly #request: CountRecordsRequest;
  readonly #tallies: (Tally | undefined)[];

  constructor(request: CountRecordsRequest) {
    this.#request = request;
    this.#tallies = new Array<Tally | undefined>(request.namespaces.length).fill(undefined);
  }

  add(id: RecordId, value: Buffer): void {
    const glance = glanceAtStored(value);
    if (glance === null) return;
    if (glance.hasIntent) {
      const header = listedState(value)?.state.header;
      if (header === undefined) return;
      const tally = this.#tallyOf(header.namespace, header.generation);
      if (tally !== null) tally.isSettled = false;
      return;
    }
    if (glance.kind !== StateKind.live) return;
    const tally = this.#tallyOf(glance.namespace, glance.generation);
    if (tally === null) return;
    tally.digest.add(id, glance.accepted);
    if (glance.expiresAtMs !== 0 && glance.expiresAtMs <= this.#request.nowMs) return;
    tally.keys++;
    if (glance.expiresAtMs !== 0) tally.expires++;
  }

  finish(): readonly NamespaceRecords[] {
    return this.#tallies.map((tally) => {
      if (tally === undefined) return NONE;
      const { keys, expires, isSettled } = tally;
      return { keys, expires, digest: tally.digest.finish(), isSettled };
    });
  }

  /** Null: it is not asked for. */
  #tallyOf(namespace: number, generation: number): Tally | null {
    const { namespaces } = this.#request;
    for (let i = 0; i < namespaces.length; i++) {
      const wanted = namespaces[i];
      if (wanted?.namespace !== namespace || wanted.generation !== generation) continue;
      const tally = this.#tallies[i] ?? new Tally();
      this.#tallies[i] = tally;
      return tally;
    }
    return null;
  }
}
