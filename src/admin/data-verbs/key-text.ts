export type ParsedBytes =
  | { readonly ok: true; readonly bytes: Buffer }
  /** What is wrong, for after the words 'the key' or 'the value'. */
  | { readonly ok: false; readonly problem: string };

/** The bytes that a word of the command line stands for. */
export function bytesOfWord(word: string, hex: boolean): ParsedBytes {
  if (hex) {
    if (word.length % 2 === 0 && /^[0-9a-f]*$/i.test(word)) return { ok: true, bytes: Buffer.from(word, 'hex') };
    return { ok: false, problem: 'must be hexadecimal digits, two to a byte (--hex)' };
  }
  // Node has put this character where the command line was not UTF-8: the bytes that were meant are lost.
  if (word.includes('\ufffd')) return { ok: false, problem: 'is not UTF-8; give it with --hex' };
  return { ok: true, bytes: Buffer.from(word, 'utf8') };
}

/** The text that the bytes are in UTF-8, null if they are none. */
export function utf8Text(bytes: Buffer): string | null {
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? text : null;
}
