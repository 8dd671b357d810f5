import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChildServer } from './child-server.ts';
import { freePort } from './free-port.ts';
import { answersPing } from './ping.ts';

export interface RunningServer {
  readonly port: number;
  readonly process: ChildServer;
  /** Stops it and removes its files. */
  stop(): Promise<void>;
}

/** The version of the redis-server on this machine, or why it cannot be used. */
export function redisServerVersion(): { readonly ok: true; readonly version: string } | { ok: false; reason: string } {
  const result = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  if (result.error !== undefined) return { ok: false, reason: 'there is no redis-server on this machine' };
  const version = /v=(\S+)/.exec(result.stdout)?.[1] ?? 'unknown';
  if (!version.startsWith('7.')) return { ok: false, reason: `redis-server is ${version}; junokv follows Redis 7` };
  return { ok: true, version };
}

/** A redis-server on a free port, without persistence. */
export async function startRedis(options: readonly string[] = []): Promise<RunningServer> {
  const dir = mkdtempSync(join(tmpdir(), 'junokv-redis-'));
  const port = await freePort();
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir];
  const server = new ChildServer({
    name: `redis-server ${port}`,
    command: 'redis-server',
    args: [...args, '--daemonize', 'no', ...options],
    cwd: dir,
  });
  const remove = (): void => rmSync(dir, { recursive: true, force: true });
  try {
    await server.waitUntilReady(() => answersPing(port), 10_000);
  } catch (error) {
    await server.kill();
    remove();
    throw error;
  }
  return {
    port,
    process: server,
    async stop() {
      await server.stop();
      remove();
    },
  };
}
