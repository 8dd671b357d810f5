import type { KeyRing } from './key-ring.ts';
import { activeVersionAt, type Keystore, keystoreFingerprint } from './keystore.ts';

/** The key ring of a process that serves: it takes newer keystores, and a version begins to seal when its time comes. */
export class LiveKeyRing implements KeyRing {
  /** The version that seals. */
  activeVersion: number;
  /** Told that something is sealed with a version that is not here: there may be a newer keystore. May adopt one at once. */
  onUnknownVersion: (() => void) | null = null;
  #keystore: Keystore;
  #keys: ReadonlyMap<number, Buffer>;

  constructor(keystore: Keystore, nowMs: number) {
    this.#keystore = keystore;
    this.#keys = keysOf(keystore);
    this.activeVersion = activeVersionAt(keystore, nowMs);
  }

  get keystore(): Keystore {
    return this.#keystore;
  }

  /** Oldest first. */
  get versions(): readonly number[] {
    return [...this.#keys.keys()];
  }

  sealKey(keyVersion: number): Buffer | null {
    return this.#keys.get(keyVersion) ?? this.#unknown(keyVersion);
  }

  /** Goes by this keystore from now on, or by the one that it had: then why, in words that hold no key. */
  adopt(keystore: Keystore, nowMs: number): string | null {
    if (keystoreFingerprint(keystore) !== keystoreFingerprint(this.#keystore))
      return 'it is the one of another cluster';
    const keys = keysOf(keystore);
    const active = activeVersionAt(keystore, nowMs);
    if (!keys.has(this.activeVersion)) return `it lacks version ${this.activeVersion}, which seals`;
    if (active < this.activeVersion) return `version ${active} would seal again, after version ${this.activeVersion}`;
    this.#keystore = keystore;
    this.#keys = keys;
    this.activeVersion = active;
    return null;
  }

  /** To be called now and then: true if another version seals from now on. */
  tick(nowMs: number): boolean {
    const active = activeVersionAt(this.#keystore, nowMs);
    // A wall clock that was set back takes no version back.
    if (active <= this.activeVersion) return false;
    this.activeVersion = active;
    return true;
  }

  #unknown(keyVersion: number): Buffer | null {
    this.onUnknownVersion?.();
    return this.#keys.get(keyVersion) ?? null;
  }
}

function keysOf(keystore: Keystore): ReadonlyMap<number, Buffer> {
  return new Map(keystore.sealKeys.map(({ keyVersion, key }) => [keyVersion, key]));
}
