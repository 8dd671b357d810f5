const KIB = 1_024;
const UNITS = ['KB', 'MB', 'GB', 'TB', 'PB'] as const;
const MINUTE_MS = 60_000;

/** Bytes as a person reads them, in units of 1024: 512 B, 1.5 MB. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit: string = 'B';
  for (const larger of UNITS) {
    if (value < KIB) break;
    value /= KIB;
    unit = larger;
  }
  return unit === 'B' ? `${Math.round(value)} B` : `${value.toFixed(value < 10 ? 1 : 0)} ${unit}`;
}

/** A span of time as a person reads it: 45 s, 12 min, 3 h 20 min. */
export function spanText(ms: number): string {
  if (ms < MINUTE_MS) return `${Math.ceil(ms / 1_000)} s`;
  const minutes = Math.round(ms / MINUTE_MS);
  if (minutes < 60) return `${minutes} min`;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
