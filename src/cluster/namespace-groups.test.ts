import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { createClusterMap, validateClusterMap, withRaisedGenerations } from './cluster-map.ts';
import type { ClusterMap } from './map.ts';
import {
  findGroup,
  type GroupsChange,
  groupOf,
  NO_LIMITS,
  namespaceGroupsProblems,
  numberInGroup,
  withNamespaceGroup,
  withNamespaceLimits,
} from './namespace-groups.ts';

const first = createClusterMap({
  clusterId: 'c1',
  shards: 4,
  zones: ['a', 'b', 'c'].map((name, zone) => ({ name, nodes: [{ id: zone + 1, host: 'h', port: 1 }] })),
});

function changed(change: GroupsChange): ClusterMap {
  return change.ok ? change.map : expect.fail(change.problem);
}

function problem(change: GroupsChange): string {
  return change.ok ? 'none' : change.problem;
}

describe('a new namespace group', () => {
  it('begins at the new epoch, and nothing else changes', () => {
    const before = withRaisedGenerations(first, [3]);
    const after = changed(withNamespaceGroup(before, 'orders'));
    expect(after.epoch).toBe(3);
    expect(after.shardEpochs).toEqual(before.shardEpochs);
    expect(after.namespaces.slice(0, 16)).toEqual(before.namespaces);
    expect(after.namespaces.slice(16)).toEqual(Array(16).fill({ generation: 1, epoch: 3 }));
    expect(after.namespaceGroups[1]).toEqual({ name: 'orders', limits: NO_LIMITS });
    expect(validateClusterMap(after)).toEqual([]);
    expect([findGroup(after, 'default'), findGroup(after, 'orders'), findGroup(after, 'x')]).toEqual([0, 1, null]);
  });

  it('needs a name that is free and has a right form, and room', () => {
    expect(problem(withNamespaceGroup(first, 'default'))).toBe("there is a namespace 'default' already");
    for (const name of ['', ' ', 'a b', 'ü', '-a', 'a'.repeat(65), 'a\n']) {
      expect(problem(withNamespaceGroup(first, name))).toContain("a namespace's name is");
    }
    let map = first;
    for (let i = 1; i < limits.namespaceGroupsMax; i++) map = changed(withNamespaceGroup(map, `n${i}`));
    expect(validateClusterMap(map)).toEqual([]);
    expect(problem(withNamespaceGroup(map, 'more'))).toBe('a cluster has at most 256 namespaces');
  });

  it('has its own sixteen numbers', () => {
    expect([numberInGroup(0, 15), numberInGroup(1, 0), numberInGroup(2, 3)]).toEqual([15, 16, 35]);
    expect([groupOf(15), groupOf(16), groupOf(35)]).toEqual([0, 1, 2]);
  });
});

describe('limits of a namespace group', () => {
  it('change under a new map epoch, but no namespace changes its own', () => {
    const after = changed(withNamespaceLimits(first, 'default', { maxKeyBytes: 10 }));
    expect(after.epoch).toBe(2);
    expect(after.namespaces).toEqual(first.namespaces);
    expect(after.namespaceGroups[0]?.limits).toEqual({ ...NO_LIMITS, maxKeyBytes: 10 });
    const more = changed(withNamespaceLimits(after, 'default', { maxValueBytes: 5, maxKeyBytes: 0 }));
    expect(more.namespaceGroups[0]?.limits).toEqual({ ...NO_LIMITS, maxValueBytes: 5 });
    expect(changed(withNamespaceLimits(more, 'default', { maxValueBytes: 5 }))).toBe(more);
  });

  it('must make sense', () => {
    expect(problem(withNamespaceLimits(first, 'x', {}))).toBe("there is no namespace 'x'");
    expect(problem(withNamespaceLimits(first, 'default', { maxTtlMs: 5, defaultTtlMs: 6 }))).toContain('not be above');
    expect(problem(withNamespaceLimits(first, 'default', { maxTtlMs: 1.5 }))).toContain('maxTtlMs must be');
    expect(problem(withNamespaceLimits(first, 'default', { maxTtlMs: -1 }))).toContain('maxTtlMs must be');
    expect(problem(withNamespaceLimits(first, 'default', { defaultTtlMs: 6 }))).toBe('none');
  });
});

describe('the groups of a map', () => {
  it('begin with default, have one name each and sixteen namespaces', () => {
    const group = (name: string) => ({ name, limits: NO_LIMITS });
    expect(namespaceGroupsProblems([])).toEqual(['the first namespace group must be default']);
    expect(namespaceGroupsProblems([group('default'), group('a'), group('a')])).toEqual([
      "namespace group 'a' stands twice in the map",
    ]);
    const wrong = { ...first, namespaceGroups: [...first.namespaceGroups, group('a')] };
    expect(validateClusterMap(wrong)).toEqual(['a map has 32 namespaces, not 16']);
  });
});
