import { describe, expect, it } from 'vitest';
import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import { encodeClusterMap } from '../cluster/cluster-map-text.ts';
import { genericKeyCommands } from '../proxy/commands/generic-commands.ts';
import { getSetCommands } from '../proxy/commands/string-get-set.ts';
import { QuorumCluster } from '../proxy/quorum-cluster.ts';
import { plain } from '../proxy/testing/run-command.ts';
import type { Outcome, Step } from '../quorum/operation.ts';
import type { Fate } from '../quorum/testing/filtered-transport.ts';
import { encodeStored } from '../record/state-codec.ts';
import { ErrorReply, type Reply } from '../resp/reply.ts';
import { MessageType, type Request } from '../rpc/messages.ts';
import { type LocalProxy, LocalQuorum } from '../storage/testing/local-quorum.ts';
import { junoCommands } from './juno-commands.ts';
import { type Fields, fieldsOf, uuid } from './testing/juno-runner.ts';

const rows = new Map([...getSetCommands, ...genericKeyCommands, ...junoCommands].map((row) => [row.name, row]));

function stepOf(line: string): Step<Reply> {
  const args = line.split(' ').map((word) => Buffer.from(word));
  const handler = rows.get(args[0]?.toString() ?? '')?.handler;
  assert(handler?.kind === 'record' || handler?.kind === 'records', 'a command over keys');
  const parsed = handler.parse(args);
  assert(!(parsed instanceof ErrorReply), 'right arguments');
  const step = 'step' in parsed ? parsed.step : parsed.steps[0]?.step;
  assert(step !== undefined, 'a command has a step');
  return step;
}

/** Proxies over the same three nodes; all lines are about the key `k`. */
class JunoQuorum {
  readonly quorum = new LocalQuorum();
  readonly first = this.quorum.proxy<Reply>();
  readonly second = this.quorum.proxy<Reply>();
  #serial = 0;

  newId(version = 7): string {
    return uuid(version, this.quorum.clock.wallMs(), ++this.#serial);
  }

  outcome(proxy: LocalProxy<Reply>, line: string): Promise<Outcome<Reply>> {
    return proxy.outcome('k', stepOf(line));
  }

  async run(proxy: LocalProxy<Reply>, line: string): Promise<unknown> {
    return plain(await proxy.do('k', stepOf(line)));
  }

  async fields(proxy: LocalProxy<Reply>, line: string): Promise<Fields> {
    return fieldsOf(await proxy.do('k', stepOf(line)));
  }
}

function disturb(proxy: LocalProxy<Reply>, type: Request['type'], nodes: readonly number[], fate: Fate): void {
  proxy.transport.fate = (node, request) => (request.type === type && nodes.includes(node) ? fate : 'pass');
}

function calm(proxy: LocalProxy<Reply>): void {
  proxy.transport.fate = () => 'pass';
}

const UNCERTAIN = { ok: false, failure: { kind: 'uncertain' } };

describe('a request id', () => {
  it('is known to every proxy', async () => {
    const kit = new JunoQuorum();
    const line = `juno.create k v TTL 100 REQUESTID ${kit.newId()}`;
    const answer = await kit.run(kit.first, line);
    await kit.quorum.pass(10);
    expect(await kit.run(kit.second, line)).toEqual(answer);
    expect(await kit.fields(kit.second, 'juno.get k')).toMatchObject({ value: 'v', recordVersion: 1 });
  });

  it('sent through two proxies at once is applied by one of them', async () => {
    const kit = new JunoQuorum();
    await kit.run(kit.first, 'juno.create k 0');
    for (let i = 2; i < 12; i++) {
      const line = `juno.update k ${i} REQUESTID ${kit.newId()}`;
      const running = [kit.first, kit.second].map((proxy) => proxy.start('k', stepOf(line)));
      await kit.quorum.pass(10_000, () => running.every(({ outcome }) => outcome !== null));
      const answers = running.map(({ outcome }) => (outcome?.ok ? plain(outcome.reply) : outcome));
      expect(answers[0]).toEqual(answers[1]);
      expect(await kit.fields(kit.first, 'juno.get k')).toMatchObject({ value: String(i), recordVersion: i });
    }
  });

  it('of a write whose COMMIT arrived unheard: the repeat answers what it would have', async () => {
    for (const again of ['first', 'second'] as const) {
      const kit = new JunoQuorum();
      await kit.run(kit.first, 'juno.create k 0');
      disturb(kit.first, MessageType.commit, [1, 2, 3], 'deaf');
      const line = `juno.update k 1 VERSION 1 REQUESTID ${kit.newId()}`;
      const sentMs = kit.quorum.clock.wallMs();
      expect(await kit.outcome(kit.first, line)).toMatchObject(UNCERTAIN);
      calm(kit.first);
      const reply = await kit.fields(kit[again], line);
      expect(reply).toMatchObject({ recordVersion: 2 });
      expect(Number(reply['lastModified']) - sentMs).toBeLessThan(limits.deadlineMs);
      expect(await kit.fields(kit.second, 'juno.get k')).toMatchObject({ value: '1', recordVersion: 2 });
    }
  });

  it('of a write whose COMMIT never arrived: the repeat does it', async () => {
    const kit = new JunoQuorum();
    await kit.run(kit.first, 'juno.create k 0');
    disturb(kit.first, MessageType.commit, [1, 2, 3], 'drop');
    const line = `juno.update k 1 VERSION 1 REQUESTID ${kit.newId()}`;
    expect(await kit.outcome(kit.first, line)).toMatchObject(UNCERTAIN);
    expect(await kit.fields(kit.second, line)).toMatchObject({ recordVersion: 2 });
    calm(kit.first);
    expect(await kit.fields(kit.first, line)).toMatchObject({ recordVersion: 2 });
  });

  it('of a write that one node took: whatever becomes of it, it is done once', async () => {
    for (const node of [1, 2, 3]) {
      const kit = new JunoQuorum();
      await kit.run(kit.first, 'juno.create k 0');
      kit.first.transport.fate = (to, { type }) => {
        if (type !== MessageType.commit) return 'pass';
        return to === node ? 'deaf' : 'drop';
      };
      const line = `juno.set k 1 REQUESTID ${kit.newId()}`;
      await kit.outcome(kit.first, line);
      calm(kit.first);
      await kit.run(kit.second, 'set k between');
      const { recordVersion: before } = await kit.fields(kit.second, 'juno.get k');
      await kit.run(kit.second, line);
      const after = await kit.fields(kit.first, 'juno.get k');
      // Either it was applied before the SET, and the repeat changed nothing; or it was not, and the repeat did it.
      const expected = before === 3 ? { value: 'between', recordVersion: 3 } : { value: '1', recordVersion: 3 };
      expect(after).toMatchObject(expected);
    }
  });

  it('of a write whose COMMIT was refused: answered once, by the coordinator and by the record', async () => {
    const kit = new JunoQuorum();
    await kit.run(kit.first, 'juno.create k 0');
    // The COMMIT waits while another proxy's PREPARE and COMMIT go before it.
    kit.first.transport.fate = (_node, { type }) => (type === MessageType.commit ? 'hold' : 'pass');
    const line = `juno.update k mine REQUESTID ${kit.newId()}`;
    const running = kit.first.start('k', stepOf(line));
    await kit.quorum.pass(5);
    expect(kit.first.transport.held).toBe(3);
    expect(await kit.fields(kit.second, 'juno.update k theirs')).toMatchObject({ recordVersion: 2 });
    calm(kit.first);
    kit.first.transport.release();
    await kit.quorum.pass(3_000, () => running.outcome !== null);
    expect(running.outcome?.ok).toBe(true);
    const answer = running.outcome?.ok ? plain(running.outcome.reply) : null;
    expect(answer).toEqual(expect.arrayContaining([['recordVersion', 3]]));
    for (const proxy of [kit.first, kit.second]) expect(await kit.run(proxy, line)).toEqual(answer);
    expect(await kit.fields(kit.second, 'juno.get k')).toMatchObject({ value: 'mine', recordVersion: 3 });
  });

  it('and a repeat in one round: the second finds what the first did', async () => {
    const kit = new JunoQuorum();
    const line = `juno.create k v REQUESTID ${kit.newId()}`;
    const destroy = `juno.destroy k REQUESTID ${kit.newId()}`;
    const outcomes = await kit.first.all('k', [line, line, destroy, line, destroy].map(stepOf));
    const answers = outcomes.map((outcome) => (outcome.ok ? plain(outcome.reply) : outcome));
    expect(answers[1]).toEqual(answers[0]);
    expect(answers.slice(2)).toEqual(['+OK', answers[0], '+OK']);
    expect(await kit.run(kit.second, 'juno.get k')).toBeNull();
  });

  it('outlives its record: destroyed, expired, created anew, and with it every restart', async () => {
    const kit = new JunoQuorum();
    const line = `juno.create k v PTTL 50 REQUESTID ${kit.newId()}`;
    const answer = await kit.run(kit.first, line);
    await kit.quorum.pass(60);
    expect(await kit.run(kit.second, 'juno.get k')).toBeNull();
    expect(await kit.run(kit.second, line)).toEqual(answer);
    await kit.run(kit.first, 'set k again');
    await kit.run(kit.second, 'del k');
    for (const node of [1, 2, 3]) kit.quorum.restart(node);
    await kit.quorum.pass(20);
    expect(await kit.run(kit.quorum.proxy(), line)).toEqual(answer);
    const { creationTime } = await kit.fields(kit.first, 'juno.create k w');
    expect(Number(creationTime)).toBeGreaterThan(Number(fieldOf(answer, 'creationTime')));
  });

  it('of a destroy where there was nothing is remembered', async () => {
    const kit = new JunoQuorum();
    const line = `juno.destroy k REQUESTID ${kit.newId()}`;
    expect(await kit.run(kit.first, line)).toBe('+OK');
    await kit.run(kit.second, 'juno.create k v');
    expect(await kit.run(kit.second, line)).toBe('+OK');
    expect(await kit.run(kit.first, 'get k')).toBe('v');
  });

  it('is remembered as often as the bound says, and UNCERTAIN beyond', async () => {
    const kit = new JunoQuorum();
    const line = `juno.create k v REQUESTID ${kit.newId()}`;
    await kit.run(kit.first, line);
    for (let i = 1; i < limits.requestIdsPerRecord; i++) {
      await kit.quorum.pass(1);
      await kit.run(i % 2 === 0 ? kit.first : kit.second, `juno.set k ${i} REQUESTID ${kit.newId()}`);
    }
    expect(await kit.fields(kit.second, line)).toMatchObject({ recordVersion: 1 });
    await kit.quorum.pass(1);
    await kit.run(kit.first, `juno.set k last REQUESTID ${kit.newId()}`);
    expect(await kit.run(kit.second, line)).toMatch(/^-UNCERTAIN request id is older .* recordVersion=65 /);
    expect(await kit.run(kit.first, 'get k')).toBe('last');
  });
});

function fieldOf(answer: unknown, name: string): unknown {
  assert(Array.isArray(answer), 'a map');
  return answer.find((pair: unknown) => Array.isArray(pair) && pair[0] === name)?.[1];
}

describe('compare and set', () => {
  it('by two proxies counts every success once', async () => {
    const kit = new JunoQuorum();
    await kit.run(kit.first, 'juno.create k 0');
    let successes = 0;
    for (let round = 0; round < 15; round++) {
      const { value, recordVersion, creationTime } = await kit.fields(kit.first, 'juno.get k');
      const line = `juno.update k ${Number(value) + 1} VERSION ${recordVersion} CREATED ${creationTime}`;
      const running = [kit.first, kit.second].map((proxy) => proxy.start('k', stepOf(line)));
      await kit.quorum.pass(10_000, () => running.every(({ outcome }) => outcome !== null));
      for (const { outcome } of running) {
        assert(outcome?.ok === true, 'every update is answered');
        if (outcome.reply instanceof ErrorReply) expect(outcome.reply.text).toMatch(/^VERSIONCONFLICT /);
        else successes++;
      }
    }
    expect(successes).toBe(15);
    expect(await kit.fields(kit.second, 'juno.get k')).toMatchObject({ value: '15', recordVersion: 16 });
  });
});

describe('large values', () => {
  it('in pages are created, read with a longer TTL, replaced and repeated', async () => {
    const kit = new JunoQuorum();
    const large = 'x'.repeat(1_200_000);
    const line = `juno.create k ${large} TTL 5 REQUESTID ${kit.newId()}`;
    const answer = await kit.run(kit.first, line);
    const fields = await kit.fields(kit.second, 'juno.get k TTL 50');
    expect(fields).toMatchObject({ recordVersion: 1, ttl: 50 });
    expect(fields['value'] === large).toBe(true);
    expect(await kit.run(kit.second, line)).toEqual(answer);
    expect(await kit.fields(kit.second, `juno.update k ${large}y VERSION 1`)).toMatchObject({ recordVersion: 2 });
    expect(String((await kit.fields(kit.first, 'juno.get k'))['value'])).toHaveLength(1_200_001);
  });
});

describe('LOCATE and INSPECT', () => {
  class TopologyKit extends JunoQuorum {
    readonly cluster = new QuorumCluster(this.first.coordinator, this.first.holder, this.first.transport);

    async until<T>(promise: Promise<T>): Promise<T> {
      const settled = { yes: false };
      void promise.then(() => {
        settled.yes = true;
      });
      await this.quorum.pass(5_000, () => settled.yes);
      return promise;
    }

    async inspect(): Promise<[string, Record<string, unknown>][]> {
      const replicas = await this.until(this.cluster.inspect(0, Buffer.from('k')));
      return replicas.map(({ zone, nodeId, replica }) => [`${zone} ${nodeId} ${replica.kind}`, { ...replica }]);
    }
  }

  it('locates a key, with the health of its nodes', async () => {
    const kit = new TopologyKit();
    kit.quorum.takeDown(2);
    const { nodes, ...where } = await kit.until(kit.cluster.locate(0, Buffer.from('k')));
    expect(where).toEqual({ slot: 7629, shard: 1, shardEpoch: 1, mapEpoch: 1 });
    expect(nodes.map(({ zone, nodeId, host, port, up }) => [zone, nodeId, host, port, up])).toEqual([
      ['z1', 1, 'h', 1, true],
      ['z2', 2, 'h', 2, false],
      ['z3', 3, 'h', 3, true],
    ]);
  });

  it('shows what every replica holds, without repairing it', async () => {
    const kit = new TopologyKit();
    expect((await kit.inspect()).map(([head]) => head)).toEqual(['z1 1 absent', 'z2 2 absent', 'z3 3 absent']);
    const id = kit.newId();
    await kit.run(kit.first, `juno.create k hello TTL 100 REQUESTID ${id}`);
    await kit.quorum.pass(5);
    disturb(kit.first, MessageType.commit, [3], 'drop');
    await kit.run(kit.first, 'juno.destroy k');
    calm(kit.first);
    await kit.quorum.pass(limits.suspectMs);
    const [[one, held], [two], [three, behind]] = (await kit.inspect()) as [
      [string, Record<string, unknown>],
      [string, unknown],
      [string, Record<string, unknown>],
    ];
    expect([one, two, three]).toEqual(['z1 1 dead', 'z2 2 dead', 'z3 3 live']);
    expect(held).toMatchObject({ content: { recordVersion: 1, requests: { entries: [{ recordVersion: 1 }] } } });
    expect(behind).toMatchObject({
      header: { sizeBytes: 5, paged: false, generation: 1 },
      content: { recordVersion: 1, requests: { entries: [{ recordVersion: 1 }] } },
    });
    expect((await kit.inspect()).map(([head]) => head)).toEqual([one, two, three]);
  });

  it('says what is down or hangs, within a bounded time', async () => {
    const kit = new TopologyKit();
    await kit.run(kit.first, 'juno.create k hello');
    await kit.quorum.pass(5);
    kit.quorum.takeDown(1);
    kit.first.transport.fate = (node) => (node === 2 ? 'drop' : 'pass');
    const startMs = kit.quorum.clock.monotonicMs();
    expect((await kit.inspect()).map(([head]) => head)).toEqual(['z1 1 unreachable', 'z2 2 unreachable', 'z3 3 live']);
    expect(kit.quorum.clock.monotonicMs() - startMs).toBeLessThanOrEqual(limits.inspectTimeoutMs + 5);
  });

  it('says what is damaged, to the node or under the seal, and what has another map', async () => {
    const kit = new TopologyKit();
    const { quorum } = kit;
    await kit.run(kit.first, 'juno.create k hello');
    await quorum.pass(5);
    const stored = quorum.stored(1, 'k');
    assert(stored !== null, 'node 1 holds it');
    const meta = Buffer.from(stored.state.meta);
    meta.writeUInt8(meta.readUInt8(40) ^ 1, 40);
    quorum.engine(1).plant(quorum.recordKeyOf('k'), encodeStored(stored.accepted, { ...stored.state, meta }));
    quorum.engine(2).plant(quorum.recordKeyOf('k'), Buffer.from('no record'));
    for (const node of [1, 2]) quorum.restart(node);
    await quorum.pass(limits.suspectMs);
    const adopt = { ...quorum.map, epoch: 2, shardEpochs: quorum.map.shardEpochs.map(() => 2) };
    const call = { request: { type: MessageType.adoptMap, map: encodeClusterMap(adopt) }, respond: () => {} } as const;
    quorum.node(3).receive([call]);
    await quorum.pass(5);
    expect((await kit.inspect()).map(([head]) => head)).toEqual(['z1 1 corrupt', 'z2 2 corrupt', 'z3 3 fenced']);
  });
});
