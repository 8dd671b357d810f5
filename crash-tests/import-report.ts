import type { TypeTotal } from './key-digests.ts';
import { table } from './report.ts';

/** What the last run of an import said. */
export interface ImportOutcome {
  readonly keys: number;
  readonly commands: number;
  readonly repaired: number;
  readonly compared: number;
  /** What should not be so. */
  readonly problems: readonly string[];
  /** What was not taken, for people. */
  readonly text: string;
}

interface Tally {
  readonly count: number;
  readonly names: readonly string[];
}

interface ImportJson {
  readonly keys?: number;
  readonly commands?: number;
  readonly repaired?: number;
  readonly verified?: { readonly compared: number; readonly different: number; readonly problems: string[] };
  readonly skipped?: Readonly<Record<string, Tally>>;
  readonly refused?: Readonly<Record<string, Tally>>;
  readonly failed?: Readonly<Record<string, Tally>>;
}

function talliesTable(title: string, tallies: Readonly<Record<string, Tally>>): string {
  const rows = Object.entries(tallies).map(([what, { count, names }]) => {
    const shown = names.filter((name) => name !== '');
    return [what, count, `${shown.join(', ')}${count > shown.length && shown.length > 0 ? ', ...' : ''}`];
  });
  return table([[title, 'count', 'names'], ...rows]);
}

/** Reads the line that --json prints at the end. */
export function outcomeOf(output: string): ImportOutcome {
  const line = output.trim().split('\n').at(-1) ?? '';
  const json = JSON.parse(line.startsWith('{') ? line : '{}') as ImportJson;
  const { verified, skipped = {}, refused = {}, failed = {} } = json;
  const problems: string[] = [];
  if (verified?.different !== 0) problems.push(`it found: ${line}`);
  for (const name of Object.keys(failed)) problems.push(`it failed with: ${name}`);
  const streams = skipped['stream']?.names.join() ?? '';
  if (!/\bstream:\d\b/.test(streams)) problems.push('the streams are not named');
  if (!skipped['functions']?.names.includes('early')) problems.push('the functions are not named');
  if (!skipped['changes of functions']?.names.includes('late')) problems.push('new functions are not named');
  const parts = [talliesTable('not taken', skipped)];
  if (Object.keys(refused).length > 0) parts.push(talliesTable('refused, its keys copied', refused));
  return {
    keys: json.keys ?? 0,
    commands: json.commands ?? 0,
    repaired: json.repaired ?? 0,
    compared: verified?.compared ?? 0,
    problems,
    text: parts.join('\n\n'),
  };
}

/** How many keys of which type and encoding. */
export function totalsTable(totals: ReadonlyMap<string, TypeTotal>): string {
  const rows = [...totals]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { keys, expiring, elements, bytes }]) => [
      name,
      keys,
      expiring,
      elements,
      Number((bytes / 1e6).toFixed(1)),
    ]);
  const sum = (column: number): number => rows.reduce((total, row) => total + Number(row[column]), 0);
  const last = ['together', sum(1), sum(2), sum(3), Number(sum(4).toFixed(1))];
  return table([['source, at the end', 'keys', 'expiring', 'elements', 'MB'], ...rows, last]);
}

/** How long what took. */
export class Phases {
  readonly #rows: (string | number)[][] = [];
  #fromMs = performance.now();

  /** What began when the last one ended is over; `keys` null: that is not what counts. */
  end(name: string, keys: number | null): void {
    const nowMs = performance.now();
    const seconds = (nowMs - this.#fromMs) / 1_000;
    this.#fromMs = nowMs;
    const rate = keys === null ? '' : Math.round(keys / seconds);
    console.log(`          ${seconds.toFixed(1)} s: ${name}`);
    this.#rows.push([name, Number(seconds.toFixed(1)), keys ?? '', rate]);
  }

  table(): string {
    return table([['what', 'seconds', 'keys', 'keys/s'], ...this.#rows]);
  }
}
