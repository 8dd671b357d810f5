import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChildServer } from './support/child-server.ts';
import { freePorts } from './support/free-port.ts';
import { makeTempDir, spawnJunokv } from './support/junokv-server.ts';
import { RawClient } from './support/raw-client.ts';
import { encodeCommand } from './support/request.ts';

const WORKERS = 2;
const INIT_MS = 30_000;
const READY_MS = 100_000;

/** Process ids of the children of `pid`. */
function childrenOf(pid: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((each) => parentOf(each) === pid);
}

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    // It has ended meanwhile.
    return 0;
  }
}

/** Workers share out ids so: every second one. */
function workerOf(id: number): number {
  return (id - 1) % WORKERS;
}

describe('a proxy of two workers', { timeout: 60_000 }, () => {
  const clients: RawClient[] = [];
  let dir = '';
  let storage: ChildServer | null = null;
  let proxy: ChildServer | null = null;
  let port = 0;
  let tlsPort = 0;
  let httpPort = 0;

  const client = async (): Promise<RawClient> => {
    const connected = await RawClient.connect(port);
    clients.push(connected);
    return connected;
  };
  const ask = async (who: RawClient, line: string): Promise<string> =>
    (await who.command(line.split(' '))).toString('latin1');
  const idOf = async (who: RawClient): Promise<number> => Number((await ask(who, 'CLIENT ID')).slice(1));
  /** Two clients of different workers. */
  const pair = async (): Promise<[RawClient, RawClient]> => {
    const one = await client();
    for (;;) {
      const other = await client();
      if (workerOf(await idOf(other)) !== workerOf(await idOf(one))) return [one, other];
    }
  };
  const http = async (path: string): Promise<string> => (await fetch(`http://127.0.0.1:${httpPort}${path}`)).text();

  beforeAll(async () => {
    dir = makeTempDir('workers');
    const certs = join(dir, 'certs');
    const [storagePort = 0, ...others] = await freePorts(4);
    [port = 0, tlsPort = 0, httpPort = 0] = others;
    const shared = ['--map', join(dir, 'map.json'), '--secret', join(dir, 'secret')];
    const keys = ['--keystore', join(dir, 'keystore.json')];
    const shape = ['--zones', '1', '--shards', '16', '--nodes', `127.0.0.1:${storagePort}`];
    await Promise.all([
      spawnJunokv('cluster init', ['cluster', 'init', ...shape, ...shared, ...keys], dir).waitUntilDone(INIT_MS),
      spawnJunokv('certs', ['certs', certs], dir).waitUntilDone(INIT_MS),
    ]);
    storage = spawnJunokv('junokv storage', ['storage', '--node', '1', '--engine', 'memory', ...shared], dir);
    const serving = ['--port', `${port}`, '--http-port', `${httpPort}`, '--unixsocket', join(dir, 'socket')];
    const tls = ['--tls-port', `${tlsPort}`, '--tls-cert-file', join(certs, 'server.crt')];
    tls.push('--tls-key-file', join(certs, 'server.key'), '--tls-ca-cert-file', join(certs, 'ca.crt'));
    const more = ['--workers', `${WORKERS}`, '--audit-log', join(dir, 'audit.log')];
    proxy = spawnJunokv('junokv proxy', ['proxy', ...serving, ...tls, ...more, ...shared, ...keys], dir);
    const isReady = (server: ChildServer): Promise<void> =>
      server.waitUntilReady(async () => server.output.includes('is ready'), READY_MS);
    await Promise.all([storage, proxy].map(isReady));
  }, 200_000);
  afterAll(async () => {
    for (const each of clients) each.close();
    await proxy?.stop();
    await storage?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('serves its clients by both, and they see one proxy', async () => {
    const many = await Promise.all(Array.from({ length: 6 }, () => client()));
    const ids = await Promise.all(many.map(idOf));
    expect(new Set(ids).size).toBe(6);
    expect(ids.filter((id) => workerOf(id) === 0).length).toBe(3);
    const [one, two, ...rest] = many;
    if (one === undefined || two === undefined) throw new Error('there are six');
    expect(await ask(one, 'SET k some-value')).toBe('+OK\r\n');
    for (const each of rest) expect(await ask(each, 'GET k')).toContain('some-value');
    const listed = await ask(two, 'CLIENT LIST');
    for (const id of ids) expect(listed).toMatch(new RegExp(`^id=${id} `, 'm'));
    const runIds = await Promise.all(
      many.map(async (each) => /run_id:(\w+)/.exec(await ask(each, 'INFO server'))?.[1]),
    );
    expect(new Set(runIds).size).toBe(1);
    expect(await ask(one, 'INFO server')).toContain(`process_id:${proxy?.pid}\r\n`);
    expect(await ask(two, 'INFO commandstats')).toContain('cmdstat_get:calls=4,');
    for (const each of many) each.close();
  });

  it('lets a client reach all of it: kill, settings, the slow log, MONITOR', async () => {
    const [one, two] = await pair();
    expect(await ask(one, 'CONFIG SET slowlog-log-slower-than 0')).toBe('+OK\r\n');
    expect(await ask(two, 'CONFIG GET slowlog-log-slower-than')).toContain('\r\n0\r\n');
    expect(await ask(two, 'ECHO seen-by-two')).toContain('seen-by-two');
    expect(await ask(one, 'SLOWLOG GET -1')).toContain('seen-by-two');
    expect(await ask(two, 'SLOWLOG RESET')).toBe('+OK\r\n');
    expect(await ask(one, 'MONITOR')).toBe('+OK\r\n');
    // It is told to the other worker in its own time.
    let shown = '';
    for (let i = 0; !shown.includes('"ECHO" "heard'); i++) {
      await ask(two, `ECHO heard-${i}`);
      shown = (await one.drain(50)).toString('latin1');
    }
    expect(shown).toMatch(/\[0 127\.0\.0\.1:\d+\] "ECHO" "heard-\d+"/);
    expect(await ask(two, `CLIENT KILL ID ${await idOf(two)} SKIPME yes`)).toBe(':0\r\n');
    const [three] = await pair();
    expect(await ask(three, `CLIENT KILL ID ${await idOf(two)}`)).toBe(':1\r\n');
    expect(await two.replyOrEnd()).toBeNull();
    expect(await ask(three, 'CONFIG SET slowlog-log-slower-than 10000 timeout 77')).toBe('+OK\r\n');
  });

  it('serves a Unix socket, and gives what HTTP asks for of both workers', async () => {
    const socket = connect(join(dir, 'socket'));
    const reply = await new Promise<string>((resolve, reject) => {
      socket.on('data', (data) => resolve(data.toString())).on('error', reject);
      socket.write(encodeCommand(['CLIENT', 'INFO']));
    });
    socket.destroy();
    expect(reply).toContain(`addr=${join(dir, 'socket')}:0`);
    expect(await http('/readyz')).toBe('ready\n');
    const metrics = await http('/metrics');
    for (const worker of [0, 1, 2])
      expect(metrics).toMatch(new RegExp(`^junokv_ready\\{worker="${worker}"\\} 1$`, 'm'));
    expect(metrics).toMatch(/^junokv_connections_total\{worker="2"\} \d+$/m);
    expect(metrics).toMatch(/^junokv_workers_serving\{worker="0"\} 2$/m);
    expect(metrics.match(/^# TYPE junokv_ready gauge$/gm)).toHaveLength(1);
    const audited = readFileSync(join(dir, 'audit.log'), 'utf8').trimEnd().split('\n');
    expect(audited.map((line) => JSON.parse(line).action)).toEqual(expect.arrayContaining(['start', 'CLIENT KILL']));
  });

  it('serves over TLS', async () => {
    const certs = join(dir, 'certs');
    const [ca, cert, key] = [join(certs, 'ca.crt'), join(certs, 'client-client.crt'), join(certs, 'client-client.key')];
    const ids: number[] = [];
    for (let i = 0; i < 2; i++) {
      const secure = await RawClient.connect({ port: tlsPort, ca, cert, key });
      clients.push(secure);
      expect(await ask(secure, `SET large ${'x'.repeat(300_000)}`)).toBe('+OK\r\n');
      expect((await ask(secure, 'GET large')).length).toBeGreaterThan(300_000);
      ids.push(await idOf(secure));
    }
    expect(new Set(ids).size).toBe(2);
  });

  it('replaces a worker that is killed, while clients of the other one go on', async () => {
    const [one, two] = await pair();
    const pids = childrenOf(proxy?.pid ?? 0);
    expect(pids.length).toBe(WORKERS);
    // One of the two: which one is seen by whose connection ends.
    process.kill(pids[0] ?? 0, 'SIGKILL');
    const ended = await Promise.race([one.replyOrEnd().then(() => one), two.replyOrEnd().then(() => two)]);
    const survivor = ended === one ? two : one;
    // Whoever comes meanwhile is served by the other one.
    const late = await client();
    expect(await ask(late, 'PING')).toBe('+PONG\r\n');
    // First that it was noticed: until then two serve.
    const shown = expect.poll(() => http('/metrics'), { timeout: 30_000 });
    await shown.toMatch(/^junokv_worker_restarts_total\{worker="0"\} 1$/m);
    await expect.poll(() => http('/metrics'), { timeout: 30_000 }).toMatch(/^junokv_workers_serving\{worker="0"\} 2$/m);
    const fresh = await pair();
    expect(new Set(await Promise.all(fresh.map(idOf))).size).toBe(WORKERS);
    // What was set before it started holds there, too.
    for (const each of fresh) expect(await ask(each, 'CONFIG GET timeout')).toContain('\r\n77\r\n');
    survivor.close();
  });

  it('answers on SIGTERM what was sent, by all workers, and ends', async () => {
    const both = await pair();
    const pids = childrenOf(proxy?.pid ?? 0);
    const bytesIn = async (): Promise<number[]> =>
      [...(await http('/metrics')).matchAll(/^junokv_client_bytes_total\{direction="in",worker="\d"\} (\d+)$/gm)].map(
        ([, bytes]) => Number(bytes),
      );
    expect(await ask(both[0], 'CLIENT PAUSE 60000 ALL')).toBe('+OK\r\n');
    const before = await bytesIn();
    const sent = Buffer.concat(Array.from({ length: 20 }, (_, i) => encodeCommand(['SET', `drained-${i}`, 'x'])));
    for (const each of both) await each.send(sent);
    const arrived = before.map((bytes) => bytes + sent.length);
    expect(arrived.length).toBe(WORKERS);
    await expect.poll(bytesIn, { timeout: 20_000 }).toEqual(arrived);
    const stopped = proxy?.stop();
    for (const each of both) {
      for (let i = 0; i < 20; i++) expect((await each.reply()).toString()).toBe('+OK\r\n');
      expect(await each.replyOrEnd()).toBeNull();
    }
    await stopped;
    expect(proxy?.exitText).toBe('exit code 0');
    expect(pids.filter((pid) => parentOf(pid) !== 0)).toEqual([]);
    await expect(RawClient.connect(port)).rejects.toThrow();
  });
});
