import { readFileSync } from 'node:fs';

/**
 * Of the processors' time may go to other machines of the same host in a run that counts: beyond it the run is repeated, as what
 * is measured is the host's other guests.
 */
const MOST_STOLEN = 0.05;
/** Runs, of which the one with the least stolen counts: on a host that is always busy there is no better one to wait for. */
const TRIES = 3;

/** Time of all processors since the machine started, in ticks. */
export interface ProcessorTimes {
  readonly total: number;
  /** In which a processor had something to do and the host gave it to another machine. */
  readonly stolen: number;
}

/** Of the text of /proc/stat (proc(5)). */
export function parseProcessorTimes(text: string): ProcessorTimes {
  const line = /^cpu +(.*)$/m.exec(text)?.[1] ?? '';
  // Of ten times the last two are part of the first two.
  const times = line.split(' ').map(Number).slice(0, 8);
  const total = times.reduce((sum, ticks) => sum + ticks, 0);
  if (times.length < 4 || !Number.isFinite(total)) throw new Error(`no times of processors in ${text.slice(0, 200)}`);
  return { total, stolen: times[7] ?? 0 };
}

function readProcessorTimes(): ProcessorTimes {
  return parseProcessorTimes(readFileSync('/proc/stat', 'latin1'));
}

/** Runs it, more than once where much was stolen meanwhile; the run that was disturbed least, and the share that was stolen in it. */
export async function leastDisturbed<T>(
  run: () => Promise<T>,
  read: () => ProcessorTimes = readProcessorTimes,
): Promise<{ readonly result: T; readonly stolen: number }> {
  let best: { readonly result: T; readonly stolen: number } | null = null;
  for (let tries = 0; tries < TRIES; tries++) {
    const before = read();
    const result = await run();
    const after = read();
    const ticks = after.total - before.total;
    const stolen = ticks > 0 ? (after.stolen - before.stolen) / ticks : 0;
    if (best === null || stolen < best.stolen) best = { result, stolen };
    if (stolen <= MOST_STOLEN) break;
  }
  if (best === null) throw new Error('nothing was run');
  return best;
}
