import { limits } from '../src/base/limits.ts';

/** Bounds that differ from the product's: short times and small pages, so that a run of seconds sees what hours would show. */
export type SimLimits = { readonly [Name in keyof typeof limits]?: number };

/** Pages of a few hundred bytes: what is moved is small, how it is moved is the same. */
export const SMALL_PAGES: SimLimits = {
  embeddedValueBytes: 300,
  inlineValueBytes: 1_200,
  pageBytes: 1_024,
};

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
