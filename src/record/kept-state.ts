import { keep } from '../base/kept-bytes.ts';
import type { SealedState } from './state.ts';

/** The state for keeping: what arrived over a socket are views of all that was read at once, and must not keep that. */
export function keptState(state: SealedState): SealedState {
  const { header, meta, value, intent } = state;
  // Views of the message that brought it, and gone with it soon.
  if (intent !== undefined) return state;
  if (value !== null && (meta.length + value.length) * 2 > meta.buffer.byteLength && meta.length > 0) return state;
  const ownMeta = keep(meta);
  const ownValue = value === null ? null : keep(value);
  return ownMeta === meta && ownValue === value ? state : { header, meta: ownMeta, value: ownValue };
}
