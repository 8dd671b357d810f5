import { describe, expect, it } from 'vitest';
import { unavailable } from '../base/failure.ts';
import { limits } from '../base/limits.ts';
import { ProtocolCounters } from '../quorum/protocol-counters.ts';
import { humanBytes, wantedSections } from './info.ts';
import { SessionRunner } from './testing/session-runner.ts';

async function info(session: SessionRunner, sections = ''): Promise<string> {
  return String(await session.run(`INFO${sections === '' ? '' : ` ${sections}`}`));
}

function fields(text: string): Record<string, string> {
  const lines = text.split('\r\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}

function titles(text: string): string[] {
  return text.split('\r\n').filter((line) => line.startsWith('# '));
}

const usual = ['Server', 'Clients', 'Memory', 'Persistence', 'Stats', 'Replication', 'CPU', 'Modules'];

describe('INFO', () => {
  it('has the sections that were asked for, in the order of Redis', async () => {
    const session = new SessionRunner();
    const byDefault = [...usual, 'Errorstats', 'Cluster', 'Keyspace', 'Junokv'].map((title) => `# ${title}`);
    expect(titles(await info(session))).toEqual(byDefault);
    expect(titles(await info(session, 'default'))).toEqual(byDefault);
    const all = [...usual, 'Commandstats', 'Errorstats', 'Latencystats', 'Cluster', 'Keyspace', 'Junokv'];
    for (const name of ['all', 'everything', 'ALL']) {
      expect(titles(await info(session, name))).toEqual(all.map((title) => `# ${title}`));
    }
    expect(titles(await info(session, 'keyspace SERVER nosuch server'))).toEqual(['# Server', '# Keyspace']);
    expect(await info(session, 'nosuch')).toBe('');
    expect(await info(session, 'cluster modules')).toBe('# Modules\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n');
  });

  it('has the fields that clients and exporters read', async () => {
    const session = new SessionRunner();
    session.proxy.clock.advance(90_000_000);
    session.proxy.stats.totalConnections = 7;
    session.proxy.stats.keyspaceHits = 3;
    expect(fields(await info(session))).toMatchObject({
      redis_mode: 'standalone',
      process_id: String(process.pid),
      run_id: expect.stringMatching(/^[0-9a-f]{40}$/),
      tcp_port: '6379',
      uptime_in_seconds: '90000',
      uptime_in_days: '1',
      connected_clients: '1',
      blocked_clients: '0',
      used_memory: expect.stringMatching(/^\d+$/),
      used_memory_human: expect.stringMatching(/^\d+\.\d\d[KMGT]$/),
      used_memory_rss: expect.stringMatching(/^\d+$/),
      maxmemory_policy: 'noeviction',
      loading: '0',
      aof_enabled: '0',
      total_connections_received: '7',
      keyspace_hits: '3',
      instantaneous_ops_per_sec: '0',
      role: 'master',
      connected_slaves: '0',
      used_cpu_sys: expect.stringMatching(/^\d+\.\d{6}$/),
      cluster_enabled: '0',
      zones: '3',
      nodes: '3',
      nodes_up: '3',
      shards: '1024',
      map_epoch: '1',
      engine: 'memory',
      fsync: 'no',
      corrupt_records: '0',
    });
  });

  it('tells what this proxy has seen of the nodes, and what commands met', async () => {
    const session = new SessionRunner();
    const counters = new ProtocolCounters();
    for (const branch of ['busy', 'hedged', 'hedged', 'fenced', 'node-suspected'] as const) counters.add(branch);
    const nodes = [
      { nodeId: 2, isSuspect: true, meanMs: 31.5, deviationMs: 2, suspicions: 3 },
      { nodeId: 1, isSuspect: false, meanMs: 0.25, deviationMs: 0.125, suspicions: 0 },
    ];
    session.proxy.cluster.figures = () => ({ waiting: 7, counters, nodes });
    expect(fields(await info(session, 'junokv'))).toMatchObject({
      moving_shards: '0',
      commands_waiting: '7',
      commands_refused: '1',
      rounds_hedged: '2',
      epoch_refusals: '1',
      node_suspicions: '1',
      seen_node1: 'suspect=0,latency_ms=0.25,deviation_ms=0.13,suspicions=0',
      seen_node2: 'suspect=1,latency_ms=31.50,deviation_ms=2.00,suspicions=3',
    });
  });

  it('counts commands, errors and latencies', async () => {
    const session = new SessionRunner();
    const { table, stats, latency } = session.proxy;
    const get = table.findFull('get');
    if (get === undefined) throw new Error('there is GET');
    Object.assign(stats.of(get), { calls: 4, totalUs: 10.4, rejected: 1, failed: 2 });
    stats.countError('WRONGTYPE Operation against a key');
    latency.recordCommand('get', 35, true);
    expect(fields(await info(session, 'commandstats errorstats latencystats'))).toEqual({
      cmdstat_get: 'calls=4,usec=10,usec_per_call=2.60,rejected_calls=1,failed_calls=2',
      errorstat_WRONGTYPE: 'count=1',
      latency_percentiles_usec_get: 'p50=35.071,p99=35.071,p99.9=35.071',
    });
  });

  it('goes on answering when the cluster does not', async () => {
    const session = new SessionRunner();
    session.proxy.cluster.failure = unavailable('no quorum');
    session.proxy.cluster.nodes = () => new Promise(() => undefined);
    const answer = info(session);
    await Promise.resolve();
    session.proxy.clock.advance(limits.keyspaceCountWaitMs);
    const found = fields(await answer);
    expect(found).toMatchObject({ zones: '3', nodes: '3', loading: '0' });
    expect(found).not.toHaveProperty('nodes_up');
    expect(found).not.toHaveProperty('db0');
  });
});

describe('INFO keyspace', () => {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('counts keys and expiries per database', async () => {
    const session = new SessionRunner();
    await session.run('MSET a 1 b 2');
    await session.run('EXPIRE a 100');
    session.database = 5;
    await session.run('SET c 3');
    expect(fields(await info(session, 'keyspace'))).toEqual({
      db0: 'keys=2,expires=1,avg_ttl=0',
      db5: 'keys=1,expires=0,avg_ttl=0',
    });
  });

  it('answers the last count and counts anew in the background, not more often than its limit says', async () => {
    const session = new SessionRunner();
    const { cluster, clock } = session.proxy;
    let counts = 0;
    const count = cluster.count.bind(cluster);
    cluster.count = (namespaces) => {
      counts++;
      return count(namespaces);
    };
    await session.run('SET a 1');
    await info(session, 'keyspace');
    await session.run('SET b 1');
    expect(await info(session, 'keyspace')).toContain('keys=1');
    expect(counts).toBe(1);
    clock.advance(limits.keyspaceCountAgeMs + 1);
    expect(await info(session, 'keyspace')).toContain('keys=1');
    await turn();
    expect(await info(session, 'keyspace')).toContain('keys=2');
    expect(counts).toBe(2);
    await session.run('FLUSHALL');
    expect(fields(await info(session, 'keyspace'))).toEqual({});
  });

  it('waits for the first count only so long', async () => {
    const session = new SessionRunner();
    const { cluster, clock } = session.proxy;
    let finish: (counts: readonly { keys: number; expires: number }[]) => void = () => undefined;
    cluster.count = () =>
      new Promise((resolve) => {
        finish = resolve;
      });
    const answer = info(session, 'keyspace');
    await Promise.resolve();
    clock.advance(limits.keyspaceCountWaitMs);
    expect(await answer).toBe('# Keyspace\r\n');
    clock.advance(10_000);
    finish(Array.from({ length: 16 }, (_, i) => ({ keys: i === 0 ? 9 : 0, expires: 0 })));
    await turn();
    expect(fields(await info(session, 'keyspace'))).toEqual({ db0: 'keys=9,expires=0,avg_ttl=0' });
  });

  it('lets a count that took long hold for long', async () => {
    const session = new SessionRunner();
    const { cluster, clock } = session.proxy;
    const tookMs = 2_000;
    let counts = 0;
    cluster.count = (namespaces) => {
      counts++;
      clock.advance(tookMs);
      return Promise.resolve(namespaces.map(() => ({ keys: counts, expires: 0 })));
    };
    expect(await info(session, 'keyspace')).toContain('keys=1,');
    clock.advance(limits.keyspaceCountRest * tookMs);
    await info(session, 'keyspace');
    await turn();
    expect(counts).toBe(1);
    clock.advance(1);
    await info(session, 'keyspace');
    await turn();
    expect(await info(session, 'keyspace')).toContain('keys=2,');
  });
});

describe('info text', () => {
  it.each([
    [0, '0B'],
    [1023, '1023B'],
    [1024, '1.00K'],
    [1_572_864, '1.50M'],
    [25_276_502_016, '23.54G'],
    [2 ** 40, '1.00T'],
  ])('%i bytes are %s', (bytes, text) => {
    expect(humanBytes(bytes)).toBe(text);
  });

  it('asks the cluster only for what is wanted', () => {
    expect([...wantedSections(['Server', 'CPU'])]).toEqual(['server', 'cpu']);
    expect(wantedSections([]).has('keyspace')).toBe(true);
    expect(wantedSections([]).has('commandstats')).toBe(false);
  });
});
