import { newIdentity } from '../../proxy/proxy-info.ts';
import type { CommandInput } from '../command-input.ts';
import { addressesOf, placesText } from '../listening-places.ts';
import { registrationOf } from '../registration-of.ts';
import type { ProcessParts, StartResult } from '../running.ts';
import { openSharedCluster } from '../separate-cluster.ts';
import { Doors } from './doors.ts';
import { WorkerPool } from './worker-pool.ts';
import { type SpawnWorker, spawnWorker } from './worker-process.ts';

/** What has to end when the rest could not start, or stops; the first one last. */
type Undo = () => unknown;

/**
 * Starts a proxy whose clients are served by several processes. This one has the ports and the HTTP port, is what is registered
 * and told to stop, and looks after the workers; it serves nobody itself.
 */
export async function startWorkers(
  input: CommandInput,
  parts: ProcessParts,
  spawn: SpawnWorker = spawnWorker,
): Promise<StartResult> {
  const { config, given, system } = input;
  const { clock, random, log, audit = null, observed, host = null } = parts;
  // Only to be registered there, and to say early what is wrong.
  const opened = await openSharedCluster(input, parts, config.stateDir);
  if (!opened.ok) return opened;
  const { store, place, announce } = opened.cluster;
  const undo: Undo[] = [() => store.close()];
  const undoAll = async (): Promise<void> => {
    for (const each of undo.reverse()) await each();
  };
  const identity = newIdentity(clock, random);
  const workers = new WorkerPool({ config, given, identity, spawn, clock, log, audit, host });
  const listening = await Doors.open(config, log, (door, handle) => workers.give(door, handle));
  if (!listening.ok) {
    await undoAll();
    return listening;
  }
  const { doors } = listening;
  undo.push(() => doors.close());
  undo.push(() => workers.stop());
  const started = await workers.start(doors.plainPort);
  if (!started.ok) {
    await undoAll();
    return started;
  }
  parts.onReload?.(() => workers.reload());
  if (observed !== undefined) observed.workers = workers;
  const announced = announce(registrationOf('proxy', null, addressesOf(doors.places), system));
  const stop = async (): Promise<void> => {
    doors.close();
    await Promise.all([announced.stop(), workers.stop()]);
    store.close();
  };
  const summary = `junokv ${system.version} proxy is ready\n\n  clients  ${placesText(doors.places)}\n  workers  ${config.workers}\n  cluster  ${place}\n  key      ${started.keystore}\n`;
  const failed = new Promise<string>(() => {});
  return { ok: true, running: { listening: doors.places, failed, drainMs: () => workers.drainMs, stop }, summary };
}
