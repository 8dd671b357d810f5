import { readFileSync } from 'node:fs';

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

export function readProcessorTimes(): ProcessorTimes {
  return parseProcessorTimes(readFileSync('/proc/stat', 'latin1'));
}

/** Share of the processors' time that other machines of the host had between two looks. */
export function stolenBetween(before: ProcessorTimes, after: ProcessorTimes): number {
  const ticks = after.total - before.total;
  return ticks > 0 ? (after.stolen - before.stolen) / ticks : 0;
}
