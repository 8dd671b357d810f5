import { assert } from '../src/base/assert.ts';

/**
 * Runs all that promises have waiting, now: simulated time must not pass before it. Node has this function for its own
 * event loop; it does nothing when called from inside a promise's follower.
 */
export const settlePromises = (process as unknown as { _tickCallback(): void })._tickCallback;

/** Runs a simulation from a callback of the event loop, where `settlePromises` works. */
export function outsidePromises<T>(run: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        resolve(run());
      } catch (error) {
        reject(error);
      }
    });
  });
}

export function assertPromisesSettle(): void {
  let settled = false;
  Promise.resolve().then(() => {
    settled = true;
  });
  settlePromises();
  assert(settled, 'a simulation is run by outsidePromises');
}
