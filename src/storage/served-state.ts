import { assert } from '../base/assert.ts';
import { keep } from '../base/kept-bytes.ts';
import { limits } from '../base/limits.ts';
import { recordKey } from '../record/record-id.ts';
import type { SealedState } from '../record/state.ts';
import { encodeStored } from '../record/state-codec.ts';
import { type CommitItem, Want } from '../rpc/messages.ts';

/** Not without its value, as a node may keep it in memory. */
export function isWhole(state: SealedState | null): boolean {
  return state === null || state.value !== null;
}

/** It has a value apart from its metadata. What a transaction left at it is always whole. */
export function canBeThin({ value, intent }: SealedState): boolean {
  return value !== null && value.length > limits.embeddedValueBytes && intent === undefined;
}

/** For keeping: what it keeps of the state does not keep the value's memory. */
export function withoutValue({ header, meta }: SealedState): SealedState {
  return { header, meta: keep(meta), value: null };
}

/** The part of a state that was asked for; whole, if all was. */
export function project(state: SealedState | null, want: Want): SealedState | null {
  if (state === null || want === Want.nothing) return null;
  assert(want !== Want.full || state.value !== null, 'a value that was asked for is in memory');
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
