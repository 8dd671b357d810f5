import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Ballot, compareBallots } from '../record/ballot.ts';
import { majority } from './majority.ts';
import { ProposerRules } from './rules.ts';

const rules = new ProposerRules();
const ballot = fc.record({ time: fc.integer({ min: 0, max: 3 }), proposer: fc.integer({ min: 0, max: 2 }) });
const reports = fc.array(
  ballot.map((accepted: Ballot) => ({ accepted })),
  { minLength: 1, maxLength: 5 },
);

describe('the rules of a proposer', () => {
  it('read a majority', () => {
    for (const nodes of [1, 3, 5]) expect(rules.readQuorum(nodes)).toBe(majority(nodes));
  });

  it('take the highest report as the base', () => {
    fc.assert(
      fc.property(reports, (all) => {
        const base = all[rules.chooseBase(all)];
        expect(base).toBeDefined();
        for (const other of all) {
          if (base !== undefined) expect(compareBallots(base.accepted, other.accepted)).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  it('notice every difference between promises', () => {
    fc.assert(
      fc.property(reports, (all) => {
        const distinct = new Set(all.map(({ accepted }) => `${accepted.time}.${accepted.proposer}`));
        expect(rules.promisesDiffer(all)).toBe(distinct.size > 1);
      }),
    );
  });
});
