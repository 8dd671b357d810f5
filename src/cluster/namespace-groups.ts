import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { ClusterMap, NamespaceGroup, NamespaceLimits } from './map.ts';

/** Redis's 16 databases, which each namespace group has of its own. */
export const DATABASES_PER_GROUP = 16;

/** The fields of NamespaceLimits, in the order in which they are shown. */
export const LIMIT_NAMES = [
  'maxKeyBytes',
  'maxValueBytes',
  'maxTtlMs',
  'defaultTtlMs',
  'requestsPerSecond',
  'bytesPerSecond',
] as const satisfies readonly (keyof NamespaceLimits)[];

export const NO_LIMITS: NamespaceLimits = {
  maxKeyBytes: 0,
  maxValueBytes: 0,
  maxTtlMs: 0,
  defaultTtlMs: 0,
  requestsPerSecond: 0,
  bytesPerSecond: 0,
};

/** Group 0 of every map. */
export const DEFAULT_GROUP: NamespaceGroup = { name: 'default', limits: NO_LIMITS };

/** A change of the groups, or in words for whoever asked why it cannot be. */
export type GroupsChange =
  | { readonly ok: true; readonly map: ClusterMap }
  | { readonly ok: false; readonly problem: string };

/** The namespace number of a group's database, as records, quorum and storage know it. */
export function numberInGroup(group: number, database: number): number {
  return group * DATABASES_PER_GROUP + database;
}

/** The group that a namespace number belongs to. */
export function groupOf(namespace: number): number {
  return Math.floor(namespace / DATABASES_PER_GROUP);
}

/** The index of the group with this name, or null. */
export function findGroup(map: ClusterMap, name: string): number | null {
  const index = map.namespaceGroups.findIndex((group) => group.name === name);
  return index < 0 ? null : index;
}

/** What is wrong with a name, or null. */
export function namespaceNameProblem(name: string): string | null {
  if (name.length <= limits.namespaceNameChars && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) return null;
  return `a namespace's name is 1 to ${limits.namespaceNameChars} letters, digits, dots, dashes and underscores, and begins with a letter or digit`;
}

/** What is wrong with limits, or null. */
export function namespaceLimitsProblem(own: NamespaceLimits): string | null {
  for (const name of LIMIT_NAMES) {
    if (!Number.isSafeInteger(own[name]) || own[name] < 0) return `${name} must be a whole number from 0 on`;
  }
  if (own.maxTtlMs !== 0 && own.defaultTtlMs > own.maxTtlMs) return 'defaultTtlMs must not be above maxTtlMs';
  return null;
}

/** Everything that is wrong with a map's groups; empty if nothing is. */
export function namespaceGroupsProblems(groups: readonly NamespaceGroup[]): string[] {
  const problems: string[] = [];
  if (groups[0]?.name !== DEFAULT_GROUP.name) problems.push(`the first namespace group must be ${DEFAULT_GROUP.name}`);
  if (groups.length > limits.namespaceGroupsMax) {
    problems.push(`there are ${groups.length} namespace groups, more than ${limits.namespaceGroupsMax}`);
  }
  const seen = new Set<string>();
  for (const { name, limits: own } of groups) {
    const problem = namespaceNameProblem(name) ?? namespaceLimitsProblem(own);
    if (problem !== null) problems.push(`namespace group '${name}': ${problem}`);
    if (seen.has(name)) problems.push(`namespace group '${name}' stands twice in the map`);
    seen.add(name);
  }
  return problems;
}

/** The map with one more group: next epoch, which its sixteen namespaces begin at; no other changes. */
export function withNamespaceGroup(map: ClusterMap, name: string): GroupsChange {
  const nameProblem = namespaceNameProblem(name);
  if (nameProblem !== null) return { ok: false, problem: nameProblem };
  if (findGroup(map, name) !== null) return { ok: false, problem: `there is a namespace '${name}' already` };
  if (map.namespaceGroups.length >= limits.namespaceGroupsMax) {
    return { ok: false, problem: `a cluster has at most ${limits.namespaceGroupsMax} namespaces` };
  }
  const epoch = map.epoch + 1;
  const added = Array.from({ length: DATABASES_PER_GROUP }, () => ({ generation: 1, epoch }));
  const changed = {
    ...map,
    epoch,
    namespaceGroups: [...map.namespaceGroups, { name, limits: NO_LIMITS }],
    namespaces: [...map.namespaces, ...added],
  };
  assert(changed.namespaces.length === DATABASES_PER_GROUP * changed.namespaceGroups.length, 'sixteen to a group');
  return { ok: true, map: changed };
}

/**
 * The map with some limits of a group changed: next epoch, but no namespace's, so nobody's operations are refused for it.
 * The same map where nothing changes.
 */
export function withNamespaceLimits(map: ClusterMap, name: string, changes: Partial<NamespaceLimits>): GroupsChange {
  const index = findGroup(map, name);
  const group = index === null ? undefined : map.namespaceGroups[index];
  if (group === undefined) return { ok: false, problem: `there is no namespace '${name}'` };
  const next = { ...group.limits, ...changes };
  const problem = namespaceLimitsProblem(next);
  if (problem !== null) return { ok: false, problem };
  if (LIMIT_NAMES.every((limit) => next[limit] === group.limits[limit])) return { ok: true, map };
  const namespaceGroups = map.namespaceGroups.with(index ?? 0, { name, limits: next });
  return { ok: true, map: { ...map, epoch: map.epoch + 1, namespaceGroups } };
}
