import { textTable } from '../data-verbs/text-table.ts';
import { countText, millisecondsText, secondsText } from './number-text.ts';
import { errorsByCount, type Latency, type LoadResults, type OperationResult } from './results.ts';

const HEAD = ['operation', 'count', 'rate/s', 'errors', 'nil', 'p50', 'p90', 'p99', 'p99.9', 'p99.99', 'max'];
const CORRECTED_HEAD = ['corrected', 'p50', 'p90', 'p99', 'p99.9', 'p99.99', 'max'];
/** Errors that no server answered. */
const OWN_ERRORS: Readonly<Record<string, string>> = {
  UNSENT: 'UNSENT: due in the measured time, and not sent as too many were under way or the generator was too slow',
  UNANSWERED: 'UNANSWERED: sent, and not answered until the run was over',
  CONNECTION: 'CONNECTION: sent, and the connection was lost',
};
const BUSY_SHARE = 0.9;
/** A lag that shows in the figures of a fast server. */
const NOTABLE_LAG_US = 1_000;

/** What the results say, as a text for people; `title` says what was run. */
export function resultsTable(title: string, results: LoadResults): string {
  const { operations, expectedIntervalUs } = results;
  if (operations.length === 0) return `${title}\n\nNothing was measured${endText(results)}.`;
  const isOpen = expectedIntervalUs === null;
  const meaning = isOpen
    ? 'Latency in milliseconds, from when a request was due.'
    : 'Latency in milliseconds, from when a request was sent: what a stalled connection did not send is not in it.';
  const parts = [
    `${title}\n${secondsText(results.measuredS * 1_000)} were measured${endText(results)}.`,
    `${meaning}\n\n${rightAligned([HEAD, ...operations.map(operationRow)])}`,
  ];
  if (!isOpen) {
    parts.push(
      `Corrected, as if a request had been due every ${millisecondsText(expectedIntervalUs)} ms in each place of the pipelines:\n\n` +
        rightAligned([
          CORRECTED_HEAD,
          ...operations.map(({ name, correctedLatencyUs }) => [name, ...cells(correctedLatencyUs)]),
        ]),
    );
  }
  const errors = errorRows(operations);
  if (errors.length > 0) parts.push(`Errors:\n\n${textTable(errors)}`);
  parts.push(...generatorNotes(results));
  return parts.join('\n\n');
}

function operationRow(operation: OperationResult): string[] {
  const { name, count, ratePerS, errorCount, misses } = operation;
  return [name, ...[count, ratePerS, errorCount, misses].map(countText), ...cells(operation.latencyUs)];
}

function cells(latency: Latency | null): string[] {
  if (latency === null) return [];
  const { p50, p90, p99, p999, p9999, max } = latency;
  return [p50, p90, p99, p999, p9999, max].map(millisecondsText);
}

/** Names to the left, numbers to the right. */
function rightAligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return textTable(
    rows.map((row) => row.map((cell, column) => (column === 0 ? cell : cell.padStart(widths[column] ?? 0)))),
  );
}

function errorRows(operations: readonly OperationResult[]): string[][] {
  const kinds = operations.length > 1 ? operations.slice(0, -1) : operations;
  return kinds.flatMap(({ name, errors }) =>
    errorsByCount(errors).map(([word, { count, example }]) => [
      `  ${name}`,
      countText(count),
      example === '' ? (OWN_ERRORS[word] ?? word) : example,
    ]),
  );
}

function endText({ endReason }: LoadResults): string {
  switch (endReason) {
    case 'signal':
      return ', until it was stopped';
    case 'unreachable':
      return ', until no server could be reached any more';
    default:
      return '';
  }
}

function generatorNotes({ generator, expectedIntervalUs }: LoadResults): string[] {
  const { cpuShare, sendLagUs, blocked, reconnects } = generator;
  const notes: string[] = [];
  if (reconnects > 0) notes.push(`${countText(reconnects)} lost connections were opened again.`);
  if (expectedIntervalUs !== null && cpuShare > BUSY_SHARE) {
    notes.push(
      `The generator used ${Math.round(100 * cpuShare)} % of a core: the figures may be its own. Several of them, with different seeds, show more.`,
    );
  }
  if (sendLagUs !== null) {
    const { p50, p99, max } = sendLagUs;
    const lag = `Requests were sent ${millisecondsText(p50)} ms (p50), ${millisecondsText(p99)} ms (p99), at most ${millisecondsText(max)} ms after they were due`;
    const why = blocked > 0 ? ', as the servers had as many under way as may be' : ", by the generator's own delay";
    notes.push(`${lag}${p99 > NOTABLE_LAG_US || blocked > 0 ? why : ''}.`);
  }
  return notes;
}
