import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ETCD_TEST_MS, EtcdServer, etcdProblem } from '../cluster/testing/etcd-server.ts';
import { runCommandLine } from './cli.ts';
import { configurationWith } from './configuration.ts';
import { etcdPlace, etcdPrefix, storeOptionsProblem } from './etcd-place.ts';
import type { Configuration, OptionKey } from './option-table.ts';
import { FakeAssembly, FakeSystem } from './testing/fake-system.ts';

describe('options of etcd', () => {
  const problem = (changes: Partial<Configuration>, mayHaveBoth = false): string | null =>
    storeOptionsProblem(configurationWith(changes), new Set(Object.keys(changes) as OptionKey[]), mayHaveBoth);
  const etcd = ['http://a:2379'];
  const secure = ['https://a:2379'];

  it('must not contradict each other', () => {
    expect(problem({})).toBeNull();
    expect(problem({ map: 'm' })).toBeNull();
    expect(problem({ etcd })).toBeNull();
    expect(problem({ etcd, map: 'm' })).toContain('--map and --etcd');
    expect(problem({ etcd, map: 'm' }, true)).toBeNull();
    expect(problem({ etcdPrefix: 'x' })).toBe('--etcd-prefix is given, but not --etcd, which it belongs to');
    expect(problem({ etcd: [...etcd, ...secure] })).toContain('all https');
    expect(problem({ etcd, etcdCa: 'ca' })).toContain('are http');
    expect(problem({ etcd: secure, etcdCa: 'ca', etcdKey: 'key' })).toContain('--etcd-cert and --etcd-key');
    expect(problem({ etcd: secure, etcdCert: 'cert', etcdKey: 'key' })).toContain('needs --etcd-ca');
    expect(problem({ etcd: secure, etcdCa: 'ca', etcdCert: 'cert', etcdKey: 'key' })).toBeNull();
    expect(problem({ etcd, etcdUser: 'u' })).toContain('--etcd-user and --etcd-password');
  });

  it('name one place, however they are written', () => {
    for (const prefix of ['junokv', '/junokv', 'junokv/', '/junokv/']) {
      expect(etcdPrefix(configurationWith({ etcdPrefix: prefix }))).toBe('/junokv/');
    }
    const config = configurationWith({ etcd: ['http://a:1/', 'http://[::1]:2'], etcdPrefix: 'a/b' });
    expect(etcdPlace(config)).toBe('etcd http://a:1,http://[::1]:2, prefix /a/b/');
  });

  it('are checked where they are read', async () => {
    const system = new FakeSystem();
    const args = ['cluster', 'status', '--etcd', 'a:2379', '--etcd-prefix', 'a b'];
    expect(await runCommandLine(args, system, new FakeAssembly())).toBe(2);
    expect(system.complaints.join()).toContain("--etcd: 'a:2379' is not allowed; it must be at most 16 addresses");
    expect(system.complaints.join()).toContain("--etcd-prefix: 'a b' is not allowed");
  });
});

const skipped = etcdProblem === null ? '' : ` (skipped: ${etcdProblem})`;

describe.skipIf(etcdProblem !== null)(`a cluster in etcd${skipped}`, () => {
  let server: EtcdServer;
  let directory = '';
  let clusters = 0;
  beforeAll(async () => {
    server = await EtcdServer.start();
  }, ETCD_TEST_MS);
  afterAll(async () => server?.stop());
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'junokv-etcd-cli-'));
    clusters += 1;
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const at = (name: string): string => join(directory, name);
  const etcd = (): string[] => ['--etcd', server.url, '--etcd-prefix', `c${clusters}`];
  const keys = (): string[] => ['--secret', at('secret'), '--keystore', at('keystore.json')];

  /** Runs a command until it ends; a server gets its stop signal as soon as it serves. */
  async function run(...args: string[]): Promise<{ code: number; out: string; err: string; assembly: FakeAssembly }> {
    const system = new FakeSystem();
    const assembly = new FakeAssembly();
    assembly.onStarted = () => system.signal();
    const code = await runCommandLine(args, system, assembly);
    return { code, out: system.printed.join('\n'), err: system.complaints.join('\n'), assembly };
  }
  const init = () => run('cluster', 'init', ...etcd(), ...keys());
  const status = () => run('cluster', 'status', ...etcd(), '--secret', at('secret'), '--json');
  const storage = (...args: string[]) =>
    run('storage', '--secret', at('secret'), '--node', '2', '--data', at('data'), ...args);
  const proxy = (...args: string[]) => run('proxy', ...keys(), '--state-dir', at('state'), ...args);

  it('is made once, without a map file', { timeout: ETCD_TEST_MS }, async () => {
    const made = await init();
    expect(made).toMatchObject({ code: 0, err: '' });
    expect(made.out).toContain(`map       etcd ${server.url}, prefix /c${clusters}/`);
    expect(made.out).toContain(`junokv storage --etcd ${server.url}`);
    const second = await run(
      'cluster',
      'init',
      ...etcd(),
      '--secret',
      at('secret2'),
      '--keystore',
      at('keystore2.json'),
    );
    expect(second).toMatchObject({ code: 1, err: expect.stringContaining('there is a cluster already') });
    expect(existsSync(at('secret2'))).toBe(false);
    expect(existsSync(at('keystore2.json'))).toBe(false);
    expect(JSON.parse((await status()).out)).toMatchObject({ ok: true, cluster: { epoch: 1, registered: [] } });
    expect((await run('cluster', 'mark-down', 'zone2', ...etcd(), '--secret', at('secret'))).code).toBe(0);
    expect(JSON.parse((await status()).out).cluster.epoch).toBe(2);
  });

  it('is served by processes that are told of it, and by no others', { timeout: ETCD_TEST_MS }, async () => {
    expect(await storage(...etcd())).toMatchObject({ code: 1, err: expect.stringContaining('holds no cluster') });
    await init();
    const node = await storage(...etcd());
    expect(node).toMatchObject({ code: 0, out: expect.stringContaining('storage node 2 of zone2 is ready') });
    expect(node.assembly.storages[0]?.map.epoch).toBe(1);
    const served = await proxy(...etcd());
    expect(served).toMatchObject({ code: 0, out: expect.stringContaining(`cluster  etcd ${server.url}`) });
    expect(await proxy(...etcd(), '--map', at('map'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('--map and --etcd'),
    });
    expect((await proxy('--etcd-user', 'x')).err).toContain('but not --etcd');
    expect((await storage(...etcd(), '--node', '9')).err).toContain(`9 is not in etcd ${server.url}`);
    rmSync(at('keystore.json'));
    expect((await proxy(...etcd())).err).toContain('A new one is never made for existing data');
    clusters += 1;
    await run('cluster', 'init', ...etcd(), '--secret', at('secret3'), '--keystore', at('keystore3.json'));
    expect((await proxy(...etcd())).err).toContain(`the state directory ${at('state')} is that of cluster`);
  });

  it('comes from a file by one command, which can be repeated', { timeout: ETCD_TEST_MS }, async () => {
    const map = ['--map', at('map.json')];
    const move = () => run('cluster', 'move-to-etcd', ...map, ...etcd());
    expect(await run('cluster', 'move-to-etcd', ...map)).toMatchObject({
      code: 1,
      err: 'junokv: --etcd must be given',
    });
    expect((await move()).err).toContain('there is no cluster map');
    await run('cluster', 'init', ...map, ...keys());
    const text = readFileSync(at('map.json'), 'utf8');
    const hash = `sha256:${'ab'.repeat(32)}`;
    const set = ['users', 'set', 'ann', '--access', 'read', '--password-hash', hash];
    expect((await run(...set, ...map)).code).toBe(0);
    const moved = await move();
    expect(moved).toMatchObject({ code: 0, err: '' });
    expect(moved.out).toContain('start each of them again');
    const { clusterId } = JSON.parse(text).map;
    expect(JSON.parse((await status()).out).cluster).toMatchObject({ clusterId, epoch: 1 });
    expect((await storage(...map)).err).toContain(`the cluster has moved to etcd ${server.url}, prefix /c${clusters}/`);
    expect((await proxy(...etcd())).code).toBe(0);
    const listed = async () => JSON.parse((await run('users', 'list', '--json', ...etcd())).out);
    expect(await listed()).toMatchObject({ users: [{ name: 'ann', access: 'read' }] });
    expect((await run('users', 'list', ...map)).err).toContain('the cluster has moved to etcd');
    // As if the first call had been cut off before it changed the file.
    writeFileSync(at('map.json'), text);
    expect((await move()).code).toBe(0);
    expect((await run('users', 'remove', 'ann', ...etcd())).code).toBe(0);
    expect(await listed()).toMatchObject({ ok: true, users: [] });
    expect((await storage(...map)).err).toContain('the cluster has moved');
  });

  it('is never put over another one', { timeout: ETCD_TEST_MS }, async () => {
    await init();
    const map = ['--map', at('map.json')];
    await run('cluster', 'init', ...map, '--secret', at('secret2'), '--keystore', at('keystore2.json'));
    const text = readFileSync(at('map.json'), 'utf8');
    expect((await run('cluster', 'move-to-etcd', ...map, ...etcd())).err).toContain(
      'there is a cluster in etcd already',
    );
    expect(readFileSync(at('map.json'), 'utf8')).toBe(text);
    writeFileSync(at('map.json'), text.replaceAll(/"port": \d+/g, '"port": 0'));
    clusters += 1;
    expect((await run('cluster', 'move-to-etcd', ...map, ...etcd())).err).toContain('a cluster in one process');
    rmSync(`${at('map.json')}.fingerprint`);
    expect((await run('cluster', 'move-to-etcd', ...map, ...etcd())).err).toContain(
      'which keystore the data belong to',
    );
  });

  it(
    'is served without etcd by processes that have served it before',
    async () => {
      await init();
      expect((await storage(...etcd())).code).toBe(0);
      expect((await proxy(...etcd())).code).toBe(0);
      await server.kill();
      const [node, served, fresh, listed] = await Promise.all([
        storage(...etcd()),
        proxy(...etcd()),
        proxy(...etcd(), '--state-dir', at('fresh')),
        status(),
      ]);
      await server.restart();
      expect(node, node.err).toMatchObject({ code: 0, out: expect.stringContaining('is ready') });
      expect(served, served.err).toMatchObject({ code: 0, out: expect.stringContaining('is ready') });
      expect(fresh).toMatchObject({ code: 1, err: expect.stringContaining('so this start needs etcd') });
      // The last try may have had too little time to be refused.
      expect(listed).toMatchObject({
        code: 1,
        err: expect.stringMatching(/etcd http:.*(ECONNREFUSED|DEADLINE_EXCEEDED)/s),
      });
    },
    ETCD_TEST_MS,
  );
});
