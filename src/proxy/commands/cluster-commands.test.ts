import { describe, expect, it } from 'vitest';
import { SessionRunner, TestProxy } from '../testing/session-runner.ts';
import { splitAddress } from './cluster-topology.ts';

const DISABLED = '-ERR This instance has cluster support disabled';

function clustered(localAddress = '10.0.0.1:7000'): SessionRunner {
  const session = new SessionRunner(new TestProxy({ clusterEnabled: true }));
  session.localAddress = localAddress;
  return session;
}

function nodeIdOf(session: SessionRunner): string {
  return session.proxy.info.clusterNodeId;
}

describe('without cluster-enabled', () => {
  it.each([
    'CLUSTER INFO',
    'CLUSTER MYID',
    'CLUSTER SLOTS',
    'CLUSTER SHARDS',
    'CLUSTER NODES',
    'CLUSTER LINKS',
    'CLUSTER KEYSLOT a',
    'CLUSTER HELP',
    'READONLY',
    'READWRITE',
    'ASKING',
  ])('%s is refused in the words of Redis', async (line) => {
    expect(await new SessionRunner().run(line)).toBe(DISABLED);
  });
});

describe('with cluster-enabled', () => {
  it('names the port that a client over TLS can use', async () => {
    const session = clustered('10.0.0.1:7443');
    session.encrypted = true;
    session.proxy.config.set([['cluster-announce-port', '9000']]);
    const port = async (): Promise<unknown[]> => [
      await session.run('CLUSTER SLOTS'),
      await session.run('CLUSTER SHARDS'),
      await session.run('CLUSTER NODES'),
    ];
    const id = nodeIdOf(session);
    const own = await port();
    expect(own[0]).toEqual([[0, 16_383, ['10.0.0.1', 7443, id, {}]]]);
    expect(own[1]).toMatchObject([{ nodes: [{ 'tls-port': 7443 }] }]);
    expect(JSON.stringify(own[1])).not.toContain('"port"');
    expect(own[2]).toContain(' 10.0.0.1:7443@17443 ');
    session.proxy.config.set([['cluster-announce-tls-port', '9443']]);
    const announced = await port();
    expect(announced[0]).toEqual([[0, 16_383, ['10.0.0.1', 9443, id, {}]]]);
    expect(announced[1]).toMatchObject([{ nodes: [{ 'tls-port': 9443 }] }]);
    expect(announced[2]).toContain(' 10.0.0.1:9443@19443 ');
    session.encrypted = false;
    expect(await session.run('CLUSTER SLOTS')).toEqual([[0, 16_383, ['10.0.0.1', 9000, id, {}]]]);
  });

  it('names this proxy as the owner of all slots, at the address that the client has reached', async () => {
    const session = clustered();
    const id = nodeIdOf(session);
    expect(id).toMatch(/^[0-9a-f]{40}$/);
    expect(await session.run('CLUSTER MYID')).toBe(id);
    expect(await session.run('CLUSTER SLOTS')).toEqual([[0, 16_383, ['10.0.0.1', 7000, id, {}]]]);
    expect(await session.run('CLUSTER NODES')).toBe(
      `${id} 10.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-16383\n`,
    );
    expect(await session.run('CLUSTER SHARDS')).toEqual([
      {
        slots: [0, 16_383],
        nodes: [
          {
            id,
            port: 7000,
            ip: '10.0.0.1',
            endpoint: '10.0.0.1',
            role: 'master',
            'replication-offset': 0,
            health: 'online',
          },
        ],
      },
    ]);
    expect(await session.run('CLUSTER LINKS')).toEqual([]);
  });

  it('announces what is configured', async () => {
    const session = clustered();
    const id = nodeIdOf(session);
    await session.run(
      'CONFIG SET cluster-announce-ip 192.0.2.7 cluster-announce-port 6400 cluster-announce-bus-port 9 cluster-announce-hostname kv.example',
    );
    expect(await session.run('CLUSTER SLOTS')).toEqual([
      [0, 16_383, ['192.0.2.7', 6400, id, { hostname: 'kv.example' }]],
    ]);
    expect(await session.run('CLUSTER NODES')).toContain(`${id} 192.0.2.7:6400@9,kv.example myself,master`);
    await session.run('CONFIG SET cluster-preferred-endpoint-type hostname');
    expect(await session.run('CLUSTER SLOTS')).toEqual([[0, 16_383, ['kv.example', 6400, id, { ip: '192.0.2.7' }]]]);
    await session.run('CONFIG SET cluster-preferred-endpoint-type unknown-endpoint');
    expect(await session.run('CLUSTER SLOTS')).toEqual([
      [0, 16_383, [null, 6400, id, { ip: '192.0.2.7', hostname: 'kv.example' }]],
    ]);
  });

  it.each([
    ['[::1]:7000', '::1'],
    ['::ffff:10.1.2.3:7000', '10.1.2.3'],
  ])('reached at %s it is %s', async (address, ip) => {
    const session = clustered(address);
    expect(await session.run('CLUSTER SLOTS')).toEqual([[0, 16_383, [ip, 7000, nodeIdOf(session), {}]]]);
  });

  it('hashes keys as Redis Cluster does', async () => {
    const session = clustered();
    expect(await session.run('CLUSTER KEYSLOT a{b}c')).toBe(3300);
    expect(await session.run('CLUSTER KEYSLOT b')).toBe(3300);
    expect(await session.run('CLUSTER KEYSLOT foo')).toBe(12_182);
  });

  it('reports a whole cluster under the epoch of the map', async () => {
    const session = clustered();
    await session.run('FLUSHALL');
    const info = String(await session.run('CLUSTER INFO')).split('\r\n');
    expect(info).toEqual(
      expect.arrayContaining([
        'cluster_state:ok',
        'cluster_slots_assigned:16384',
        'cluster_slots_ok:16384',
        'cluster_known_nodes:1',
        'cluster_size:1',
        'cluster_current_epoch:2',
      ]),
    );
    expect(info.at(-1)).toBe('');
  });

  it('accepts READONLY, READWRITE and ASKING, and keeps COPY in its database', async () => {
    const session = clustered();
    for (const line of ['READONLY', 'READWRITE', 'ASKING']) expect(await session.run(line)).toBe('+OK');
    expect(await session.run('COPY a b DB 1')).toBe('-ERR Copying to another database is not allowed in cluster mode');
    expect(await session.run('INFO cluster')).toBe('# Cluster\r\ncluster_enabled:1\r\n');
  });
});

describe('splitAddress', () => {
  it.each([
    ['127.0.0.1:6379', { ip: '127.0.0.1', port: 6379 }],
    ['[2001:db8::1]:6379', { ip: '2001:db8::1', port: 6379 }],
    ['', { ip: '', port: 0 }],
    ['unix', { ip: '', port: 0 }],
  ])('%j', (address, parts) => {
    expect(splitAddress(address)).toEqual(parts);
  });
});
