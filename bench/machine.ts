import { spawnSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { redisServerVersion } from '../compat-tests/support/redis-server.ts';

/** What the figures were measured on, and with. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  /** Load average of the minute before: other work on the machine spoils the figures. */
  readonly loadBefore: number;
  readonly node: string;
  readonly redis: string;
  /** Commit, with a + if files differ from it. */
  readonly junokv: string;
  readonly date: string;
}

export function describeMachine(): Machine {
  const redis = redisServerVersion();
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    loadBefore: loadavg()[0] ?? 0,
    node: process.version,
    redis: redis.ok ? redis.version : redis.reason,
    junokv: commit(),
    date: new Date().toISOString(),
  };
}

function commit(): string {
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const git = (...args: string[]): string => spawnSync('git', args, { cwd, encoding: 'utf8' }).stdout?.trim() ?? '';
  const head = git('rev-parse', '--short', 'HEAD');
  if (head === '') return 'unknown';
  return git('status', '--porcelain', '--untracked-files=no', 'src') === '' ? head : `${head}+`;
}
