/** A write on one key: what it makes of the value before; null is an absent key. */
export type Change = (before: string | null) => string | null;

interface KeyState {
  /** After the last write that is known to have happened. */
  confirmed: string | null;
  /**
   * Never answered, in order: each may have happened, or may happen at any moment (a copy on one replica is found and
   * carried on by whoever comes next), until a later write of the key is acknowledged.
   */
  late: Change[];
  /** Sent on a connection that lives, in order. */
  pending: Change[];
}

/** What one connection knows about keys that only it writes. */
export class KeyModel {
  readonly #keys = new Map<string, KeyState>();

  get keys(): string[] {
    return [...this.#keys.keys()];
  }

  sent(key: string, change: Change): void {
    this.#state(key).pending.push(change);
  }

  /**
   * The oldest write of this key that is under way has been acknowledged. `value` is what the key held after it, where the
   * answer tells. False when it cannot have been that.
   */
  acknowledged(key: string, value?: string): boolean {
    const state = this.#state(key);
    const change = this.#oldest(key, state);
    const possible = outcomes(state.confirmed, state.late).map((before) => change(before));
    const isPossible = value === undefined || possible.includes(value);
    state.confirmed = value ?? change(state.confirmed);
    state.late = [];
    return isPossible;
  }

  /** It was refused, with the promise that nothing was changed. */
  refused(key: string): void {
    this.#oldest(key, this.#state(key));
  }

  /** It was answered that nobody knows. */
  unknown(key: string): void {
    const state = this.#state(key);
    state.late.push(this.#oldest(key, state));
  }

  /** The connection is gone: what was under way will never be answered. */
  cutOff(): void {
    for (const state of this.#keys.values()) state.late.push(...state.pending.splice(0));
  }

  /** Values that the key may have now, while nothing is under way: writes of one connection on one key keep their order. */
  allowed(key: string): (string | null)[] {
    const { confirmed, late } = this.#state(key);
    return outcomes(confirmed, late);
  }

  /** The key was read. Writes that the value does not show may still happen. */
  seen(key: string, value: string | null): void {
    const state = this.#state(key);
    const happened = outcomes(state.confirmed, state.late).indexOf(value);
    state.late.splice(0, Math.max(0, happened));
    state.confirmed = value;
  }

  #state(key: string): KeyState {
    let state = this.#keys.get(key);
    if (state === undefined) {
      state = { confirmed: null, late: [], pending: [] };
      this.#keys.set(key, state);
    }
    return state;
  }

  #oldest(key: string, state: KeyState): Change {
    const change = state.pending.shift();
    if (change === undefined) throw new Error(`${key}: an answer to nothing`);
    return change;
  }
}

/** With none, one, two ... of the changes done. */
function outcomes(from: string | null, changes: readonly Change[]): (string | null)[] {
  const values = [from];
  for (const change of changes) values.push(change(values.at(-1) ?? null));
  return values;
}
