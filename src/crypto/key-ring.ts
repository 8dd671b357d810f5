import { assert } from '../base/assert.ts';
import { SEAL_KEY_BYTES } from './sodium.ts';

/** The keys that seal records: every version that was ever used, and which of them seals new ones. */
export interface KeyRing {
  readonly activeVersion: number;
  /** 32 bytes; null if this version is not known. */
  sealKey(keyVersion: number): Buffer | null;
}

/** A key ring over keys that are already here. `keys` maps key versions (u32) to 32 bytes. */
export function keyRingOf(activeVersion: number, keys: ReadonlyMap<number, Buffer>): KeyRing {
  for (const key of keys.values()) assert(key.length === SEAL_KEY_BYTES, 'a seal key has 32 bytes');
  assert(keys.has(activeVersion), 'the active key version must be there');
  return {
    activeVersion,
    sealKey: (keyVersion) => keys.get(keyVersion) ?? null,
  };
}
