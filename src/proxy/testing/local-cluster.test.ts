import { describe, expect, it } from 'vitest';
import { InvariantError } from '../../base/assert.ts';
import { unavailable } from '../../base/failure.ts';
import { ManualClock } from '../../base/testing/manual-clock.ts';
import type { Change, Outcome, Step } from '../../quorum/operation.ts';
import type { LiveRecord } from '../../record/state.ts';
import { ValueType } from '../../record/value.ts';
import { OK, type Reply } from '../../resp/reply.ts';
import { LocalCluster } from './local-cluster.ts';

function setup() {
  const clock = new ManualClock(1_000_000);
  const cluster = new LocalCluster(clock);
  const submit = (key: string, step: Step<Reply>, namespace = 0): Outcome<Reply> | undefined => {
    let outcome: Outcome<Reply> | undefined;
    cluster.submit({
      namespace,
      key: Buffer.from(key),
      step,
      done(result) {
        outcome = result;
      },
    });
    return outcome;
  };
  return { clock, cluster, submit };
}

function write(change: Change): Step<Reply> {
  return { access: 'write', needs: 'meta', run: () => ({ reply: OK, change }) };
}

function put(text: string, expiresAtMs = 0): Step<Reply> {
  return write({
    kind: 'put',
    value: { type: ValueType.string, paged: false, bytes: Buffer.from(text) },
    expiresAtMs,
  });
}

function look(needs: 'meta' | 'value', seen: (record: LiveRecord | null) => Reply): Step<Reply> {
  return { access: 'read', needs, run: (record) => ({ reply: seen(record), change: null }) };
}

function bytesOf(record: LiveRecord | null): Buffer | null {
  return record === null || record.value.paged ? null : record.value.bytes;
}

describe('LocalCluster records', () => {
  it('stores, shows bytes only where they are needed, expires and deletes', () => {
    const { clock, cluster, submit } = setup();
    submit('a', put('one', clock.wallMs() + 50));
    expect(submit('a', look('value', bytesOf))).toEqual({ ok: true, reply: Buffer.from('one') });
    expect(submit('a', look('meta', bytesOf))).toEqual({ ok: true, reply: null });
    expect(
      submit(
        'a',
        look('meta', (record) => record?.sizeBytes ?? null),
      ),
    ).toEqual({ ok: true, reply: 3 });
    clock.advance(49);
    expect(cluster.record(0, 'a')?.recordVersion).toBe(1);
    clock.advance(1);
    expect(cluster.record(0, 'a')).toBeNull();
    submit('a', put('two'));
    submit('a', put('three'));
    expect(cluster.record(0, 'a')?.recordVersion).toBe(2);
    submit('a', write({ kind: 'delete' }));
    expect(cluster.record(0, 'a')).toBeNull();
    expect({ submitted: cluster.submitted, changed: cluster.changed }).toEqual({ submitted: 7, changed: 4 });
  });

  it('keeps namespaces apart', () => {
    const { cluster, submit } = setup();
    submit('a', put('one'), 3);
    expect(cluster.record(0, 'a')).toBeNull();
    expect(cluster.record(3, 'a')).not.toBeNull();
  });

  it('asks for each page once per operation', () => {
    const { cluster, submit } = setup();
    const page = Buffer.alloc(70_000, 7);
    submit('p', {
      access: 'write',
      needs: 'meta',
      run: (_record, { pages }) => {
        const id = pages.write(page);
        expect(pages.read(id)).toBe(page);
        const value = { type: ValueType.string, paged: true, length: page.length, depth: 0, root: [id] } as const;
        return { reply: OK, change: { kind: 'put', value, expiresAtMs: 0 } };
      },
    });
    expect(cluster.pages.size).toBe(1);
    let runs = 0;
    const read: Step<Reply> = {
      access: 'read',
      needs: 'meta',
      run: (record, { pages }) => {
        runs++;
        const id = record?.value.type === ValueType.string && record.value.paged ? record.value.root[0] : undefined;
        return { reply: id === undefined ? null : pages.read(id), change: null };
      },
    };
    expect(submit('p', read)).toEqual({ ok: true, reply: page });
    expect(runs).toBe(3);
    submit('p', read);
    expect(runs).toBe(6);
  });

  it('refuses a read step that changes', () => {
    const { submit } = setup();
    expect(() => submit('a', { ...put('x'), access: 'read' })).toThrow(InvariantError);
  });

  it('fails on demand and holds operations', async () => {
    const { cluster, submit } = setup();
    cluster.failure = unavailable('no quorum');
    expect(submit('a', put('x'))).toEqual({ ok: false, failure: unavailable('no quorum') });
    await expect(cluster.scan(0, '0', 10)).rejects.toThrow('no quorum');
    expect(await cluster.flush([0])).toEqual({ ok: false, failure: unavailable('no quorum') });
    cluster.failure = null;
    cluster.hold();
    expect(submit('a', put('x'))).toBeUndefined();
    expect(cluster.record(0, 'a')).toBeNull();
    cluster.release();
    expect(cluster.record(0, 'a')).not.toBeNull();
  });
});

describe('LocalCluster keys', () => {
  it('scans every key that stays, in pages, without the expired ones', async () => {
    const { clock, cluster, submit } = setup();
    for (let i = 0; i < 10; i++) submit(`k${i}`, put('v', i === 4 ? clock.wallMs() + 1 : 0));
    clock.advance(5);
    const seen: string[] = [];
    let cursor = '0';
    do {
      const page = await cluster.scan(0, cursor, 3);
      seen.push(...page.keys.map(({ key }) => key.toString()));
      cursor = page.cursor;
      submit('k0', write({ kind: 'delete' }));
      submit('k9', put('changed'));
    } while (cursor !== '0');
    expect(seen).toEqual(['k0', 'k1', 'k2', 'k3', 'k5', 'k6', 'k7', 'k8', 'k9']);
    expect(await cluster.count([0])).toEqual([{ keys: 8, expires: 0 }]);
    expect(await cluster.randomKey(0)).toEqual(Buffer.from('k1'));
    expect(await cluster.randomKey(1)).toBeNull();
  });

  it('flushes the namespaces named, under a new epoch and generation', async () => {
    const { cluster, submit } = setup();
    submit('a', put('x'), 0);
    submit('a', put('x'), 1);
    expect(await cluster.flush([1])).toEqual({ ok: true, reply: null });
    expect(cluster.record(0, 'a')).not.toBeNull();
    expect(cluster.record(1, 'a')).toBeNull();
    expect(cluster.map().epoch).toBe(2);
    expect(cluster.map().namespaces[1]).toEqual({ generation: 1, epoch: 2 });
    expect(cluster.map().zones).toHaveLength(3);
    expect((await cluster.nodes()).map((node) => node.status?.mapEpoch)).toEqual([2, 2, 2]);
  });
});
