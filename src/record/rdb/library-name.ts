/** Longest first line of a library that is looked at. */
const FIRST_LINE_BYTES = 1_024;

/** The name that a library of functions gives itself in its first line (`#!lua name=mylib`); '' where it has none. */
export function libraryName(code: Buffer): string {
  const [first = ''] = code.toString('utf8', 0, FIRST_LINE_BYTES).split('\n', 1);
  return /^#!\S+.*?\sname=(\S+)/.exec(first)?.[1] ?? '';
}
