const SLOTS = 512;
/** Longer names than any command has are not kept. */
const LONGEST_NAME = 24;

/**
 * Names of commands as clients send them, each as one Buffer that all requests share: the same few bytes come again and
 * again, and a view of each would cost as much as looking the command up. Two names of one slot take it in turns.
 */
export class NameCache {
  readonly #slots: (Buffer | undefined)[] = new Array<Buffer | undefined>(SLOTS).fill(undefined);

  /** The bytes of `chunk` from `start` to `end`, in a Buffer that nobody may change. */
  find(chunk: Buffer, start: number, end: number): Buffer {
    const length = end - start;
    if (length > LONGEST_NAME) return chunk.subarray(start, end);
    let hash = length;
    for (let at = start; at < end; at++) hash = Math.imul(hash, 31) + (chunk[at] as number);
    const slot = (hash ^ (hash >>> 9)) & (SLOTS - 1);
    const known = this.#slots[slot];
    if (known !== undefined && isAt(known, chunk, start, length)) return known;
    // Memory of its own: of a shared one this little would keep the whole.
    const name = Buffer.allocUnsafeSlow(length);
    chunk.copy(name, 0, start, end);
    this.#slots[slot] = name;
    return name;
  }
}

function isAt(name: Buffer, chunk: Buffer, start: number, length: number): boolean {
  if (name.length !== length) return false;
  for (let at = 0; at < length; at++) if (name[at] !== chunk[start + at]) return false;
  return true;
}
