import type { SavedCallback } from './monotone-saver.ts';
import type { NodeStore } from './node-store.ts';

/** For a node whose records are in memory too: it never comes back as the same incarnation, so nothing need last. */
export class MemoryNodeStore implements NodeStore {
  readonly ceilingUs = 0;

  saveCeiling(_ceilingUs: number, callback: SavedCallback): void {
    callback(null);
  }

  saveMap(_text: string, callback: SavedCallback): void {
    callback(null);
  }
}
