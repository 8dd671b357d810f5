import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Running, StartResult } from './running.ts';
import type { System } from './system.ts';

/** Exit codes: the command did what it should; it failed; it was called wrongly. */
export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

/**
 * Starts rooms, prints their summary, and runs until SIGINT or SIGTERM, which stop them in order; a second signal ends the
 * process at once. Start and stop are bounded in time, as native code may hang. Resolves to the exit code.
 */
export async function serve(system: System, start: () => Promise<StartResult>): Promise<number> {
  const hold = system.hold();
  let stopAsked = false;
  const signalled = new Promise<void>((resolve) => {
    system.onStopSignal(() => {
      if (stopAsked) system.kill();
      stopAsked = true;
      resolve();
    });
  });
  const started = await within(system.clock, limits.startMs, start());
  if (started === null) {
    system.complain(`junokv: the start did not end within ${limits.startMs / 1000} s; giving up`);
    system.kill();
    return EXIT_FAILED;
  }
  if (!started.ok) {
    system.complain(`junokv: ${started.problem}`);
    hold.cancel();
    return EXIT_FAILED;
  }
  if (!stopAsked) system.print(started.summary);
  const failure = await Promise.race([signalled, started.running.failed]);
  if (failure !== undefined) system.complain(`junokv: ${failure}; stopping`);
  const exitCode = await stop(system, started.running);
  hold.cancel();
  return failure === undefined ? exitCode : EXIT_FAILED;
}

async function stop(system: System, running: Running): Promise<number> {
  const boundMs = limits.stopMs + (running.drainMs?.() ?? 0);
  const stopped = await within(
    system.clock,
    boundMs,
    running.stop().then(() => true),
  );
  if (stopped !== null) return EXIT_OK;
  system.complain(
    `junokv: the stop did not end within ${boundMs / 1000} s; ending anyway. Every acknowledged write is in the log on disk.`,
  );
  system.kill();
  return EXIT_FAILED;
}

/** The promise's value, or null if it has not come in time. */
async function within<T>(clock: Clock, delayMs: number, promise: Promise<T>): Promise<T | null> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(delayMs, () => resolve(null));
    promise.then(resolve, reject).finally(() => timer.cancel());
  });
}
