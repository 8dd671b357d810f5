/** For tests: the ways to cut `bytes` that every parser vector runs through. Each chunk is a copy of its own. */
export function* chunkings(bytes: Buffer): Generator<Buffer[]> {
  yield [Buffer.from(bytes)];
  yield Array.from(bytes, (byte) => Buffer.from([byte]));
  for (let at = 1; at < bytes.length; at++) yield [Buffer.from(bytes.subarray(0, at)), Buffer.from(bytes.subarray(at))];
}

/** For tests: cuts `bytes` after each of `sizes` in turn, over and over. */
export function cutBySizes(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? 1);
    chunks.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  return chunks;
}
