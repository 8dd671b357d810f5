const THOUSANDS = /\B(?=(\d{3})+$)/g;
const MS_US = 1_000;

/** A number of things, with commas. */
export function countText(count: number): string {
  return String(Math.round(count)).replace(THOUSANDS, ',');
}

/** Microseconds as milliseconds; as many digits as the histogram keeps. */
export function millisecondsText(us: number): string {
  const ms = us / MS_US;
  if (ms < 10) return ms.toFixed(3);
  if (ms < 100) return ms.toFixed(2);
  return ms < 1_000 ? ms.toFixed(1) : countText(ms);
}

/** Milliseconds as seconds, without digits that say nothing. */
export function secondsText(ms: number): string {
  return `${Number((ms / 1_000).toFixed(1))} s`;
}
