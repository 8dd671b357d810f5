import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const PROGRAM = join(import.meta.dirname, '..', 'bin', 'junokv.mjs');

let directory = '';
const children: ChildProcess[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'junokv-main-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

interface Server {
  readonly child: ChildProcess;
  readonly port: number;
  readonly summary: string;
}

/** Starts the program as a user would and waits for its summary. */
async function start(...args: string[]): Promise<Server> {
  const child = spawn(process.execPath, [PROGRAM, 'start', '--port', '0', ...args], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const { stdout, stderr } = child;
  let summary = '';
  let complaints = '';
  stderr.on('data', (chunk) => {
    complaints += String(chunk);
  });
  for await (const chunk of stdout.iterator({ destroyOnReturn: false })) {
    summary += String(chunk);
    const port = /-p (\d+)/.exec(summary)?.[1];
    if (port !== undefined && summary.includes('stop')) return { child, port: Number(port), summary };
  }
  throw new Error(`no summary: ${summary}${complaints}`);
}

/** Sends one inline command and gives back what came once `lines` lines are there. */
async function command(port: number, text: string, lines = 1): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(`${text}\r\n`);
  let reply = '';
  for await (const chunk of socket) {
    reply += String(chunk);
    if (reply.split('\r\n').length > lines) break;
  }
  return reply;
}

async function exitOf(child: ChildProcess): Promise<unknown> {
  const [code, signal] = await once(child, 'exit');
  return code ?? signal;
}

describe('the program', () => {
  it('serves, stops cleanly on SIGTERM, and keeps what it acknowledged', async () => {
    const first = await start();
    expect(first.summary).toMatch(/is ready \(\d+\.\d s\)/);
    expect(await command(first.port, 'SET greeting hello')).toBe('+OK\r\n');
    first.child.kill('SIGTERM');
    expect(await exitOf(first.child)).toBe(0);

    const second = await start();
    expect(await command(second.port, 'GET greeting', 2)).toBe('$5\r\nhello\r\n');
    second.child.kill('SIGINT');
    expect(await exitOf(second.child)).toBe(0);
  });

  it('keeps what it acknowledged through kill -9', async () => {
    const first = await start('--shards', '16');
    for (let i = 0; i < 20; i++) expect(await command(first.port, `INCR counter`)).toBe(`:${i + 1}\r\n`);
    first.child.kill('SIGKILL');
    await exitOf(first.child);
    const second = await start();
    expect(await command(second.port, 'GET counter', 2)).toBe('$2\r\n20\r\n');
  });

  it('a second one on the same data says so and fails; the first goes on', async () => {
    const first = await start();
    const second = spawnSync(process.execPath, [PROGRAM, 'start', '--port', '0'], { cwd: directory, encoding: 'utf8' });
    expect([second.status, second.stdout]).toEqual([1, '']);
    expect(second.stderr).toContain(`another junokv (process ${first.child.pid}) is using the data directory ./data`);
    expect(await command(first.port, 'PING')).toBe('+PONG\r\n');
  });

  it('calls a port that is in use by its name', async () => {
    const { port } = await start('--engine', 'memory');
    const args = [PROGRAM, 'start', '--engine', 'memory', '--port', `${port}`];
    const second = spawnSync(process.execPath, args, { cwd: directory, encoding: 'utf8' });
    expect([second.status, second.stdout]).toEqual([1, '']);
    expect(second.stderr).toContain(`port ${port} is in use`);
  });

  it('exits with 2 and a message for what it does not understand', () => {
    const run = spawnSync(process.execPath, [PROGRAM, 'start', '--zones', '4'], { cwd: directory, encoding: 'utf8' });
    expect([run.status, run.stderr]).toEqual([2, "junokv: --zones: '4' is not allowed; it must be 1, 3 or 5\n"]);
  });

  it.runIf(process.platform === 'linux')(
    'gives its native code more threads than the four there would be',
    async () => {
      const { child } = await start();
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      expect(Number(/Threads:\s+(\d+)/.exec(status)?.[1])).toBeGreaterThanOrEqual(16);
    },
  );
});
