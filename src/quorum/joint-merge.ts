import { compareBallots } from '../record/ballot.ts';
import type { PageId, RecordId } from '../record/state.ts';
import type { RecordsCountedResponse } from '../rpc/count-messages.ts';
import {
  MessageType,
  type PageIdsResponse,
  type PagesResponse,
  type PromiseResponse,
  type Request,
  type Response,
  type StateResponse,
  Want,
} from '../rpc/messages.ts';
import type { ScanEntry, ScannedResponse } from '../rpc/scan-messages.ts';

/** Whether a response is what the request asks for; all others keep the pair's zone from counting. */
export function isAnswer(request: Request, response: Response): boolean {
  switch (request.type) {
    case MessageType.read:
      return response.type === MessageType.state;
    case MessageType.prepare:
      return response.type === MessageType.promise;
    case MessageType.commit:
      return response.type === MessageType.ack;
    case MessageType.putPages:
      return response.type === MessageType.pagesStored;
    case MessageType.getPages:
      return response.type === MessageType.pages;
    case MessageType.listPages:
    case MessageType.missingPages:
      return response.type === MessageType.pageIds;
    case MessageType.scan:
      return response.type === MessageType.scanned;
    case MessageType.countRecords:
      return response.type === MessageType.recordsCounted;
    case MessageType.nodeStatus:
      return response.type === MessageType.status;
    default:
      return false;
  }
}

/** What the old node and the learner say together; either may have said something that is no answer. */
export function mergedResponse(request: Request, old: Response, learner: Response): Response {
  if (request.type === MessageType.getPages || request.type === MessageType.listPages)
    return eithersPages(old, learner);
  if (!isAnswer(request, old)) return old;
  if (!isAnswer(request, learner)) return learner;
  const want = request.type === MessageType.read || request.type === MessageType.prepare ? request.want : Want.nothing;
  if (old.type === MessageType.state && learner.type === MessageType.state) return mergedStates(want, old, learner);
  if (old.type === MessageType.promise && learner.type === MessageType.promise) return mergedStates(want, old, learner);
  if (old.type === MessageType.ack && learner.type === MessageType.ack) return learner.nextRecorded ? old : learner;
  if (old.type === MessageType.scanned && learner.type === MessageType.scanned) return mergedScans(old, learner);
  if (old.type === MessageType.recordsCounted && learner.type === MessageType.recordsCounted) {
    return mergedCounts(old, learner);
  }
  if (old.type === MessageType.pageIds && learner.type === MessageType.pageIds) return lackedByEither(old, learner);
  return old;
}

/**
 * Equal ballots are one state, wherever it came from; of different ones the higher, which equals nothing. Where that came
 * from the learner without its value, as it was asked for, there is no state: it is fetched, if it is needed.
 */
function mergedStates<T extends StateResponse | PromiseResponse>(want: Want, old: T, learner: T): T {
  const order = compareBallots(old.accepted, learner.accepted);
  if (order === 0) return old.state !== null ? old : learner;
  const higher = order > 0 ? old : learner;
  const isPart = want === Want.full && higher.state !== null && higher.state.value === null;
  return isPart ? { ...higher, state: null, split: true } : { ...higher, split: true };
}

/** The pages that either has. */
function eithersPages(old: Response, learner: Response): Response {
  if (old.type === MessageType.pages && learner.type === MessageType.pages) return unitedPages(old, learner);
  const oldHas = old.type === MessageType.pages || (old.type === MessageType.pageIds && old.pageIds !== null);
  return oldHas ? old : learner;
}

function unitedPages(old: PagesResponse, learner: PagesResponse): PagesResponse {
  return { type: MessageType.pages, pages: old.pages.map((page, i) => page ?? learner.pages[i] ?? null) };
}

function lackedByEither(old: PageIdsResponse, learner: PageIdsResponse): PageIdsResponse {
  if (old.pageIds === null || learner.pageIds === null) return { type: MessageType.pageIds, pageIds: null };
  const lacked = new Set<PageId>(old.pageIds);
  for (const id of learner.pageIds) lacked.add(id);
  return { type: MessageType.pageIds, pageIds: [...lacked] };
}

/** Up to where both have looked, the entries of either; those that are not the same on both are marked. */
function mergedScans(old: ScannedResponse, learner: ScannedResponse): ScannedResponse {
  const ends = [old, learner].filter((scan) => !scan.exhausted).map((scan) => scan.lastId);
  const lastId = ends.sort()[0] ?? null;
  const found = new Map<RecordId, ScanEntry>();
  for (const entry of old.entries) found.set(entry.id, entry);
  const same = new Set<RecordId>();
  for (const entry of learner.entries) {
    const other = found.get(entry.id);
    const order = other === undefined ? -1 : compareBallots(other.accepted, entry.accepted);
    if (order === 0) same.add(entry.id);
    if (order < 0) found.set(entry.id, entry);
  }
  const entries: ScanEntry[] = [];
  for (const entry of found.values()) {
    if (lastId !== null && entry.id > lastId) continue;
    entries.push(same.has(entry.id) ? entry : { ...entry, split: true });
  }
  entries.sort((a, b) => (a.id < b.id ? -1 : 1));
  const exhausted = lastId === null;
  return { type: MessageType.scanned, entries, lastId: exhausted ? old.lastId : lastId, exhausted };
}

/** Where they do not say the same, nothing is said that could be the same as another's. */
function mergedCounts(old: RecordsCountedResponse, learner: RecordsCountedResponse): RecordsCountedResponse {
  const isSameRange = old.exhausted === learner.exhausted && (old.exhausted || old.lastId === learner.lastId);
  const nearest = !old.exhausted && (learner.exhausted || old.lastId <= learner.lastId) ? old : learner;
  const counts = old.counts.map((count, i) => {
    const isSame = isSameRange && learner.counts[i]?.digest === count.digest;
    return { ...count, isSettled: isSame && count.isSettled && learner.counts[i]?.isSettled === true };
  });
  return { type: MessageType.recordsCounted, counts, lastId: nearest.lastId, exhausted: nearest.exhausted };
}
