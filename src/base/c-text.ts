/** As C reads a text: what stands before its first zero byte, shared with `bytes`. */
export function upToZero(bytes: Buffer): Buffer {
  const zero = bytes.indexOf(0);
  return zero < 0 ? bytes : bytes.subarray(0, zero);
}
