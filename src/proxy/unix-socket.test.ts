import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refusalOnAccept } from './admission.ts';
import { serverCommands } from './commands/server-commands.ts';
import { ProxyHarness } from './testing/proxy-harness.ts';
import { RawClient } from './testing/raw-client.ts';
import { removeDeadSocket } from './unix-socket.ts';

let directory = '';
let path = '';
let harness: ProxyHarness;
const clients: RawClient[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'junokv-unix-'));
  path = join(directory, 'redis.sock');
  harness = await ProxyHarness.start({ commands: serverCommands });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await harness.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function client(): Promise<RawClient> {
  const connected = await RawClient.connect(path);
  clients.push(connected);
  return connected;
}

function listening(server: Server): Promise<Server> {
  return new Promise((resolve) => server.listen(path, () => resolve(server)));
}

describe('a Unix socket', () => {
  it('serves clients beside the port, and is removed at the end', async () => {
    await harness.proxy.listenOnSocket({ path, mode: 0 });
    const [unix, tcp] = [await client(), await harness.client()];
    expect(await unix.ask('+OK\r\n', 'SET', 'k', 'over the socket')).toBe('+OK\r\n');
    expect(await tcp.ask('$15\r\nover the socket\r\n', 'GET', 'k')).toBe('$15\r\nover the socket\r\n');
    await harness.proxy.stop();
    expect(await unix.isClosed()).toBe(true);
    expect(existsSync(path)).toBe(false);
  });

  it('its clients are shown as Redis shows them', async () => {
    await harness.proxy.listenOnSocket({ path, mode: 0 });
    const unix = await client();
    unix.command('CLIENT', 'INFO');
    expect(await unix.readBulk()).toMatch(new RegExp(`^id=\\d+ addr=${path}:0 laddr=${path}:0 .* flags=U `));
    const monitor = await harness.client();
    expect(await monitor.ask('+OK\r\n', 'MONITOR')).toBe('+OK\r\n');
    expect(await unix.ask('+PONG\r\n', 'PING')).toBe('+PONG\r\n');
    expect(await monitor.readLine()).toMatch(new RegExp(`^\\+\\d+\\.\\d{6} \\[0 unix:${path}\\] "PING"\\r\\n$`));
  });

  it('protected mode lets its clients in', () => {
    expect(refusalOnAccept(harness.proxy.context, path)).toBeNull();
    expect(refusalOnAccept(harness.proxy.context, '10.1.2.3')).toMatch(/^DENIED/);
  });

  it('has the permissions that were asked for', async () => {
    await harness.proxy.listenOnSocket({ path, mode: 0o640 });
    expect(statSync(path).mode & 0o777).toBe(0o640);
  });

  it('counts towards maxclients', async () => {
    await harness.proxy.listenOnSocket({ path, mode: 0 });
    expect(harness.proxy.context.config.set([['maxclients', '1']])).toBeNull();
    const unix = await client();
    expect(await unix.ask('+PONG\r\n', 'PING')).toBe('+PONG\r\n');
    expect(await (await client()).readToEnd()).toBe('-ERR max number of clients reached\r\n');
  });

  it('is not taken from a program that listens there', async () => {
    const other = await listening(createServer());
    await expect(harness.proxy.listenOnSocket({ path, mode: 0 })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(existsSync(path)).toBe(true);
    await new Promise((resolve) => other.close(resolve));
  });

  it('leaves another kind of file alone', async () => {
    writeFileSync(path, 'precious');
    await expect(harness.proxy.listenOnSocket({ path, mode: 0 })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(existsSync(path)).toBe(true);
  });

  it('replaces one that a killed process left', async () => {
    const { spawnSync } = await import('node:child_process');
    const script =
      'require("node:net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))';
    spawnSync(process.execPath, ['-e', script, path]);
    expect(existsSync(path)).toBe(true);
    await harness.proxy.listenOnSocket({ path, mode: 0 });
    expect(await (await client()).ask('+PONG\r\n', 'PING')).toBe('+PONG\r\n');
  });

  it('nothing there is nothing to remove', async () => {
    await removeDeadSocket(path);
    expect(existsSync(path)).toBe(false);
  });
});
