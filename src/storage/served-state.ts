import { recordKey } from '../record/record-id.ts';
import type { SealedState } from '../record/state.ts';
import { encodeStored } from '../record/state-codec.ts';
import { type CommitItem, Want } from '../rpc/messages.ts';

/** The part of a state that was asked for. */
export function project(state: SealedState | null, want: Want): SealedState | null {
  if (state === null || want === Want.nothing) return null;
  if (want === Want.full || state.value === null || state.value.length === 0) return state;
  const { header, meta, intent } = state;
  return intent === undefined ? { header, meta, value: null } : { header, meta, value: null, intent };
}

/** The nodes of one process use the same key: the first one makes it. */
export function engineKey(request: CommitItem): Buffer {
  request.engineKey ??= recordKey(request.address.shard, request.address.id);
  return request.engineKey;
}

/** The nodes of one process store the same bytes: the first one encodes them. */
export function storedBytes(request: CommitItem): Buffer {
  request.encoded ??= encodeStored(request.ballot, request.state);
  return request.encoded;
}

/** What arrived over a socket are views of what was read at once: keeping a small one must not keep all of that. */
export function owned(state: SealedState): SealedState {
  const { header, meta, value } = state;
  // Views of the message that brought it, and gone with it soon.
  if (state.intent !== undefined) return state;
  if (meta.buffer.byteLength <= Buffer.poolSize || meta.length * 2 > meta.buffer.byteLength) return state;
  return { header, meta: Buffer.from(meta), value: value === null ? null : Buffer.from(value) };
}
