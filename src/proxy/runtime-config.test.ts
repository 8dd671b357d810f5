import { describe, expect, it } from 'vitest';
import { RuntimeConfig } from './runtime-config.ts';

function failed(name: string, problem: string): string {
  return `ERR CONFIG SET failed (possibly related to argument '${name}') - ${problem}`;
}

function get(config: RuntimeConfig, ...patterns: string[]): Record<string, string> {
  return Object.fromEntries(config.get(patterns.map((pattern) => Buffer.from(pattern))));
}

describe('RuntimeConfig.get', () => {
  it('answers every parameter that a pattern matches, once, in any case', () => {
    const config = new RuntimeConfig({ port: 7000, bind: ['127.0.0.1', '::1'] });
    expect(get(config, 'PORT', 'bind', 'port')).toEqual({ PORT: '7000', bind: '127.0.0.1 ::1' });
    expect(Object.keys(get(config, 'slowlog-*'))).toEqual(['slowlog-log-slower-than', 'slowlog-max-len']);
    expect(get(config, 'nosuch')).toEqual({});
    expect(get(config, 'client-output-buffer-limit')).toEqual({
      'client-output-buffer-limit': 'normal 1073741824 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60',
    });
  });

  it('answers what libraries ask for on connecting', () => {
    expect(get(new RuntimeConfig(), 'save', 'appendonly', 'databases', 'maxmemory*')).toEqual({
      save: '',
      appendonly: 'no',
      databases: '16',
      maxmemory: '0',
      'maxmemory-policy': 'noeviction',
      'maxmemory-samples': '5',
    });
  });
});

describe('RuntimeConfig.set', () => {
  it('refuses more clients than the system has descriptors for, as Redis does, but never fewer than before', () => {
    const config = new RuntimeConfig({ maxClients: 500, maxClientsPossible: 768 });
    expect(config.set([['maxclients', '768']])).toBeNull();
    const problem = 'The operating system is not able to handle the specified number of clients, try with 768';
    expect(config.set([['maxclients', '769']])).toBe(failed('maxclients', problem));
    expect(get(config, 'maxclients')).toEqual({ maxclients: '768' });
    const crowded = new RuntimeConfig({ maxClients: 900, maxClientsPossible: 768 });
    expect(crowded.set([['maxclients', '800']])).toBeNull();
  });

  const accepted: [name: string, value: string, shown: string][] = [
    ['maxclients', '5', '5'],
    ['MaxClients', '4294967295', '4294967295'],
    ['timeout', '0', '0'],
    ['tcp-keepalive', '0', '0'],
    ['shutdown-timeout', '30', '30'],
    [
      'client-output-buffer-limit',
      'normal 1mb 512kb 5',
      'normal 1048576 524288 5 slave 268435456 67108864 60 pubsub 33554432 8388608 60',
    ],
    ['proto-max-bulk-len', '1mb', '1048576'],
    ['proto-max-bulk-len', '2G', '2000000000'],
    ['client-query-buffer-limit', '1048576', '1048576'],
    ['protected-mode', 'NO', 'no'],
    ['slowlog-log-slower-than', '-1', '-1'],
    ['slowlog-max-len', '0', '0'],
    ['latency-tracking', 'no', 'no'],
    ['latency-tracking-info-percentiles', '50.5 99', '50.5 99'],
    ['latency-tracking-info-percentiles', '', ''],
    ['requirepass', 'secret', 'secret'],
    ['cluster-announce-hostname', 'a.example', 'a.example'],
    ['cluster-preferred-endpoint-type', 'HOSTNAME', 'hostname'],
    ['appendonly', 'no', 'no'],
    ['save', '', ''],
  ];
  it.each(accepted)('%s %j', (name, value, shown) => {
    const config = new RuntimeConfig();
    expect(config.set([[name, value]])).toBeNull();
    expect(get(config, name)).toEqual({ [name]: shown });
  });

  const refused: [name: string, value: string, problem: string][] = [
    ['maxclients', '0', 'argument must be between 1 and 4294967295 inclusive'],
    ['maxclients', 'abc', "argument couldn't be parsed into an integer"],
    ['maxclients', '01', "argument couldn't be parsed into an integer"],
    ['slowlog-max-len', '99999999999999999999', "argument couldn't be parsed into an integer"],
    ['timeout', '3000000000', 'argument must be between 0 and 2147483647 inclusive'],
    ['latency-monitor-threshold', '-1', 'argument must be between 0 and 9223372036854775807 inclusive'],
    ['protected-mode', 'foo', "argument must be 'yes' or 'no'"],
    ['proto-max-bulk-len', '1', 'argument must be between 1048576 and 9223372036854775807 inclusive'],
    ['proto-max-bulk-len', '-1', 'argument must be a memory value'],
    ['proto-max-bulk-len', '1tb', 'argument must be a memory value'],
    ['databases', '3', "can't set immutable config"],
    ['port', '7000', "can't set immutable config"],
    ['unixsocket', '/tmp/s', "can't set immutable config"],
    ['unixsocketperm', '700', "can't set immutable config"],
    ['tcp-backlog', '128', "can't set immutable config"],
    ['shutdown-timeout', '-1', 'argument must be between 0 and 2147483647 inclusive'],
    ['appendonly', 'yes', "this is always 'no' here"],
    ['cluster-announce-hostname', 'a_b', 'Hostnames may only contain alphanumeric characters, hyphens or dots'],
    ['cluster-announce-hostname', 'a'.repeat(256), 'Hostnames must be less than 256 characters'],
    ['client-output-buffer-limit', 'normal 1 2', 'Wrong number of arguments in buffer limit configuration.'],
    ['client-output-buffer-limit', 'foo 1 2 3', 'Invalid client class specified in buffer limit configuration.'],
    [
      'client-output-buffer-limit',
      'normal x 2 3',
      'Error in hard, soft or soft_seconds setting in buffer limit configuration.',
    ],
    ['latency-tracking-info-percentiles', '50 abc', 'Invalid latency-tracking-info-percentiles parameters'],
    [
      'latency-tracking-info-percentiles',
      '50 200',
      'latency-tracking-info-percentiles parameters should sit between [0.0,100.0]',
    ],
  ];
  it.each(refused)('%s %j is refused in the words of Redis', (name, value, problem) => {
    const config = new RuntimeConfig();
    const before = get(config, '*');
    expect(config.set([[name, value]])).toBe(failed(name, problem));
    expect(get(config, '*')).toEqual(before);
  });

  it('changes all pairs or none', () => {
    const config = new RuntimeConfig();
    const pairs: [string, string][] = [
      ['maxclients', '7'],
      ['client-output-buffer-limit', 'normal 1 2 3 pubsub 1mb 0 0'],
      ['timeout', 'x'],
    ];
    expect(config.set(pairs)).toContain("'timeout'");
    expect(config.maxClients).toBe(10_000);
    expect(config.outputBufferLimits.normal.hardBytes).toBe(1_073_741_824);
    expect(config.set(pairs.slice(0, 2))).toBeNull();
    expect(config.maxClients).toBe(7);
    expect(config.outputBufferLimits).toMatchObject({
      normal: { hardBytes: 1, softBytes: 2, softSeconds: 3 },
      slave: { hardBytes: 268_435_456 },
      pubsub: { hardBytes: 1_048_576 },
    });
  });

  it('refuses unknown and repeated names', () => {
    const config = new RuntimeConfig();
    expect(config.set([['foo', 'bar']])).toBe("ERR Unknown option or number of arguments for CONFIG SET - 'foo'");
    const twice: [string, string][] = [
      ['timeout', '1'],
      ['TIMEOUT', '2'],
    ];
    expect(config.set(twice)).toBe(failed('TIMEOUT', 'duplicate parameter'));
  });

  it('divides the clients among workers, and shows them all', () => {
    const parts = (maxClients: number, workers: number) =>
      Array.from(
        { length: workers },
        (_, index) => new RuntimeConfig({ maxClients }, { index, workers }).maxClientsHere,
      );
    expect([parts(10, 3), parts(1, 2), parts(4, 2), parts(7, 1)]).toEqual([[4, 3, 3], [1, 0], [2, 2], [7]]);
    const config = new RuntimeConfig({}, { index: 1, workers: 2 });
    expect(config.set([['maxclients', '9']])).toBeNull();
    expect([get(config, 'maxclients'), config.maxClientsHere]).toEqual([{ maxclients: '9' }, 4]);
  });

  it('shows the port that the listener was given', () => {
    const config = new RuntimeConfig({ port: 0 });
    config.listeningOn(50_123);
    expect(get(config, 'port')).toEqual({ port: '50123' });
  });
});
