import { limits } from '../base/limits.ts';
import { type Ballot, NO_BALLOT } from '../record/ballot.ts';
import { parseRecordKey, recordRange } from '../record/record-id.ts';
import { NO_NAMESPACE, type RecordId, type SealedState, StateKind } from '../record/state.ts';
import { decodeStored } from '../record/state-codec.ts';
import { MessageType, Want } from '../rpc/messages.ts';
import { EVERY_GENERATION, type ScanEntry, type ScanRequest } from '../rpc/scan-messages.ts';
import type { Call } from '../rpc/transport.ts';
import { type Engine, mayHaveMore } from './engine.ts';

const NOTHING = Buffer.alloc(0);
/** Records that the first engine read of a scan asks for at least: the read itself costs as much. */
const STEP_RECORDS_MIN = 16;

/**
 * Live records of one namespace and generation, or of all, in id order (architecture 7). Tombstones and corrupt records are
 * left out: where a replica shows an id that another does not, the coordinator settles it by a READ.
 */
export function scanRecords(engine: Engine, request: ScanRequest, call: Call): void {
  const { to } = recordRange(request.shard);
  const entries: ScanEntry[] = [];
  let lastId: RecordId = request.afterId;
  let examined = 0;
  let bytes = 0;
  // Two at least: a page that ends before the last of them must get on.
  const full = (): boolean => entries.length >= request.limit || (bytes >= limits.scanStepBytes && entries.length > 1);
  // Not more than is wanted, as long as nearly all that is read is.
  let wanted = Math.min(Math.max(request.limit, STEP_RECORDS_MIN), limits.scanStepRecords);
  const step = (from: Buffer): void => {
    const range = { from, to, limit: wanted, limitBytes: limits.scanStepBytes, keysOnly: false };
    wanted = Math.min(2 * wanted, limits.scanStepRecords);
    engine.scan(range, (error, found) => {
      if (error !== null || found === undefined) {
        call.respond({ type: MessageType.fault, fault: 'io', detail: 'records could not be read' });
        return;
      }
      let looked = 0;
      for (const { key, value } of found) {
        const id = parseRecordKey(key)?.id ?? lastId;
        lastId = id;
        looked++;
        const entry = matching(id, value, request);
        if (entry !== null) {
          entries.push(entry);
          bytes += entry.state.meta.length;
        }
        if (full()) break;
      }
      examined += looked;
      const exhausted = looked === found.length && !mayHaveMore(found, range);
      if (exhausted || full() || examined >= limits.scanExaminedRecords) {
        call.respond({ type: MessageType.scanned, entries, lastId, exhausted });
      } else {
        step(recordRange(request.shard, lastId).from);
      }
    });
  };
  step(recordRange(request.shard, request.afterId).from);
}

/** What a stored record is listed as, and under which ballot; null if it is not: no live one of clients, or damaged. */
export function listedState(value: Buffer): { readonly accepted: Ballot; readonly state: SealedState } | null {
  const stored = decodeStored(value);
  if (stored === null) return null;
  const { intent } = stored.state;
  const proposed = intent?.proposed ?? null;
  // A key that a transaction may have made, or deleted, is listed; what the record is must be READ.
  const state = stored.state.header.kind !== StateKind.live && proposed !== null ? proposed : stored.state;
  if (state.header.kind !== StateKind.live || state.header.namespace === NO_NAMESPACE) return null;
  return { accepted: intent === undefined ? stored.accepted : NO_BALLOT, state };
}

function matching(id: RecordId, value: Buffer, request: ScanRequest): ScanEntry | null {
  const listed = listedState(value);
  if (listed === null) return null;
  const { header } = listed.state;
  const isWanted = header.namespace === request.namespace && header.generation === request.generation;
  if (!isWanted && request.generation !== EVERY_GENERATION) return null;
  return entryOf(id, listed.accepted, listed.state, request.want);
}

function entryOf(id: RecordId, accepted: Ballot, state: SealedState, want: Want): ScanEntry {
  const meta = want === Want.nothing ? NOTHING : state.meta;
  return { id, accepted, state: { header: state.header, meta, value: null } };
}
