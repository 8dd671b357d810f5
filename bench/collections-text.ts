import { median } from './figures.ts';
import type { CollectionsResult, OperationResult } from './measure-collections.ts';
import { machineText, markdownTable, rate } from './results-text.ts';

/** What an operation on the large collection may take, as a multiple of the same on the small one, and in pages. */
export const TIMES_AIM = 20;
export const PAGES_AIM = 12;
/** What a proxy may grow by while it sends all of the large hash. */
export const GROWTH_AIM_BYTES = 100_000_000;

export function timesOf({ largeMs, smallMs }: OperationResult): number {
  return largeMs / smallMs;
}

function holds(isSo: boolean): string {
  return isSo ? 'holds' : 'does not hold';
}

/** Tables of what was measured; markdown, below a heading of the second level. */
export function collectionsText(result: CollectionsResult): string {
  const { machine, small, large, samples, operations, stream } = result;
  const worst = Math.max(...operations.map(timesOf));
  const mostPages = Math.max(...operations.map(({ mostPages }) => mostPages));
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  const grown = stream.grownBytes;
  const cells = operations.map((one) => [
    one.type,
    one.title,
    one.smallMs.toFixed(2),
    one.largeMs.toFixed(2),
    timesOf(one).toFixed(1),
    one.pages.toFixed(1),
    String(one.mostPages),
  ]);
  const heading = [
    '',
    'operation',
    `>${rate(small)} elements, ms`,
    `>${rate(large)} elements, ms`,
    '>times',
    '>pages',
    '>most',
  ];
  return [
    `${machineText(machine)}. One proxy and three storage nodes as processes of their own, RocksDB, \`--fsync everysec\`; collections of ` +
      `${rate(small)} and of ${rate(large)} elements of some tens of bytes, one connection, one command at a time. Medians of ${rate(samples)} operations each, ` +
      'small and large in turns, on random elements.',
    [
      `- Single operations on the large collections take at most ${worst.toFixed(1)} times as long: at most ${TIMES_AIM} ${holds(worst <= TIMES_AIM)}.`,
      `- They touch at most ${mostPages} pages: at most ${PAGES_AIM} ${holds(mostPages <= PAGES_AIM)}.`,
      `- HGETALL of ${rate(large)} fields makes the proxy grow by ${megabytes(grown)} MB: less than ${megabytes(GROWTH_AIM_BYTES)} ${holds(grown < GROWTH_AIM_BYTES)}.`,
    ].join('\n'),
    '### Single operations',
    'Pages are those that a proxy without a page cache asks of storage nodes and those that it writes, for one operation: mean and most of twenty.',
    markdownTable(heading, cells),
    '### A reply that streams',
    `HGETALL of ${rate(large)} fields, ${megabytes(stream.replyBytes)} MB, by a proxy that has just started: the first byte after ${stream.firstMs.toFixed(1)} ms, ` +
      `the last after ${median([...stream.elapsedMs]).toFixed(0)} ms (medians of ${stream.elapsedMs.length}). Its resident memory grew by at most ${megabytes(grown)} MB, ` +
      `and by ${megabytes(stream.slowGrownBytes)} MB while a client took it slowly, with pauses. redis-cli printed ${rate(stream.cliFields)} fields with their values, each once.`,
  ].join('\n\n');
}
