/** Memory of this process in bytes; in one-process mode the storage nodes are part of it. */
export interface ProcessMemory {
  readonly rssBytes: number;
  readonly peakRssBytes: number;
  /** JavaScript heap in use. */
  readonly heapBytes: number;
  /** Buffers and what native code has reported. */
  readonly externalBytes: number;
}

/** Asks the machine; some microseconds. */
export function processMemory(): ProcessMemory {
  const { rss, heapUsed, external } = process.memoryUsage();
  // maxRSS is in KiB, and may lag behind what memoryUsage has just read.
  const peakRssBytes = Math.max(rss, process.resourceUsage().maxRSS * 1024);
  return { rssBytes: rss, peakRssBytes, heapBytes: heapUsed, externalBytes: external };
}

/** Processor time of this process since its start, microseconds. */
export interface ProcessorUse {
  readonly userUs: number;
  readonly systemUs: number;
}

export function processorUse(): ProcessorUse {
  const { user, system } = process.cpuUsage();
  return { userUs: user, systemUs: system };
}
