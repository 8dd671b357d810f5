import { limits } from '../src/base/limits.ts';

/** Bounds that differ from the product's: short times and small pages, so that a run of seconds sees what hours would show. */
export type SimLimits = { readonly [Name in keyof typeof limits]?: number };

/** Pages of a few hundred bytes: what is moved is small, how it is moved is the same. */
export const SMALL_PAGES: SimLimits = {
  embeddedValueBytes: 300,
  inlineValueBytes: 1_200,
  pageBytes: 1_024,
};

/** The product's times by which a run of seconds would see little: they are divided by the scale of a run. */
const SCALED = [
  'deadlineMs',
  'deadlineWhenLateMs',
  'chainLifeMs',
  'maxClockSkewMs',
  'lineageSpanMs',
  'resendDelayMs',
  'writeInFlightMs',
  'ceilingAheadMs',
  'flushDeadlineMs',
  'suspectMs',
] as const;

/** Times as far apart from each other as the product's, but `scale` times shorter, and what waits for minutes for seconds. */
export function shortTimes(scale: number): SimLimits {
  const scaled = Object.fromEntries(SCALED.map((name) => [name, limits[name] / scale]));
  return {
    ...scaled,
    // Half of the configuration's least (protocol §4): 2 x (longest deadline + chain life) + 2 x skew. Too short is what is to be survived.
    purgeAfterMs: 7_500 / scale,
    requestReachMs: 30_000 / scale,
    sweepRepairAgeMs: 2_000 / scale,
    sweepPassMs: 1_500 / scale,
    sweepTakeoverMs: 10_000 / scale,
    sweepSaveMs: 2_000 / scale,
    expiryBucketMs: 250 / scale,
    expiryGraceMs: 250 / scale,
    purgeRoundMs: 500 / scale,
    purgeGraceMs: 750 / scale,
    pageSweepPassMs: 1_500 / scale,
    unfinishedPageAgeMs: 8_000 / scale,
    unfinishedPagePasses: 1,
    pagePinMs: 5_000 / scale,
    pagePinEveryMs: 500 / scale,
    transactionAbortAgeMs: 500 / scale,
    transactionSweepAgeMs: 10_000 / scale,
    transactionHoldMs: 200 / scale,
    moveManagerMs: 100,
    learnerSilentMs: 5_000 / scale,
    learnerPingMs: 500 / scale,
    learnCallMs: 2_000 / scale,
    learnRetryMs: 50,
    learnRetryMaxMs: 400,
    learnFinishMs: 50,
  };
}

/** Ranges of a few records: what is done step by step takes many steps. */
export const SMALL_RANGES: SimLimits = { learnRangeRecords: 2 };

/** Sets the bounds until the function that it returns is called. */
export function setLimits(given: SimLimits): () => void {
  const current = limits as { -readonly [Name in keyof typeof limits]: number };
  const before: [keyof typeof limits, number][] = [];
  for (const [name, value] of Object.entries(given) as [keyof typeof limits, number][]) {
    before.push([name, current[name]]);
    current[name] = value;
  }
  return () => {
    for (const [name, value] of before) current[name] = value;
  };
}
