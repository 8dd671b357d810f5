/** Stands for LONG_RUN in histories: long values would be all that the search is busy with. */
const LONG_MARK = '\u00a7';
/** What makes a long value long: pages are small here (SMALL_PAGES). */
export const LONG_RUN = 'y'.repeat(2_500);

/** A value as histories have it. */
export function compact(value: string): string {
  return value.length < LONG_RUN.length ? value : value.replaceAll(LONG_RUN, LONG_MARK);
}

/** The value that `compact` made short. */
export function expand(value: string): string {
  return value.replaceAll(LONG_MARK, LONG_RUN);
}

export function isLong(value: string): boolean {
  return value.includes(LONG_MARK);
}

/** Of the value that `compact` made short. */
export function lengthOf(value: string): number {
  let length = value.length;
  for (let at = value.indexOf(LONG_MARK); at >= 0; at = value.indexOf(LONG_MARK, at + 1)) length += LONG_RUN.length - 1;
  return length;
}
