import { spawnSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { redisServerVersion } from '../compat-tests/support/redis-server.ts';
import { etcdVersion } from './etcd-server.ts';

/** What the figures were measured on, and with. Nothing by which the machine could be found. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  /** The first two numbers of it. */
  readonly kernel: string;
  /** Load average of the minute before: other work on the machine spoils the figures. */
  readonly loadBefore: number;
  readonly node: string;
  readonly redis: string;
  /** Null where there is none. */
  readonly etcd: string | null;
  /** Commit, with a + if files differ from it. */
  readonly junokv: string;
  /** The day. */
  readonly date: string;
}

export function describeMachine(): Machine {
  const redis = redisServerVersion();
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: /^\d+\.\d+/.exec(release())?.[0] ?? 'unknown',
    loadBefore: loadavg()[0] ?? 0,
    node: process.version,
    redis: redis.ok ? redis.version : redis.reason,
    etcd: etcdVersion(),
    junokv: commit(),
    date: new Date().toISOString().slice(0, 'yyyy-mm-dd'.length),
  };
}

function commit(): string {
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const git = (...args: string[]): string => spawnSync('git', args, { cwd, encoding: 'utf8' }).stdout?.trim() ?? '';
  const head = git('rev-parse', '--short', 'HEAD');
  if (head === '') return 'unknown';
  return git('status', '--porcelain', '--untracked-files=no', 'src') === '' ? head : `${head}+`;
}
