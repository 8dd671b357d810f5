import type { Clock, Timer } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import type { KeystoreResult } from '../../crypto/keystore-file.ts';
import type { LiveKeyRing } from '../../crypto/live-key-ring.ts';
import type { KeystoreSource } from './keystore-source.ts';

export interface KeystoreWatchParts {
  readonly source: KeystoreSource;
  readonly ring: LiveKeyRing;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Keeps a key ring up to date while a process runs: takes newer keystores up from their source, when told to or when it has
 * changed, and lets versions begin to seal when their time comes. Where a keystore cannot be taken the ring stays as it is.
 */
export class KeystoreWatch {
  readonly #parts: KeystoreWatchParts;
  #timer: Timer | null = null;
  #stamp: string | null;
  #loadedMs: number;
  #askedMs = Number.NEGATIVE_INFINITY;
  #loading = false;
  #again = false;
  #stopped = false;
  /** What is wrong with the keystore that is there now; '' if nothing. */
  #problem = '';

  /** The ring has what the source says now. */
  constructor(parts: KeystoreWatchParts) {
    this.#parts = parts;
    this.#stamp = parts.source.stamp();
    this.#loadedMs = parts.clock.monotonicMs();
    parts.ring.onUnknownVersion = () => this.#onUnknownVersion();
    this.#later();
  }

  /** Loads the keystore whether or not it has changed. */
  reload(): void {
    if (this.#loading) {
      this.#again = true;
      return;
    }
    const { source, clock } = this.#parts;
    this.#loading = true;
    this.#stamp = source.stamp();
    void source.load().then((result) => {
      this.#loading = false;
      this.#loadedMs = clock.monotonicMs();
      this.#take(result);
      if (this.#again) {
        this.#again = false;
        this.reload();
      }
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#parts.ring.onUnknownVersion = null;
    this.#timer?.cancel();
  }

  #later(): void {
    this.#timer = this.#parts.clock.after(limits.keystoreCheckMs, () => {
      this.#look();
      this.#later();
    });
  }

  #look(): void {
    const { source, ring, clock, log } = this.#parts;
    if (ring.tick(clock.wallMs()))
      log.info({ keyVersion: ring.activeVersion }, 'another key version seals from now on');
    const stamp = source.stamp();
    const isDue = clock.monotonicMs() - this.#loadedMs >= source.reloadEveryMs;
    if (stamp === null ? isDue : stamp !== this.#stamp) this.reload();
  }

  /** Another process seals with a version that is not here yet. Asked for each thing that does not open: seldom looks. */
  #onUnknownVersion(): void {
    const { source, clock } = this.#parts;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#askedMs < limits.keystoreCheckMs) return;
    this.#askedMs = nowMs;
    const result = source.loadNow();
    if (result === null) this.reload();
    else this.#take(result);
  }

  #take(result: KeystoreResult): void {
    if (this.#stopped) return;
    const { source, ring, clock, log } = this.#parts;
    const before = ring.versions.join(' ');
    const problem = result.ok ? ring.adopt(result.keystore, clock.wallMs()) : result.failure.detail;
    if (problem !== null) {
      const isNew = problem !== this.#problem;
      this.#problem = problem;
      if (isNew)
        log.error({ keystore: source.name, problem }, 'the keystore cannot be taken up; the one before is kept');
      return;
    }
    this.#problem = '';
    if (before === ring.versions.join(' ')) return;
    log.info(
      { keystore: source.name, keyVersions: ring.versions, keyVersion: ring.activeVersion },
      'the keystore was taken up',
    );
  }
}
