import { assert } from '../base/assert.ts';
import type { ClusterMap, DatabaseEntry } from './map.ts';
import type { Fields } from './map-fields.ts';
import { groupOf } from './namespace-groups.ts';

/** The number that records of a database carry: its own, until SWAPDB exchanges it for another one's. */
export function storedAs({ databases }: ClusterMap, database: number): number {
  return databases[database]?.storedAs ?? database;
}

/** The database whose records carry this number: what `storedAs` gives, backwards. */
export function databaseOf({ databases }: ClusterMap, stored: number): number {
  if ((databases[stored]?.storedAs ?? stored) === stored) return stored;
  return databases.findIndex((entry) => entry.storedAs === stored);
}

/** Map epoch of the last SWAPDB of a database; 0: there was none. */
export function swapEpoch({ databases }: ClusterMap, database: number): number {
  return databases[database]?.swapEpoch ?? 0;
}

/**
 * The map after SWAPDB of two databases of one group: next epoch, and what either is stored as is now the other's. What is
 * stored does not change; but the epoch of both changes, so that nobody goes on under the old meaning (protocol §8).
 */
export function withSwappedDatabases(map: ClusterMap, one: number, other: number): ClusterMap {
  const isPair = one !== other && Math.max(one, other) < map.namespaces.length;
  assert(isPair && groupOf(one) === groupOf(other), 'two databases of one group');
  const epoch = map.epoch + 1;
  const databases: DatabaseEntry[] = [...map.databases];
  while (databases.length <= Math.max(one, other)) databases.push({ storedAs: databases.length, swapEpoch: 0 });
  const [first, second] = [storedAs(map, one), storedAs(map, other)];
  databases[one] = { storedAs: second, swapEpoch: epoch };
  databases[other] = { storedAs: first, swapEpoch: epoch };
  const namespaces = map.namespaces.map((entry, stored) =>
    stored === first || stored === second ? { ...entry, epoch } : entry,
  );
  return { ...map, epoch, databases, namespaces };
}

/** Everything that is wrong with what a map's databases are stored as; empty if nothing is. */
export function databasesProblems({ databases, namespaces, epoch }: ClusterMap): string[] {
  const problems: string[] = [];
  if (databases.length > namespaces.length) problems.push('more databases were swapped than there are');
  if (databases.at(-1)?.swapEpoch === 0) problems.push('the last of the swapped databases was not swapped');
  const taken = new Set<number>();
  for (const [database, { storedAs: stored, swapEpoch: swapped }] of databases.entries()) {
    if (groupOf(stored) !== groupOf(database)) problems.push(`database ${database} is stored in another group`);
    if (taken.has(stored)) problems.push(`two databases are stored as ${stored}`);
    taken.add(stored);
    if (swapped > epoch || (swapped === 0 && stored !== database)) {
      problems.push(`database ${database} was swapped at an epoch that is not from 1 to the map's`);
    }
  }
  // Those behind the list are stored as themselves.
  if ([...taken].some((stored) => stored >= databases.length)) problems.push('two databases are stored as one');
  return problems;
}

/** Each database that was ever swapped as "database>stored@epoch"; nothing where none was. */
export function databasesToJson({ databases }: ClusterMap): object {
  const texts = databases.flatMap(({ storedAs: stored, swapEpoch: swapped }, database) =>
    swapped === 0 ? [] : [`${database}>${stored}@${swapped}`],
  );
  return texts.length === 0 ? {} : { databases: texts.join(' ') };
}

const ENTRY_TEXT = /^(0|[1-9]\d{0,4})>(0|[1-9]\d{0,4})@([1-9]\d{0,15})$/;

/** Reads what `databasesToJson` wrote. */
export function databasesFromJson(root: Fields, problems: string[]): readonly DatabaseEntry[] {
  const databases: DatabaseEntry[] = [];
  if (!root.has('databases')) return databases;
  for (const text of root.text('databases').split(' ')) {
    const [, database, stored, swapped] = ENTRY_TEXT.exec(text) ?? [];
    if (database === undefined || Number(database) < databases.length) {
      problems.push('databases must be such as "0>1@17 1>0@17", in the order of their numbers');
      return [];
    }
    while (databases.length < Number(database)) databases.push({ storedAs: databases.length, swapEpoch: 0 });
    databases.push({ storedAs: Number(stored), swapEpoch: Number(swapped) });
  }
  return databases;
}
