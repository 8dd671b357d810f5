import { afterEach, describe, expect, it, vi } from 'vitest';
import { SystemClock } from '../base/system-clock.ts';
import { ErrorReply, OK, type Reply } from '../resp/reply.ts';
import { SettledCommands } from './accounting.ts';
import { PendingCommand, requestSize } from './pending-command.ts';
import { ProxyHarness } from './testing/proxy-harness.ts';
import { encode } from './testing/raw-client.ts';
import { SessionRunner, TestProxy } from './testing/session-runner.ts';

class Kit {
  readonly proxy = new TestProxy({ slowlogLogSlowerThanUs: 10_000 });
  readonly session = new SessionRunner(this.proxy);
  readonly settled = new SettledCommands(this.session);

  /** A command that arrived at `startedMs` and has its reply. */
  answer(line: string, reply: Reply, startedMs = this.proxy.clock.monotonicMs(), namespace = 0): PendingCommand {
    const args = line.split(' ').map((word) => Buffer.from(word));
    const entry = this.proxy.table.findFull(args[0]?.toString() ?? '');
    if (entry === undefined) throw new Error(`no such command: ${line}`);
    const owner = { settled: (settled: PendingCommand) => this.settled.add(settled) };
    const command = new PendingCommand(owner, entry, args, requestSize(args), startedMs, 2, false, false);
    command.namespace = namespace;
    command.settle(reply);
    return command;
  }

  counters(name: string): object {
    const entry = this.proxy.table.findFull(name);
    if (entry === undefined) throw new Error(`no such command: ${name}`);
    return this.proxy.stats.of(entry);
  }
}

afterEach(() => vi.restoreAllMocks());

describe('SettledCommands', () => {
  it('counts commands that arrived together as if one by one', () => {
    const kit = new Kit();
    const { clock, stats, latency, namespaces } = kit.proxy;
    kit.answer('get a', Buffer.from('value'));
    kit.answer('get b', null);
    kit.answer('get c', new ErrorReply('WRONGTYPE not a string'));
    kit.answer('set d 1', OK);
    kit.answer('get e', Buffer.from('v'));
    clock.advance(2);
    kit.settled.account(clock.monotonicMs());
    expect(kit.counters('get')).toEqual({ calls: 4, totalUs: 8_000, rejected: 0, failed: 1 });
    expect(kit.counters('set')).toEqual({ calls: 1, totalUs: 2_000, rejected: 0, failed: 0 });
    expect(stats.commandsProcessed).toBe(5);
    expect([stats.keyspaceHits, stats.keyspaceMisses]).toEqual([3, 1]);
    expect([...stats.errors()]).toEqual([['WRONGTYPE', 1]]);
    expect([...latency.histograms()].map(([name, histogram]) => [name, histogram.count])).toEqual([
      ['get', 4],
      ['set', 1],
    ]);
    expect(namespaces.countersOf(0)).toMatchObject({ reads: 4, writes: 1, errors: 1, bytesIn: 21 });
  });

  it('tells apart what arrived at another time or works in another namespace', () => {
    const kit = new Kit();
    const { clock, namespaces } = kit.proxy;
    kit.answer('set a 1', OK, 0);
    clock.advance(3);
    kit.answer('set a 2', OK, 3);
    kit.answer('set a 3', OK, 3, 15);
    kit.settled.account(4);
    expect(kit.counters('set')).toEqual({ calls: 3, totalUs: 6_000, rejected: 0, failed: 0 });
    expect(namespaces.countersOf(0)).toMatchObject({ writes: 3, bytesIn: 15 });
  });

  it('puts every slow command in the slow log, in order, and no other', () => {
    const kit = new Kit();
    const { clock, slowLog } = kit.proxy;
    kit.answer('get a', null, 0);
    kit.answer('get b', null, 0);
    kit.answer('get fast', null, 5);
    kit.answer('set c 1', OK, 0);
    clock.advance(10);
    kit.settled.account(10);
    expect(slowLog.latest(9).map(({ args, durationUs }) => [args.join(' '), durationUs])).toEqual([
      ['set c 1', 10_000],
      ['get b', 10_000],
      ['get a', 10_000],
    ]);
  });

  it('counts each command once, and lets go of its arguments', () => {
    const kit = new Kit();
    const first = kit.answer('get a', null);
    const second = kit.answer('get b', null);
    kit.settled.accountNow();
    kit.settled.accountNow();
    kit.settled.account(1);
    expect(kit.proxy.stats.commandsProcessed).toBe(2);
    expect([first.args, second.args]).toEqual([[], []]);
    expect(first.nextSettled).toBeNull();
  });
});

describe('a pipeline', () => {
  it('costs a few looks at the clock, however long it is', async () => {
    const harness = await ProxyHarness.start();
    try {
      const client = await harness.client();
      const looks = vi.spyOn(SystemClock.prototype, 'monotonicMs');
      const count = 5_000;
      client.send(Buffer.concat(Array.from({ length: count }, (_, i) => encode(['GET', `k${i}`]))));
      await client.read(count * '$-1\r\n'.length);
      expect(harness.proxy.context.stats.keyspaceMisses).toBe(count);
      expect(looks.mock.calls.length).toBeLessThan(count / 20);
    } finally {
      await harness.stop();
    }
  });

  it('shows a command that looks what was counted all that was answered before it', async () => {
    const harness = await ProxyHarness.start();
    try {
      const client = await harness.client();
      client.send(Buffer.concat([encode(['GET', 'a']), encode(['GET', 'b']), encode(['CLIENT', 'ID'])]));
      const counted = vi.spyOn(harness.proxy.context.stats, 'of');
      await client.read('$-1\r\n$-1\r\n:1\r\n'.length);
      expect(counted.mock.calls.map(([entry]) => entry.row.name)).toEqual(['get', 'client|id']);
    } finally {
      await harness.stop();
    }
  });
});
