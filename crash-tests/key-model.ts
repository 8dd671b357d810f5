/** A write on one key: what it makes of the value before; null is an absent key. */
export type Change = (before: string | null) => string | null;

interface KeyState {
  /** After the last acknowledged write. */
  confirmed: string | null;
  /** Sent, not acknowledged; in order. */
  pending: Change[];
}

/** What one connection knows about keys that only it writes. */
export class KeyModel {
  readonly #keys = new Map<string, KeyState>();

  get keys(): string[] {
    return [...this.#keys.keys()];
  }

  sent(key: string, change: Change): void {
    let state = this.#keys.get(key);
    if (state === undefined) {
      state = { confirmed: null, pending: [] };
      this.#keys.set(key, state);
    }
    state.pending.push(change);
  }

  /** The oldest write of this key that was sent has been acknowledged. */
  acknowledged(key: string): void {
    const state = this.#keys.get(key);
    const change = state?.pending.shift();
    if (state === undefined || change === undefined) throw new Error(`${key}: an acknowledgement of nothing`);
    state.confirmed = change(state.confirmed);
  }

  /** Values that the key may have now: writes of one connection on one key keep their order, so a prefix was applied. */
  allowed(key: string): (string | null)[] {
    const state = this.#keys.get(key);
    if (state === undefined) return [null];
    const values = [state.confirmed];
    for (const change of state.pending) values.push(change(values.at(-1) ?? null));
    return values;
  }

  /** The key was seen with this value, and nothing is under way any more. */
  settle(key: string, value: string | null): void {
    this.#keys.set(key, { confirmed: value, pending: [] });
  }
}
