import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { DEL, expireAt, GET, set } from '../quorum/testing/steps.ts';
import { NO_BALLOT, sameBallot } from '../record/ballot.ts';
import { StateKind } from '../record/state.ts';
import { LocalQuorum } from './testing/local-quorum.ts';
import { LocalSweep } from './testing/local-sweep.ts';

const NODES = [1, 2, 3];

function accepted(quorum: LocalQuorum, key: string) {
  return NODES.map((node) => quorum.stored(node, key)?.accepted ?? NO_BALLOT);
}

function agree(quorum: LocalQuorum, key: string): boolean {
  const [first = NO_BALLOT, ...others] = accepted(quorum, key);
  return others.every((other) => sameBallot(first, other));
}

function heldBy(quorum: LocalQuorum, key: string): number[] {
  return NODES.filter((node) => quorum.stored(node, key) !== null);
}

const keys = Array.from({ length: 30 }, (_, i) => `k${i}`);

async function write(quorum: LocalQuorum, text: string, missing: readonly number[] = []): Promise<void> {
  const proxy = quorum.proxy();
  proxy.transport.fate = (node) => (missing.includes(node) ? 'lost' : 'pass');
  for (const key of keys) await proxy.do(key, set(text));
  await quorum.pass(10);
  proxy.transport.fate = () => 'drop';
}

describe('a sweep', () => {
  it('finds nothing where all replicas agree, and asks once for each range', async () => {
    const quorum = new LocalQuorum();
    await write(quorum, 'v');
    const before = keys.map((key) => accepted(quorum, key));
    expect(await new LocalSweep(quorum).once()).toMatchObject({
      ranges: 4,
      records: keys.length,
      differing: 0,
      repaired: 0,
      purged: 0,
      unanswered: 0,
    });
    expect(keys.map((key) => accepted(quorum, key))).toEqual(before);
  });

  it.each([1, 2, 3])('repairs what node %i has missed, whoever sweeps', async (missing) => {
    for (const sweeper of NODES) {
      const quorum = new LocalQuorum();
      await write(quorum, 'old');
      await write(quorum, 'new', [missing]);
      await quorum.pass(limits.sweepRepairAgeMs);
      const findings = await new LocalSweep(quorum, sweeper).once();
      await quorum.pass(20);
      expect(findings).toMatchObject({ differing: keys.length, repaired: keys.length });
      for (const key of keys) expect(agree(quorum, key), key).toBe(true);
      expect(await new LocalSweep(quorum, sweeper).once()).toMatchObject({ differing: 0 });
      expect(await quorum.proxy().do('k7', GET)).toBe('new');
    }
  });

  it('repairs what only others have heard of', async () => {
    const quorum = new LocalQuorum();
    await write(quorum, 'v', [1]);
    await quorum.pass(limits.sweepRepairAgeMs);
    expect(await new LocalSweep(quorum, 1).once()).toMatchObject({ records: 0, repaired: keys.length });
    await quorum.pass(20);
    for (const key of keys) expect(heldBy(quorum, key)).toEqual(NODES);
  });

  it('leaves young differences to those who are writing', async () => {
    const quorum = new LocalQuorum();
    await write(quorum, 'v', [3]);
    expect(await new LocalSweep(quorum, 1).once()).toMatchObject({ differing: 0, repaired: 0 });
    expect(heldBy(quorum, 'k1')).toEqual([1, 2]);
  });

  it('compares in parts, and repairs only what differs in a large range', async () => {
    const quorum = new LocalQuorum({ shards: 1 });
    const proxy = quorum.proxy();
    const many = Array.from({ length: limits.sweepPartRecords * 3 }, (_, i) => `many${i}`);
    await Promise.all(many.map((key) => proxy.do(key, set('v'))));
    proxy.transport.fate = (node) => (node === 2 ? 'lost' : 'pass');
    await proxy.do('many77', set('w'));
    await quorum.pass(limits.sweepRepairAgeMs + 10);
    expect(await new LocalSweep(quorum, 1).once()).toMatchObject({ differing: 1, repaired: 1, records: many.length });
    await quorum.pass(20);
    expect(agree(quorum, 'many77')).toBe(true);
  });

  it('goes on where a replica does not answer, and purges nothing there', async () => {
    const quorum = new LocalQuorum();
    await write(quorum, 'v');
    const proxy = quorum.proxy();
    for (const key of keys) await proxy.do(key, DEL);
    await quorum.pass(limits.purgeAfterMs + 1_000);
    const sweep = new LocalSweep(quorum);
    sweep.repairer.transport.fate = (node) => (node === 3 ? 'lost' : 'pass');
    expect(await sweep.once()).toMatchObject({ unanswered: 4, purged: 0 });
    expect(heldBy(quorum, 'k1')).toEqual(NODES);
  });

  it('repairs a damaged record', async () => {
    for (const damaged of NODES) {
      const quorum = new LocalQuorum();
      await write(quorum, 'v');
      const key = quorum.recordKeyOf('k3');
      const bytes = Buffer.from(quorum.engine(damaged).stored(key) ?? []);
      bytes[bytes.length - 5] = (bytes[bytes.length - 5] ?? 0) ^ 1;
      await new Promise<void>((resolve) => quorum.engine(damaged).write([{ key, value: bytes }], () => resolve()));
      quorum.restart(damaged);
      await quorum.pass(7_000);
      const sweep = new LocalSweep(quorum, 1);
      const findings = await sweep.once();
      await quorum.pass(100);
      expect(findings.unreadable).toBe(damaged === 1 ? 1 : 0);
      expect(findings.repaired).toBe(1);
      // That node takes only what is above its ceiling; its refusal has told how high that is.
      await quorum.pass(limits.sweepRepairAgeMs);
      await sweep.once();
      await quorum.pass(100);
      expect(agree(quorum, 'k3'), `damaged on ${damaged}`).toBe(true);
    }
  });
});

describe('what has expired', () => {
  it('is written dead in batches, and purged when it is old', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    const expiresAtMs = quorum.clock.wallMs() + 500;
    for (const key of keys) await proxy.do(key, set('v', { expiresAtMs }));
    await proxy.do('stays', set('v', { expiresAtMs: expiresAtMs + 3_600_000 }));
    await quorum.pass(1_000);
    const sweep = new LocalSweep(quorum);
    expect(await sweep.once()).toMatchObject({ killed: keys.length, purged: 0 });
    await quorum.pass(10);
    expect(quorum.stored(3, 'k1')?.state.header.kind).toBe(StateKind.dead);
    expect(await sweep.once()).toMatchObject({ killed: 0, purged: 0 });
    await quorum.pass(limits.purgeAfterMs);
    expect(await sweep.once()).toMatchObject({ killed: 0, purged: keys.length, differing: 0 });
    await quorum.pass(10);
    for (const key of keys) expect(heldBy(quorum, key)).toEqual([]);
    expect(heldBy(quorum, 'stays')).toEqual(NODES);
    expect(await sweep.once()).toMatchObject({ differing: 0, records: 1 });
    expect(await quorum.proxy().do('k1', set('again', { nx: true }))).toBe('OK');
  });

  it('is left alone when it was prolonged meanwhile', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    const expiresAtMs = quorum.clock.wallMs() + 500;
    await proxy.do('k', set('v', { expiresAtMs }));
    await quorum.pass(10);
    await proxy.do('k', expireAt(expiresAtMs + 60_000));
    await quorum.pass(1_000);
    expect(await new LocalSweep(quorum).once()).toMatchObject({ killed: 0 });
    expect(await proxy.do('k', GET)).toBe('v');
  });
});

describe('purging', () => {
  async function deleted(quorum: LocalQuorum): Promise<void> {
    const proxy = quorum.proxy();
    await proxy.do('k', set('v'));
    await proxy.do('k', DEL);
    await quorum.pass(10);
  }

  it('waits until a tombstone is old enough by the clock of the node that is to forget it', async () => {
    const quorum = new LocalQuorum();
    await deleted(quorum);
    await quorum.pass(limits.purgeAfterMs - 1_000);
    const sweep = new LocalSweep(quorum);
    expect(await sweep.once()).toMatchObject({ purged: 0 });
    await quorum.pass(1_000);
    expect(await sweep.once()).toMatchObject({ purged: 1 });
  });

  it('keeps the floor: a COMMIT as old as what was purged is refused, also after a restart', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', set('first'));
    await quorum.pass(10);
    proxy.transport.fate = (node) => (node === 3 ? 'hold' : 'pass');
    await proxy.do('k', set('delayed'));
    await quorum.pass(10);
    await quorum.proxy().do('k', DEL);
    await quorum.pass(limits.purgeAfterMs + 100);
    expect(await new LocalSweep(quorum).once()).toMatchObject({ purged: 1 });
    await quorum.pass(10);
    expect(heldBy(quorum, 'k')).toEqual([]);
    proxy.transport.fate = () => 'pass';
    proxy.transport.release();
    await quorum.pass(10);
    expect(heldBy(quorum, 'k')).toEqual([]);
    quorum.restart(3);
    await quorum.pass(10);
    expect(heldBy(quorum, 'k')).toEqual([]);
    expect(await quorum.proxy().do('k', GET)).toBeNull();
  });

  it('spares a tombstone that remembers requests until they are of no use', async () => {
    const quorum = new LocalQuorum();
    const proxy = quorum.proxy();
    await proxy.do('k', {
      access: 'write',
      needs: 'meta',
      run: () => ({ reply: 'OK', change: { kind: 'delete', requestId: '0123456789abcdef' } }),
    });
    await quorum.pass(limits.purgeAfterMs + 1_000);
    const sweep = new LocalSweep(quorum);
    expect(await sweep.once()).toMatchObject({ purged: 0, records: 1 });
    quorum.clock.advance(limits.requestReachMs);
    await quorum.pass(10);
    expect(await sweep.once()).toMatchObject({ purged: 1 });
  });

  it('forgets on the disk: a restarted node does not have it either', async () => {
    const quorum = new LocalQuorum();
    await deleted(quorum);
    await quorum.pass(limits.purgeAfterMs);
    await new LocalSweep(quorum, 2).once();
    await quorum.pass(10);
    for (const node of NODES) quorum.restart(node);
    await quorum.pass(7_000);
    expect(heldBy(quorum, 'k')).toEqual([]);
    expect(await quorum.proxy().do('k', GET)).toBeNull();
  });
});
