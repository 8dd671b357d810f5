import { describe, expect, it } from 'vitest';
import { ClientRegistry } from '../client-registry.ts';
import { CommandTable } from '../command-table.ts';
import { allCommands } from '../commands/all-commands.ts';
import { MonitorHub } from '../monitor-hub.ts';
import { SlowLog } from '../slow-log.ts';
import { SessionRunner, shown, TestProxy } from '../testing/session-runner.ts';
import { answerPeer, commandsOverWorkers } from './commands-over-workers.ts';
import { NumberRow } from './number-row.ts';
import type { KeptSetting, MonitorLink, PeerAnswer, PeerQuestion, Peers } from './peers.ts';
import { figureCommands, sharedCommands } from './shared-replies.ts';

/** Workers in one process; what they ask each other goes through a copy, as between processes. */
class Workers {
  readonly proxies: TestProxy[] = [];
  readonly kept: KeptSetting[] = [];
  /** Workers that do not answer. */
  readonly silent = new Set<number>();
  readonly #table = new CommandTable(allCommands);

  constructor(count: number) {
    for (let index = 0; index < count; index++) {
      const proxy = new TestProxy();
      const link: MonitorLink = {
        listening: () => this.#tellListening(),
        relay: (line) => {
          for (const other of this.proxies) if (other !== proxy) other.monitors.feedLine(line);
        },
      };
      Object.assign(proxy, {
        table: new CommandTable(commandsOverWorkers(allCommands, this.#peersOf(index))),
        clients: new ClientRegistry(new NumberRow(index, count)),
        slowLog: new SlowLog(proxy.config, proxy.clock, new NumberRow(index, count)),
        monitors: new MonitorHub(proxy.clock, link),
      });
      this.proxies.push(proxy);
    }
  }

  /** A client of a worker. */
  client(index: number): SessionRunner {
    const proxy = this.proxies[index];
    if (proxy === undefined) throw new Error(`no worker ${index}`);
    return new SessionRunner(proxy);
  }

  #peersOf(own: number): Peers {
    return {
      keep: (setting) => this.kept.push(structuredClone(setting)),
      ask: async (question) => {
        const toAll = question.kind === 'run' && question.toAll;
        const asked = this.proxies.filter((_proxy, index) => (toAll || index !== own) && !this.silent.has(index));
        const answers = await Promise.all(asked.map((proxy) => this.#answer(question, proxy)));
        return answers.filter((answer) => answer !== null);
      },
    };
  }

  async #answer(question: PeerQuestion, proxy: TestProxy): Promise<PeerAnswer | null> {
    const answer = await answerPeer(copy(question), proxy, this.#table);
    return answer === null ? null : copy(answer);
  }

  #tellListening(): void {
    for (const proxy of this.proxies) proxy.monitors.awaitedElsewhere(true);
  }
}

/** As between processes, which keeps buffers buffers, unlike structuredClone. */
function copy<T>(value: T): T {
  if (Buffer.isBuffer(value)) return Buffer.from(value) as T;
  if (Array.isArray(value)) return value.map(copy) as T;
  if (typeof value !== 'object' || value === null) return value;
  expect(Object.getPrototypeOf(value), 'only plain objects travel').toBe(Object.prototype);
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, copy(field)])) as T;
}

function slow(client: SessionRunner, wallSeconds: number, word: string): void {
  client.proxy.slowLog.record([Buffer.from(word)], 20_000, wallSeconds * 1000, client);
}

describe('a command that workers share', () => {
  it('exists, each of them', () => {
    const table = new CommandTable(allCommands);
    const names = [...sharedCommands.keys(), ...figureCommands].filter((name) => !name.startsWith('juno.'));
    expect(names.filter((name) => table.findFull(name) === undefined)).toEqual([]);
  });

  it('CLIENT LIST shows the clients of all, oldest first, or in the order asked for', async () => {
    const workers = new Workers(3);
    const [a, b, c] = [workers.client(1), workers.client(0), workers.client(2)];
    workers.client(0);
    expect([a.id, b.id, c.id]).toEqual([2, 1, 3]);
    expect(await a.run('CLIENT LIST')).toBe('id=1\nid=2\nid=3\nid=4\n');
    expect(await a.run('CLIENT LIST ID 3 9 1')).toBe('id=3\nid=1\n');
    expect(await b.run('CLIENT LIST TYPE normal')).toContain('id=3');
    expect(await b.run('CLIENT LIST TYPE pubsub')).toBe('');
    expect(await b.run('CLIENT LIST ID x')).toBe('-ERR Invalid client ID');
    workers.silent.add(2);
    expect(await a.run('CLIENT LIST TYPE normal')).not.toContain('id=3');
  });

  it('CLIENT KILL reaches clients of other workers, and counts all', async () => {
    const workers = new Workers(3);
    const [a, b, c] = [workers.client(0), workers.client(1), workers.client(2)];
    expect(await a.run(`CLIENT KILL ID ${c.id}`)).toBe(1);
    expect(workers.proxies[2]?.clients.size).toBe(0);
    expect(await a.run(`CLIENT KILL ID ${c.id}`)).toBe(0);
    expect(await a.run('CLIENT KILL 1.2.3.4:5')).toBe('-ERR No such client');
    expect(await a.run('CLIENT KILL ID 0')).toBe('-ERR client-id should be greater than 0');
    expect(await a.run('CLIENT KILL TYPE normal SKIPME yes')).toBe(1);
    expect(workers.proxies.map(({ clients }) => clients.size)).toEqual([1, 0, 0]);
    expect(await b.run(`CLIENT KILL ${a.remoteAddress}`)).toBe('+OK');
    expect(workers.proxies[0]?.clients.size).toBe(0);
  });

  it('CLIENT PAUSE and UNPAUSE hold for all, and for workers to come', async () => {
    const workers = new Workers(2);
    const a = workers.client(0);
    expect(await a.run('CLIENT PAUSE 1000 WRITE')).toBe('+OK');
    expect(workers.proxies.map(({ clients }) => [clients.holdsBack(true), clients.holdsBack(false)])).toEqual([
      [true, false],
      [true, false],
    ]);
    const untilMs = a.proxy.clock.wallMs() + 1000;
    expect(workers.kept).toEqual([{ kind: 'pause', pause: { mode: 'write', untilMs } }]);
    expect(await workers.client(1).run('CLIENT UNPAUSE')).toBe('+OK');
    expect(workers.proxies.map(({ clients }) => clients.holdsBack(true))).toEqual([false, false]);
    expect(workers.kept.at(-1)).toEqual({ kind: 'pause', pause: null });
    expect(await a.run('CLIENT PAUSE x')).toBe('-ERR timeout is not an integer or out of range');
    expect(workers.kept.length).toBe(2);
  });

  it('CONFIG SET is taken by all or by none, and kept as a whole', async () => {
    const workers = new Workers(2);
    const a = workers.client(0);
    expect(await a.run('CONFIG SET timeout 7 maxclients 5')).toBe('+OK');
    expect(workers.proxies.map(({ config }) => [config.timeoutSeconds, config.maxClients])).toEqual([
      [7, 5],
      [7, 5],
    ]);
    await a.runArguments(
      ['CONFIG', 'SET', 'client-output-buffer-limit', 'normal 1 2 3'].map((word) => Buffer.from(word)),
    );
    expect(workers.kept).toEqual([
      {
        kind: 'config',
        pairs: [
          ['timeout', '7'],
          ['maxclients', '5'],
        ],
      },
      { kind: 'config', pairs: [['client-output-buffer-limit', expect.stringMatching(/normal 1 2 3 .*pubsub/)]] },
    ]);
    expect(await a.run('CONFIG SET timeout x')).toMatch(/^-ERR CONFIG SET failed/);
    expect(workers.proxies.map(({ config }) => config.timeoutSeconds)).toEqual([7, 7]);
  });

  it('SLOWLOG shows the entries of all, newest first, no more than one would keep', async () => {
    const workers = new Workers(2);
    const [a, b] = [workers.client(0), workers.client(1)];
    slow(a, 100, 'first');
    slow(b, 200, 'second');
    slow(a, 300, 'third');
    const entries = await b.run('SLOWLOG GET');
    const words = Array.isArray(entries) ? entries.map((entry) => (Array.isArray(entry) ? entry[3] : null)) : [];
    expect(words).toEqual([['third'], ['second'], ['first']]);
    const ids = Array.isArray(entries) ? entries.map((entry) => (Array.isArray(entry) ? entry[0] : null)) : [];
    expect(new Set(ids).size).toBe(3);
    expect(await a.run('SLOWLOG LEN')).toBe(3);
    expect(await a.run('SLOWLOG GET 1')).toMatchObject([[2, 300, 20_000, ['third'], '10.0.0.9:50000', '']]);
    expect(await a.run('SLOWLOG GET -2')).toMatch(/^-ERR count/);
    await a.run('CONFIG SET slowlog-max-len 2');
    expect(await b.run('SLOWLOG LEN')).toBe(2);
    expect(await a.run('SLOWLOG GET -1')).toHaveLength(2);
    expect(await b.run('SLOWLOG RESET')).toBe('+OK');
    expect(await a.run('SLOWLOG LEN')).toBe(0);
  });

  it('INFO adds up what all have counted; RESETSTAT sets all to zero', async () => {
    const workers = new Workers(3);
    const [a, b] = [workers.client(0), workers.client(1)];
    for (const [index, proxy] of workers.proxies.entries()) {
      proxy.stats.keyspaceHits = 10 ** index;
      proxy.stats.maxQueryBufferBytes = index;
      proxy.stats.countError('ERR no');
      const get = proxy.table.find(Buffer.from('get'));
      if (get !== undefined) proxy.stats.of(get).calls = index;
      proxy.latency.recordCommand('get', 1000, true, 10);
    }
    const info = String(await b.run('INFO everything'));
    expect(info).toContain('keyspace_hits:111\r\n');
    expect(info).toContain('connected_clients:2\r\n');
    expect(info).toContain('client_recent_max_input_buffer:2\r\n');
    expect(info).toContain('cmdstat_get:calls=3,');
    expect(info).toContain('errorstat_ERR:count=3\r\n');
    expect(info).toContain('latency_percentiles_usec_get:p50=1003');
    expect(await a.run('LATENCY HISTOGRAM get')).toMatchObject({ get: { calls: 30 } });
    expect(await a.run('CONFIG RESETSTAT')).toBe('+OK');
    expect(workers.proxies.map(({ stats }) => stats.keyspaceHits)).toEqual([0, 0, 0]);
  });

  it('LATENCY shows the worst of each second', async () => {
    const workers = new Workers(2);
    const [a, b] = [workers.client(0), workers.client(1)];
    await a.run('CONFIG SET latency-monitor-threshold 1');
    a.proxy.latency.record('command', 5);
    b.proxy.latency.record('command', 9);
    b.proxy.latency.record('fast-command', 2);
    const seconds = a.proxy.clock.wallMs() / 1000;
    expect(await a.run('LATENCY LATEST')).toEqual([
      ['command', seconds, 9, 9],
      ['fast-command', seconds, 2, 2],
    ]);
    expect(await b.run('LATENCY HISTORY command')).toEqual([[seconds, 9]]);
    expect(await a.run('LATENCY RESET')).toBe(2);
    expect(await b.run('LATENCY LATEST')).toEqual([]);
  });

  it('MONITOR gets what others carry out, while somebody listens', async () => {
    const workers = new Workers(2);
    const [a, b] = [workers.client(0), workers.client(1)];
    const entry = b.proxy.table.find(Buffer.from('get'));
    expect(b.proxy.monitors.active).toBe(false);
    await a.run('MONITOR');
    expect(b.proxy.monitors.active).toBe(true);
    if (entry !== undefined) b.proxy.monitors.feed(b, entry.row, [Buffer.from('GET'), Buffer.from('k')]);
    expect(a.pushed.map(shown)).toEqual([expect.stringMatching(/\[0 10\.0\.0\.9:50000\] "GET" "k"$/)]);
    expect(b.pushed).toEqual([]);
  });
});

it('numbers of workers are never the same, also of those that sat there before', () => {
  const rows = [new NumberRow(0, 3), new NumberRow(1, 3), new NumberRow(2, 3)];
  const numbers = rows.flatMap((row) => Array.from({ length: 5 }, () => row.next()));
  const later = new NumberRow(1, 3, 5);
  numbers.push(later.next(), later.next());
  expect(new Set(numbers).size).toBe(17);
  expect([new NumberRow().next(), rows[0]?.next()]).toEqual([1, 16]);
});
