import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nodesOf } from '../cluster/cluster-map.ts';
import { keystoreFingerprint } from '../crypto/keystore.ts';
import { runCommandLine } from './cli.ts';
import { FakeAssembly, FakeSystem } from './testing/fake-system.ts';

let directory = '';
let system = new FakeSystem();
let assembly = new FakeAssembly();
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'junokv-cli-'));
  renew();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function renew(): void {
  system = new FakeSystem();
  assembly = new FakeAssembly();
  assembly.onStarted = () => system.signal();
}

/** Runs a command until it ends; a server gets its stop signal as soon as it serves. */
async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  renew();
  const code = await runCommandLine(args, system, assembly);
  return { code, out: system.printed.join('\n'), err: system.complaints.join('\n') };
}

const start = (...args: string[]) => run('start', '--data', join(directory, 'data'), ...args);

describe('the command line', () => {
  it('has help and a version', async () => {
    expect(await run('--version')).toEqual({ code: 0, out: 'junokv 9.9.9', err: '' });
    expect((await run('help')).out).toContain('junokv cluster init');
    expect((await run('help', 'storage')).out).toContain('--node ID');
    expect((await run('cluster', 'init', '--help')).out).toContain('--nodes HOST:PORT,...');
    expect((await run()).code).toBe(2);
  });

  it('refuses what it does not know, with a suggestion', async () => {
    expect(await run('strat')).toMatchObject({ code: 2, err: expect.stringContaining("did you mean 'junokv start'?") });
    expect((await run('cluster', 'inti')).err).toContain("did you mean 'junokv cluster init'?");
    expect((await run('frobnicate')).err).toContain("there is no command 'frobnicate'\n");
    expect(await run('start', '--prot', '1')).toEqual({
      code: 2,
      out: '',
      err: 'junokv: --prot: there is no such option; did you mean --port?',
    });
  });
});

describe('junokv start', () => {
  it('makes a cluster, serves it, and finds it again', async () => {
    const first = await start();
    expect(first).toMatchObject({ code: 0, err: '' });
    expect(first.out).toContain('junokv 9.9.9 is ready');
    expect(first.out).toContain('redis-cli -p 6379    (127.0.0.1:6379; no password)');
    expect(first.out).toContain(`${join(directory, 'data')}, encrypted (new: 3 zones, 3 storage nodes, 1024 shards)`);
    expect(first.out).toContain(`${join(directory, 'data-keystore.json')}. Keep a copy elsewhere`);
    expect(first.out).toContain('A loss of power may cost about the last second (--fsync everysec).');
    expect(statSync(join(directory, 'data-keystore.json')).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, 'data')).mode & 0o777).toBe(0o700);
    const [made] = assembly.clusters;
    expect(assembly.stops).toBe(1);

    const second = await start('--fsync', 'always', '--requirepass', 'x');
    expect(second.out).not.toContain('new');
    expect(second.out).toContain('password needed');
    expect(second.out).toContain('They survive a loss of power too');
    const [found] = assembly.clusters;
    expect(found?.map).toEqual(made?.map);
    expect(found && keystoreFingerprint(found.keystore)).toBe(made && keystoreFingerprint(made.keystore));
  });

  it('keeps the shape that a cluster was made with', async () => {
    await start('--zones', '1', '--shards', '16', '--nodes-per-zone', '2');
    expect((await start()).out).toContain('1 zone, 2 storage nodes, 16 shards');
    expect((await start('--zones', '1')).code).toBe(0);
    expect(await start('--zones', '3')).toMatchObject({ code: 1, err: expect.stringContaining('made with --zones 1') });
    expect((await start('--shards', '1024')).err).toContain('made with --shards 16');
    expect((await start('--nodes-per-zone', '3')).err).toContain('made with --nodes-per-zone 2');
  });

  it('never makes a keystore beside data, and takes none but theirs', async () => {
    await start();
    const keystore = join(directory, 'data-keystore.json');
    const text = readFileSync(keystore, 'utf8');
    rmSync(keystore);
    expect(await start()).toMatchObject({ code: 1, err: expect.stringContaining('can only be read with it') });
    expect(existsSync(keystore)).toBe(false);

    const other = join(directory, 'other.json');
    await run('start', '--data', join(directory, 'other'), '--keystore', other);
    expect((await start('--keystore', other)).err).toContain('is not the one that the data');

    writeFileSync(keystore, text, { mode: 0o644 });
    expect((await start()).err).toContain('chmod 600');
    rmSync(keystore);
    writeFileSync(keystore, text, { mode: 0o600 });
    expect((await start()).code).toBe(0);

    rmSync(join(directory, 'data', 'cluster-map.json.fingerprint'));
    expect((await start()).err).toContain('says what keystore the data belong to');
  });

  it('a second one on the same data says so', async () => {
    let second = '';
    renew();
    assembly.onStarted = () => {
      const other = new FakeSystem();
      void runCommandLine(['start', '--data', join(directory, 'data')], other, new FakeAssembly()).then((code) => {
        second = `${code} ${other.complaints.join()}`;
        system.signal();
      });
    };
    expect(await runCommandLine(['start', '--data', join(directory, 'data')], system, assembly)).toBe(0);
    expect(second).toContain(`1 junokv: another junokv (process ${process.pid}) is using the data directory`);
    expect((await start()).code).toBe(0);
  });

  it('lets go of the data when the rooms do not start', async () => {
    renew();
    assembly.problem = 'port 6379 is in use';
    const args = ['start', '--data', join(directory, 'data')];
    expect(await runCommandLine(args, system, assembly)).toBe(1);
    expect(system.complaints).toEqual(['junokv: port 6379 is in use']);
    expect((await start()).code).toBe(0);
  });

  it('with the memory engine leaves nothing behind', async () => {
    const { code, out } = await start('--engine', 'memory');
    expect(code).toBe(0);
    expect(out).toContain('in memory only: 3 zones, 3 storage nodes, 1024 shards');
    expect(existsSync(join(directory, 'data'))).toBe(false);
    expect(existsSync(join(directory, 'data-keystore.json'))).toBe(false);
  });

  it('says what is wrong with a directory that cannot be used', async () => {
    writeFileSync(join(directory, 'data'), 'a file');
    expect(await start()).toMatchObject({ code: 1, err: expect.stringContaining('cannot make the data directory') });
    rmSync(join(directory, 'data'));
    await start();
    writeFileSync(join(directory, 'data', 'cluster-map.json'), '{');
    expect((await start()).err).toContain('not JSON');
  });
});

describe('separate processes', () => {
  const files = () => {
    const at = (name: string) => join(directory, name);
    return ['--map', at('map.json'), '--secret', at('secret'), '--keystore', at('keystore.json')];
  };
  const shared = () => files().slice(0, 4);
  const init = (...args: string[]) => run('cluster', 'init', ...files(), ...args);
  const storage = (id: number, ...args: string[]) =>
    run('storage', ...shared(), '--node', `${id}`, '--data', join(directory, `data-${id}`), ...args);

  it('cluster init writes map, secret and keystore once', async () => {
    const made = await init('--nodes', '10.0.0.1:7001 10.0.0.2:7002 [::1]:7003');
    expect(made).toMatchObject({ code: 0, err: '' });
    expect(made.out).toContain('node 2  zone2  10.0.0.2:7002');
    for (const name of ['secret', 'keystore.json']) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
    const text = readFileSync(join(directory, 'secret'), 'utf8');
    expect(text).toMatch(/^[0-9a-f]{64}\n$/);
    expect(await init()).toMatchObject({ code: 1, err: expect.stringContaining('is there already') });
    expect(readFileSync(join(directory, 'secret'), 'utf8')).toBe(text);
  });

  it('cluster init checks the addresses', async () => {
    expect((await init('--nodes', 'a:1')).err).toContain('1 addresses for 3 zones of 1 nodes; there must be 3');
    expect((await init('--nodes', 'a:1,a:1,a:2')).err).toContain('stands there twice');
    expect(existsSync(join(directory, 'map.json'))).toBe(false);
  });

  it('storage takes its node from the map', async () => {
    await init('--nodes-per-zone', '2');
    expect(await storage(4)).toMatchObject({
      code: 0,
      out: expect.stringContaining('storage node 4 of zone2 is ready'),
    });
    const [parts] = assembly.storages;
    expect(parts?.node).toEqual({ id: 4, incarnation: '', host: '127.0.0.1', port: 7004, leaving: false });
    expect(parts?.secret).toHaveLength(64);
    expect(parts && nodesOf(parts.map)).toHaveLength(6);
    expect(await storage(7)).toMatchObject({ code: 1, err: expect.stringContaining('its nodes are 1, 2, 3, 4, 5, 6') });
  });

  it('proxy takes the keystore of the cluster only', async () => {
    await init();
    const served = await run('proxy', ...files(), '--port', '7777');
    expect(served).toMatchObject({ code: 0, out: expect.stringContaining('clients  127.0.0.1:7777') });
    rmSync(join(directory, 'keystore.json'));
    expect((await run('proxy', ...files())).err).toContain('A new one is never made for existing data');
  });

  it('say what is missing', async () => {
    expect((await storage(1)).err).toContain("'junokv cluster init' makes one");
    await init();
    writeFileSync(join(directory, 'secret'), 'short\n');
    expect((await storage(1)).err).toContain('must have at least');
    rmSync(join(directory, 'secret'));
    expect((await run('proxy', ...files())).err).toContain('cannot read the cluster secret (--secret)');
    writeFileSync(join(directory, 'secret'), 'x'.repeat(64), { mode: 0o644 });
    expect((await storage(1)).err).toContain('chmod 600');
  });
});
