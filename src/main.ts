import type { Assembly } from './admin/assembly.ts';
import { runCommandLine } from './admin/cli.ts';
import { createSystem } from './admin/system.ts';
import { paceCollections } from './base/collection-pace.ts';

/** The rooms are loaded when one is to be started: commands that are only clients are sooner done without them. */
const roomsWhenNeeded: Assembly = {
  startSingleProcess: async (cluster, parts) => (await loadRooms()).startSingleProcess(cluster, parts),
  startStorage: async (storage, parts) => (await loadRooms()).startStorage(storage, parts),
  startProxy: async (proxy, parts) => (await loadRooms()).startProxy(proxy, parts),
};

async function loadRooms(): Promise<Assembly> {
  paceCollections();
  return (await import('./admin/assemble.ts')).assembly;
}

/** Runs one command and ends the process with its exit code (`runCommandLine`). */
export async function main(args: readonly string[]): Promise<void> {
  const system = createSystem();
  const exitCode = await runCommandLine(args, system, roomsWhenNeeded);
  system.exit(exitCode);
}
