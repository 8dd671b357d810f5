import { describe, expect, it } from 'vitest';
import { withGoals, withNodesAdded, withTrusted } from '../cluster/members.ts';
import { DEL, GET, INCR, set } from '../quorum/testing/steps.ts';
import { recordRange } from '../record/record-id.ts';
import { LocalMembers } from './testing/local-members.ts';

const KEYS = Array.from({ length: 40 }, (_, i) => `key-${i}`);
const LARGE = 'x'.repeat(200_000);

async function filled(options: ConstructorParameters<typeof LocalMembers>[0] = {}): Promise<LocalMembers> {
  const cluster = new LocalMembers(options);
  for (const key of KEYS) await cluster.do(key, set(`value of ${key}`));
  await cluster.do('large', set(LARGE));
  await cluster.do('gone', set('x'));
  await cluster.do('gone', DEL);
  return cluster;
}

/** Every key, by whatever quorum is left. */
async function expectAll(cluster: LocalMembers): Promise<void> {
  for (const key of KEYS) expect(await cluster.do(key, GET)).toBe(`value of ${key}`);
  expect(await cluster.do('large', GET)).toBe(LARGE);
  expect(await cluster.do('gone', GET)).toBeNull();
}

/** A new node in the first zone, to which all of the zone's shards are to go. */
async function replaceFirst(cluster: LocalMembers): Promise<void> {
  const { map } = cluster;
  await cluster.change((now) => withNodesAdded(now, [{ zone: 0, id: 4, host: 'h', port: 4 }]));
  cluster.start(4);
  await cluster.change((now) =>
    withGoals(
      now,
      Array.from({ length: map.shards }, (_, shard) => ({ shard, zone: 0, to: 4 })),
    ),
  );
}

function recordsOf(cluster: LocalMembers, id: number): number {
  let count = 0;
  for (let shard = 0; shard < cluster.map.shards; shard++) {
    const range = { ...recordRange(shard), limit: 10_000, limitBytes: 1e9, keysOnly: true };
    cluster.member(id).engine.inner.scan(range, (_error, entries) => {
      count += entries?.length ?? 0;
    });
  }
  return count;
}

describe('a shard moves', () => {
  it('to a new node, which holds all of it then, pages and tombstones too; the old one deletes its copy', async () => {
    const cluster = await filled();
    await replaceFirst(cluster);
    await cluster.until(() => cluster.isSettled && cluster.map.zones[0]?.placement.every((id) => id === 4) === true);
    expect(recordsOf(cluster, 4)).toBe(KEYS.length + 2);
    await cluster.until(() => recordsOf(cluster, 1) === 0);
    // Two of the three replicas: the new one counts.
    cluster.kill(2);
    await expectAll(cluster);
  });

  it('while it is written to: nothing is refused, nothing lost', async () => {
    const cluster = await filled();
    await replaceFirst(cluster);
    let count = 0;
    while (count < 50 || (count < 5_000 && !cluster.isSettled)) {
      await cluster.pass(2);
      expect(await cluster.do('counter', INCR)).toBe(++count);
      expect(await cluster.do(`key-${count % 10}`, GET)).toBe(`value of key-${count % 10}`);
    }
    expect(cluster.map.zones[0]?.placement.every((id) => id === 4)).toBe(true);
    cluster.kill(3);
    expect(await cluster.do('counter', INCR)).toBe(count + 1);
    await expectAll(cluster);
  });

  it('goes on where it was when the learner restarts', async () => {
    const cluster = await filled({ shards: 1 });
    cluster.member(4).engine.hold('write');
    await replaceFirst(cluster);
    await cluster.pass(500);
    cluster.kill(4);
    cluster.member(4).engine.flow('write');
    cluster.start(4);
    await cluster.until(() => cluster.isSettled && cluster.map.zones[0]?.placement[0] === 4);
    cluster.kill(2);
    await expectAll(cluster);
  });

  it('is taken back when the learner is silent, and begins again when that is back', async () => {
    const cluster = await filled();
    cluster.member(4).engine.hold('write');
    await replaceFirst(cluster);
    await cluster.until(() => cluster.map.moves.length > 0);
    cluster.kill(4);
    await cluster.until(() => cluster.map.moves.length === 0);
    expect(cluster.map.zones[0]?.placement.every((id) => id === 1)).toBe(true);
    expect(cluster.map.goals).toHaveLength(4);
    await expectAll(cluster);
    cluster.member(4).engine.flow('write');
    cluster.start(4);
    await cluster.until(() => cluster.isSettled);
    cluster.kill(3);
    await expectAll(cluster);
  });
});

describe('a lost disk', () => {
  it('is learned again, and the node votes; then a second zone may die', async () => {
    const cluster = await filled();
    cluster.wipe(2);
    await cluster.do('key-1', set('value of key-1'));
    cluster.start(2);
    await cluster.until(() => cluster.isSettled && cluster.incarnationOf(2) === 'i2.2');
    expect(cluster.node(2).shards.map.learningShards).toBe(0);
    cluster.kill(1);
    await expectAll(cluster);
  });

  it('does not count before it is learned: with another zone down nothing is answered from it', async () => {
    const cluster = await filled();
    cluster.wipe(2);
    cluster.kill(3);
    cluster.start(2);
    await cluster.until(() => cluster.incarnationOf(2) === 'i2.2');
    expect(await cluster.outcome('key-1', GET)).toMatchObject({ ok: false });
    expect(cluster.map.moves).toHaveLength(4);
    cluster.start(3);
    await cluster.until(() => cluster.isSettled);
    cluster.kill(1);
    await expectAll(cluster);
  });

  it('in two zones at once: the second waits for the first, and neither guesses', async () => {
    const cluster = await filled();
    cluster.wipe(2);
    cluster.wipe(3);
    cluster.start(2);
    cluster.start(3);
    await cluster.pass(5_000);
    expect(await cluster.outcome('key-1', GET)).toMatchObject({ ok: false });
    expect(cluster.incarnationOf(3)).not.toBe(cluster.incarnationOf(2));
    expect(cluster.map.moves).toHaveLength(4);
  });
});

describe('a disk that is not trusted', () => {
  it('keeps what it has until it can be learned again', async () => {
    const cluster = await filled();
    const held = recordsOf(cluster, 2);
    cluster.distrust(2);
    cluster.kill(3);
    cluster.start(2);
    await cluster.until(() => cluster.incarnationOf(2) === 'i2.2');
    await cluster.pass(3_000);
    expect(recordsOf(cluster, 2)).toBe(held);
    expect(cluster.node(2).shards.map.isDistrusted).toBe(true);
    expect(await cluster.outcome('key-1', GET)).toMatchObject({ ok: false });
    cluster.start(3);
    await cluster.until(() => cluster.isSettled);
    expect(cluster.node(2).shards.map.isDistrusted).toBe(false);
    cluster.kill(1);
    await expectAll(cluster);
  });

  it('votes again with what it has where the operator says so, also one that could not enter itself', async () => {
    const cluster = await filled();
    for (const id of [1, 2, 3]) cluster.distrust(id);
    for (const id of [1, 2, 3]) cluster.start(id);
    await cluster.pass(3_000);
    expect(await cluster.outcome('key-1', GET)).toMatchObject({ ok: false });
    for (const id of [1, 2, 3]) {
      expect(cluster.node(id).shards.map.isDistrusted).toBe(true);
      await cluster.change((map) => withTrusted(map, id, cluster.node(id).shards.map.incarnation));
    }
    await cluster.until(() => cluster.isSettled);
    await cluster.pass(1_000);
    await expectAll(cluster);
    expect(cluster.node(1).shards.map.isDistrusted).toBe(false);
  });

  it('trusted when it had begun to learn: it learns everything again', async () => {
    const cluster = await filled();
    cluster.distrust(2);
    cluster.member(2).engine.hold('write');
    cluster.start(2);
    await cluster.until(() => cluster.map.moves.length === 4);
    await cluster.pass(500);
    await cluster.change((map) => withTrusted(map, 2, 'i2.2'));
    cluster.member(2).engine.flow('write');
    await cluster.pass(200);
    await cluster.until(() => cluster.isSettled);
    cluster.kill(1);
    await expectAll(cluster);
  });
});
