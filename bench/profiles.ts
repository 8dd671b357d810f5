import { type ByPart, type CodePart, PartSums, partOfNative, partOfUrl } from './code-parts.ts';

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
}

/** Profiler.Profile of the inspector protocol, as far as it is used. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: CallFrame;
    readonly children?: readonly number[];
  }[];
  /** Ids of nodes. */
  readonly samples?: readonly number[];
}

/** HeapProfiler.SamplingHeapProfile, as far as it is used. */
export interface HeapNode {
  readonly callFrame: CallFrame;
  readonly selfSize: number;
  readonly children: readonly HeapNode[];
}

/** Profiler.takePreciseCoverage's result, as far as it is used. */
export interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly {
      readonly functionName: string;
      readonly ranges: readonly { readonly count: number }[];
    }[];
  }[];
}

function partOf({ functionName, url }: CallFrame, caller: CodePart | 'idle'): CodePart | 'idle' {
  return partOfUrl(url) ?? partOfNative(functionName) ?? caller;
}

/**
 * Self time of each part as a share of the time in which the thread did not wait; 1 together. A sampling profiler: shares
 * are estimates, and what is inlined counts for the function that is in the source.
 */
export function cpuShares(profile: CpuProfile): { readonly shares: ByPart; readonly samples: number } {
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const parts = new Map<number, CodePart | 'idle'>();
  const descend = (id: number, caller: CodePart | 'idle'): void => {
    const node = byId.get(id);
    if (node === undefined) return;
    const part = partOf(node.callFrame, caller);
    parts.set(id, part);
    for (const child of node.children ?? []) descend(child, part);
  };
  const [root] = profile.nodes;
  if (root !== undefined) descend(root.id, 'native code');
  const sums = new PartSums();
  // Samples have equal weights: the time between two of them is also time in which other programs had the processor.
  for (const id of profile.samples ?? []) {
    const part = parts.get(id) ?? 'native code';
    if (part !== 'idle') sums.add(part, 1);
  }
  return { shares: sums.times(sums.total === 0 ? 0 : 1 / sums.total), samples: sums.total };
}

/** Bytes that each part allocated on the JavaScript heap, per operation. */
export function heapBytes(head: HeapNode, operations: number): ByPart {
  const sums = new PartSums();
  const descend = (node: HeapNode, caller: CodePart): void => {
    const own = partOf(node.callFrame, caller);
    const part = own === 'idle' ? caller : own;
    sums.add(part, node.selfSize);
    for (const child of node.children) descend(child, part);
  };
  descend(head, 'native code');
  return sums.times(1 / operations);
}

/** Something that happens in junokv, seen by the calls of one function. */
export interface CountedEvent {
  readonly name: string;
  /** The end of its path, and the name as the source has it. */
  readonly file: string;
  readonly functionName: string;
}

/** How often functions were called, per operation. */
export interface CallCounts {
  readonly calls: ByPart;
  readonly events: readonly { readonly name: string; readonly perOperation: number }[];
}

export function callCounts(coverage: Coverage, events: readonly CountedEvent[], operations: number): CallCounts {
  const sums = new PartSums();
  const counted = new Map<CountedEvent, number>();
  for (const { url, functions } of coverage.result) {
    const part = partOfUrl(url);
    for (const { functionName, ranges } of functions) {
      const count = ranges[0]?.count ?? 0;
      if (part !== null) sums.add(part, count);
      const event = events.find((one) => url.endsWith(`/${one.file}`) && functionName === one.functionName);
      if (event !== undefined) counted.set(event, (counted.get(event) ?? 0) + count);
    }
  }
  return {
    calls: sums.times(1 / operations),
    // What was never called is not reported.
    events: events.map((event) => ({ name: event.name, perOperation: (counted.get(event) ?? 0) / operations })),
  };
}
