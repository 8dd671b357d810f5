import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';

/** Memory that this process may use: the machine's, or the control group's or V8's limit where that is lower. Bytes. */
export function usableMemoryBytes(): number {
  const constrained = process.constrainedMemory();
  const machine = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return Math.min(machine, getHeapStatistics().heap_size_limit);
}
