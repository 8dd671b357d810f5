import { describe, expect, it } from 'vitest';
import { ballotRow } from './ballot-row.ts';
import { keptState } from './kept-state.ts';
import { type SealedState, type StateHeader, StateKind } from './state.ts';

const origin = { time: 1, proposer: 1 };
const header: StateHeader = {
  kind: StateKind.live,
  origin,
  lineage: ballotRow([origin]),
  birth: true,
  expiresAtMs: 0,
  sizeBytes: 5,
  namespace: 0,
  generation: 1,
  paged: false,
  remembers: false,
};

/** As it arrives: views of one frame of this many bytes. */
function arrived(frameBytes: number, metaBytes: number, valueBytes: number): SealedState {
  const frame = Buffer.alloc(frameBytes, 'frame');
  return { header, meta: frame.subarray(3, 3 + metaBytes), value: frame.subarray(500, 500 + valueBytes) };
}

describe('a state for keeping', () => {
  it('does not keep the frame that it arrived in', () => {
    for (const valueBytes of [0, 20, 4_000]) {
      const state = arrived(65_536, 200, valueBytes);
      const kept = keptState(state);
      expect(kept).toEqual(state);
      expect(kept.meta.buffer).not.toBe(state.meta.buffer);
      expect(kept.value?.buffer).not.toBe(state.value?.buffer);
      expect(keptState(kept)).toBe(kept);
    }
  });

  it('is left as it is where it takes most of that, its metadata in the same memory', () => {
    const state = arrived(10_000, 200, 9_000);
    expect(keptState(state)).toBe(state);
  });

  it('may be without its value', () => {
    const { meta } = arrived(65_536, 200, 0);
    const kept = keptState({ header, meta, value: null });
    expect(kept).toEqual({ header, meta, value: null });
    expect(kept.meta.buffer).not.toBe(meta.buffer);
  });
});
