const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const CARET = 0x5e;
const BACKSLASH = 0x5c;
const DASH = 0x2d;

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}

/** Index behind a class that starts at `open` (the bracket); an unclosed class ends with the pattern, as in Redis. */
function classEnd(pattern: Uint8Array, open: number): number {
  let at = open + 1;
  if (pattern[at] === CARET) at++;
  for (;;) {
    if (at >= pattern.length) return pattern.length;
    const byte = pattern[at];
    if (byte === CLOSE) return at + 1;
    if (byte === BACKSLASH && at + 1 < pattern.length) at += 2;
    else if (pattern[at + 1] === DASH && at + 2 < pattern.length) at += 3;
    else at++;
  }
}

function classContains(pattern: Uint8Array, open: number, end: number, byte: number, ignoreCase: boolean): boolean {
  const wanted = ignoreCase ? lower(byte) : byte;
  const fold = (value: number | undefined): number => (ignoreCase ? lower(value ?? 0) : (value ?? 0));
  let at = open + 1;
  const negated = pattern[at] === CARET;
  if (negated) at++;
  let found = false;
  while (at < end) {
    if (pattern[at] === CLOSE) break;
    if (pattern[at] === BACKSLASH && at + 1 < pattern.length) {
      // Redis compares an escaped byte as it is, whatever the case rule.
      if (pattern[at + 1] === byte) found = true;
      at += 2;
    } else if (pattern[at + 1] === DASH && at + 2 < pattern.length) {
      const a = pattern[at] ?? 0;
      const b = pattern[at + 2] ?? 0;
      // Redis orders the ends before it folds their case.
      if (wanted >= fold(Math.min(a, b)) && wanted <= fold(Math.max(a, b))) found = true;
      at += 3;
    } else {
      if (fold(pattern[at]) === wanted) found = true;
      at++;
    }
  }
  return found !== negated;
}

/**
 * Redis's stringmatchlen: `*`, `?`, `[a-z]`, `[^a]`, backslash. Works on bytes. Needs at most
 * pattern length x string length steps: only the last `*` is ever tried again.
 */
export function globMatches(pattern: Uint8Array, string: Uint8Array, ignoreCase = false): boolean {
  let p = 0;
  let s = 0;
  let starPattern = -1;
  let starString = 0;
  for (;;) {
    const byte = pattern[p];
    if (byte === STAR) {
      while (pattern[p] === STAR) p++;
      if (p === pattern.length) return true;
      starPattern = p;
      starString = s;
      continue;
    }
    if (s === string.length) return p === pattern.length;
    const given = string[s] ?? 0;
    let matched = false;
    let next = p + 1;
    if (byte === QUESTION) {
      matched = true;
    } else if (byte === OPEN) {
      next = classEnd(pattern, p);
      matched = classContains(pattern, p, next, given, ignoreCase);
    } else if (byte !== undefined) {
      let literal = byte;
      if (byte === BACKSLASH && p + 1 < pattern.length) {
        literal = pattern[p + 1] ?? 0;
        next = p + 2;
      }
      matched = ignoreCase ? lower(literal) === lower(given) : literal === given;
    }
    if (matched) {
      p = next;
      s++;
      continue;
    }
    if (starPattern === -1) return false;
    p = starPattern;
    s = ++starString;
  }
}
