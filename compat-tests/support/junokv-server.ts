import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ChildServer } from './child-server.ts';
import { freePort } from './free-port.ts';
import { answersPing } from './ping.ts';
import type { RunningServer } from './redis-server.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/junokv.mjs', import.meta.url));
/** Against hanging: on a machine with much other work Node alone takes ten seconds to load the program. */
const READY_MS = 120_000;

/** Starts `junokv <args>` in `dir`, through `launcher` if there is one; does not wait for anything. */
export function spawnJunokv(
  name: string,
  args: readonly string[],
  dir: string,
  launcher: readonly string[] = [],
): ChildServer {
  const [command = process.execPath, ...rest] = [...launcher, process.execPath, PROGRAM, ...args];
  return new ChildServer({ name, command, args: rest, cwd: dir });
}

/** Waits until a junokv that serves clients does so. */
export function waitUntilServing(server: ChildServer, port: number): Promise<void> {
  return server.waitUntilReady(() => answersPing(port), READY_MS);
}

/** Waits until it has printed that it is ready: for storage processes, which answer no PING. */
export function waitUntilPrintedReady(server: ChildServer): Promise<void> {
  return server.waitUntilReady(async () => server.output.includes('is ready'), READY_MS);
}

const tempDirs = new Set<string>();
// Registered behind child-server.ts's: the processes in them have been killed.
process.on('exit', () => {
  for (const dir of tempDirs) {
    try {
      rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
    } catch {
      // One of them was still writing: it stays.
    }
  }
});

/** Removed, if nobody has done so before, when this process ends. */
export function makeTempDir(purpose: string): string {
  const dir = mkdtempSync(join(tmpdir(), `junokv-${purpose}-`));
  tempDirs.add(dir);
  return dir;
}

export interface JunokvOptions {
  readonly engine: 'memory' | 'rocksdb';
  /** Where data and keystore lie, and stay; without it a temporary directory, removed by `stop`. */
  readonly dir?: string;
  readonly port?: number;
  readonly more?: readonly string[];
  /** A command that runs the command which follows it. */
  readonly launcher?: readonly string[];
}

/** One-process junokv (`junokv start`), serving on 127.0.0.1. */
export async function startJunokv(options: JunokvOptions): Promise<RunningServer> {
  const dir = options.dir ?? makeTempDir('compat');
  const remove = (): void => {
    if (options.dir === undefined) rmSync(dir, { recursive: true, force: true });
  };
  const port = options.port ?? (await freePort());
  // In memory there are no keys that are kept.
  const keys = options.engine === 'memory' ? [] : ['--keystore', join(dir, 'keystore.json')];
  const files = ['--data', join(dir, 'data'), ...keys];
  const args = ['start', '--engine', options.engine, '--port', `${port}`, ...files, ...(options.more ?? [])];
  const server = spawnJunokv(`junokv ${port}`, args, dir, options.launcher);
  try {
    await waitUntilServing(server, port);
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
