import { limits } from '../base/limits.ts';
import type { ClusterMap } from '../cluster/map.ts';
import { parseRecordKey, recordRange } from '../record/record-id.ts';
import type { RecordId } from '../record/state.ts';
import { glanceAtStored, type StoredGlance } from '../record/stored-glance.ts';
import { type Engine, type EngineEntry, mayHaveMore } from './engine.ts';

/** A record on this node's disk. */
export interface OwnRecord {
  readonly id: RecordId;
  /** Null: its bytes are damaged. */
  readonly glance: StoredGlance | null;
  readonly value: Buffer;
}

export interface OwnRange {
  readonly records: readonly OwnRecord[];
  readonly bytes: number;
  /** All up to and including this id was looked at. */
  readonly lastId: RecordId;
  /** Nothing lies behind it within the range. */
  readonly exhausted: boolean;
}

export interface OwnRangeLimits {
  readonly records: number;
  readonly bytes: number;
}

/**
 * What this node's disk holds of a shard behind `afterId` up to and with `untilId` ('' = to the end), as far as the limits go.
 * Records of flushed generations are left out. Null: the disk could not be read.
 */
export function readOwnRecords(
  engine: Engine,
  map: ClusterMap,
  place: { readonly shard: number; readonly afterId: RecordId; readonly untilId: RecordId },
  atMost: OwnRangeLimits,
  done: (range: OwnRange | null) => void,
): void {
  const records: OwnRecord[] = [];
  let bytes = 0;
  let lastId = place.afterId;
  const finish = (exhausted: boolean): void => done({ records, bytes, lastId, exhausted });
  /** False behind the end of the range. */
  const take = ({ key, value }: EngineEntry): boolean => {
    const id = parseRecordKey(key)?.id ?? lastId;
    if (place.untilId !== '' && id > place.untilId) return false;
    lastId = id;
    bytes += key.length + value.length;
    const glance = glanceAtStored(value);
    if (glance !== null && glance.generation < (map.namespaces[glance.namespace]?.generation ?? 0)) return true;
    records.push({ id, glance, value });
    return true;
  };
  const step = (): void => {
    const range = {
      ...recordRange(place.shard, lastId),
      limit: Math.min(limits.scanStepRecords, atMost.records - records.length),
      limitBytes: limits.scanStepBytes,
      keysOnly: false,
    };
    engine.scan(range, (error, found) => {
      if (error !== null || found === undefined) {
        done(null);
        return;
      }
      for (const entry of found) {
        if (take(entry)) continue;
        finish(true);
        return;
      }
      if (!mayHaveMore(found, range) || lastId === place.untilId) finish(true);
      else if (records.length >= atMost.records || bytes >= atMost.bytes) finish(false);
      else step();
    });
  };
  step();
}
