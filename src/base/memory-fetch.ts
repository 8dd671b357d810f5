/**
 * Records of a busy process lie scattered over more memory than the processor's caches hold, and each first look at one waits
 * for it. A short loop that only looks at what the loop after it needs waits much less: its loads do not depend on each
 * other, so that many are under way at once. What such a loop has read is added up and left here, or it would be dropped as
 * useless.
 */
export const memoryFetch: { sum: number } = { sum: 0 };
