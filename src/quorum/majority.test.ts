import { describe, expect, it } from 'vitest';
import { majority } from './majority.ts';

/** All subsets of 0..nodes-1 with `size` members, as bit masks: the dumb way to know what a quorum is. */
function subsets(nodes: number, size: number): number[] {
  const found: number[] = [];
  for (let mask = 0; mask < 1 << nodes; mask++) {
    let members = 0;
    for (let bits = mask; bits !== 0; bits &= bits - 1) members++;
    if (members === size) found.push(mask);
  }
  return found;
}

describe.each([1, 3, 5])('quorums of %i nodes', (nodes) => {
  it('share a node, whichever two are taken', () => {
    const quorums = subsets(nodes, majority(nodes));
    for (const one of quorums) for (const other of quorums) expect(one & other).not.toBe(0);
  });

  it('are no larger than they must be', () => {
    const smaller = subsets(nodes, majority(nodes) - 1);
    expect(smaller.some((one) => smaller.some((other) => (one & other) === 0))).toBe(true);
  });
});
