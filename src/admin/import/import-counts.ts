import { limits } from '../../base/limits.ts';

/** So many that one thing happened to, and the names of the first. */
export interface Tally {
  readonly count: number;
  readonly names: readonly string[];
}

/** What became of the keys of an import, and of the commands that followed. */
export class ImportCounts {
  /** Keys written; those of earlier runs of the same import are among them. */
  keys = 0;
  /** Keys that had expired already. */
  expired = 0;
  /** Bytes of the values, as they came. */
  bytes = 0;
  /** Commands of the source that were carried out, and keys that were copied once more because one could not be. */
  commands = 0;
  repaired = 0;
  /** What is not taken, by what it is: streams, functions ... */
  readonly skipped = new Map<string, { count: number; names: string[] }>();
  /** Commands of the source that the target refused, by their names and its words; their keys were copied anew. */
  readonly refused = new Map<string, { count: number; names: string[] }>();
  /** Keys that the target refused, by its words. */
  readonly failed = new Map<string, { count: number; names: string[] }>();

  skip(what: string, name: string): void {
    tally(this.skipped, what, name);
  }

  fail(error: string, name: string): void {
    tally(this.failed, error, name);
  }

  refuse(command: string, error: string): void {
    tally(this.refused, `${command.toUpperCase()}: ${error}`, '');
  }

  /** Takes over what another one counted as not taken. */
  takeProblems(other: ImportCounts): void {
    for (const name of TALLIES) {
      merge(this[name], other[name]);
      other[name].clear();
    }
  }

  get failures(): number {
    let failures = 0;
    for (const { count } of this.failed.values()) failures += count;
    return failures;
  }

  toJson(): object {
    const { keys, expired, bytes, commands, repaired, skipped, refused, failed } = this;
    return {
      keys,
      expired,
      bytes,
      commands,
      repaired,
      skipped: Object.fromEntries(skipped),
      refused: Object.fromEntries(refused),
      failed: Object.fromEntries(failed),
    };
  }

  /** Adds what an earlier run of the same import counted, as `toJson` gave it. */
  add(json: unknown): void {
    if (typeof json !== 'object' || json === null) return;
    const earlier = json as Record<string, unknown>;
    for (const name of ['keys', 'expired', 'bytes', 'commands', 'repaired'] as const) {
      const value = earlier[name];
      if (typeof value === 'number') this[name] += value;
    }
    for (const name of TALLIES) {
      const tallies = earlier[name];
      if (typeof tallies === 'object' && tallies !== null) merge(this[name], new Map(Object.entries(tallies)));
    }
  }
}

const TALLIES = ['skipped', 'refused', 'failed'] as const;

function merge(into: Map<string, { count: number; names: string[] }>, from: ReadonlyMap<string, Tally>): void {
  for (const [what, { count, names }] of from) {
    const shown = names.slice(0, limits.importNamesShown);
    tally(into, what, ...shown);
    const entry = into.get(what);
    if (entry !== undefined) entry.count += count - shown.length;
  }
}

function tally(into: Map<string, { count: number; names: string[] }>, what: string, ...names: string[]): void {
  let entry = into.get(what);
  if (entry === undefined) {
    // What a server says may be different every time.
    const isFull = into.size >= limits.importKindsCounted;
    const name = isFull ? 'others' : what;
    entry = into.get(name) ?? { count: 0, names: [] };
    into.set(name, entry);
  }
  entry.count += names.length;
  const room = limits.importNamesShown - entry.names.length;
  if (room > 0) entry.names.push(...names.slice(0, room));
}

/** A key as people read it, with its database. */
export function nameOf(database: number, key: Buffer): string {
  const text = key.length > 100 ? `${key.toString('utf8', 0, 100)}...` : key.toString();
  const shown = JSON.stringify(text).slice(1, -1);
  return database === 0 ? shown : `${shown} (database ${database})`;
}

/** `3 streams (a, b, c), 1 functions`; '' where there is nothing. */
export function talliesText(tallies: ReadonlyMap<string, Tally>): string {
  return [...tallies]
    .map(([what, { count, names }]) => {
      const shown = names.filter((name) => name !== '');
      const more = count > names.length ? ', ...' : '';
      return `${count} ${what}${shown.length === 0 ? '' : ` (${shown.join(', ')}${more})`}`;
    })
    .join('; ');
}
