import { constants, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { limits } from './limits.ts';
import { usableMemoryBytes } from './system-memory.ts';

/** Of V8 whose flags are known: Node 24. */
const KNOWN_V8 = /^13\./;

/** How much a process may grow between two collections of its whole heap, in percent of what it then has, heap and buffers together. */
export function growthPercent(totalBytes: number, usableBytes: number): number {
  const stepBytes = Math.min(limits.collectionStepBytes, usableBytes / limits.collectionStepShare);
  const percent = Math.round((100 * stepBytes) / Math.max(1, totalBytes));
  return Math.max(limits.collectionGrowthMinPercent, Math.min(limits.collectionGrowthMaxPercent, percent));
}

/**
 * Lets V8 collect its whole heap when heap and buffers together have grown by a step. By itself it does so whenever 64 MB of
 * buffers were made, whatever the heap is: with large values several times a second, over all records that are remembered,
 * while which requests wait. For the whole process, and for good.
 */
export function paceCollections(): void {
  if (!KNOWN_V8.test(process.versions.v8)) return;
  const usableBytes = usableMemoryBytes();
  let percent: number = limits.collectionGrowthMaxPercent;
  const set = (): void => setFlagsFromString(`--heap-growing-percent=${percent}`);
  setFlagsFromString('--external-memory-accounted-in-global-limit');
  set();
  new PerformanceObserver((list) => {
    if (!list.getEntries().some(isWhole)) return;
    const { used_heap_size: heapBytes, external_memory: bufferBytes } = getHeapStatistics();
    const next = growthPercent(heapBytes + bufferBytes, usableBytes);
    if (next === percent) return;
    percent = next;
    set();
  }).observe({ entryTypes: ['gc'] });
}

function isWhole(entry: object): boolean {
  const detail: unknown = Reflect.get(entry, 'detail');
  return (
    typeof detail === 'object' && detail !== null && Reflect.get(detail, 'kind') === constants.NODE_PERFORMANCE_GC_MAJOR
  );
}
