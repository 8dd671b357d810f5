/** Which keys a load touches: each as often as any other, few of them most of the time, or always the same one. */
export type KeyPattern = 'uniform' | 'zipf' | 'one';

/** YCSB's constant: of 100,000 keys the first takes 8% of all requests, the first hundred take 40%. */
const ZIPF_THETA = 0.99;
const DIGITS = 12;
const SLOTS = 16_384;

/** `key:000000000042`, as redis-benchmark names its keys. */
export function keyName(prefix: string, index: number): string {
  return `${prefix}${String(index).padStart(DIGITS, '0')}`;
}

/** A number in [0, 1) at each call; the same ones for the same seed. Not for secrets. */
export function seededRandom(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) | 0;
  return () => {
    // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The index of the next key, from 0 to keys - 1. */
export function keyChooser(pattern: KeyPattern, keys: number, random: () => number): () => number {
  switch (pattern) {
    case 'one':
      return () => 0;
    case 'uniform':
      return () => Math.floor(random() * keys);
    case 'zipf':
      return zipf(keys, random);
  }
}

/** The sum of 1 / rank^theta over all ranks; kept, since each connection asks for the same one. */
const zetas = new Map<number, number>();

function zeta(keys: number): number {
  let sum = zetas.get(keys);
  if (sum === undefined) {
    sum = 0;
    for (let rank = 1; rank <= keys; rank++) sum += 1 / rank ** ZIPF_THETA;
    zetas.set(keys, sum);
  }
  return sum;
}

/** Gray et al., Quickly Generating Billion-Record Synthetic Databases; as in YCSB. */
function zipf(keys: number, random: () => number): () => number {
  const sum = zeta(keys);
  const alpha = 1 / (1 - ZIPF_THETA);
  const two = 1 + 0.5 ** ZIPF_THETA;
  const eta = (1 - (2 / keys) ** (1 - ZIPF_THETA)) / (1 - two / sum);
  return () => {
    const u = random();
    const scaled = u * sum;
    if (scaled < 1) return 0;
    if (scaled < two) return Math.min(1, keys - 1);
    return Math.min(keys - 1, Math.floor(keys * (eta * u - eta + 1) ** alpha));
  };
}

/** Redis Cluster's slot of a key without a hash tag: CRC16 (XMODEM) mod 16384. */
export function slotOf(key: string): number {
  let crc = 0;
  for (let i = 0; i < key.length; i++) {
    crc ^= key.charCodeAt(i) << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc % SLOTS;
}
