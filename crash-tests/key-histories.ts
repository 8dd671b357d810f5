/** One write of a key; `endMs` Infinity while nothing says that it is done. */
export interface HistoryEntry {
  readonly value: string | null;
  readonly startMs: number;
  endMs: number;
}

/** What single writers wrote to their keys, in order, and when. */
export class KeyHistories {
  readonly #entries = new Map<string, HistoryEntry[]>();

  get keys(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /** `value` null: deleted. */
  begin(key: string, value: string | null, startMs: number): HistoryEntry {
    const entry = { value, startMs, endMs: Number.POSITIVE_INFINITY };
    const entries = this.#entries.get(key);
    if (entries === undefined) this.#entries.set(key, [entry]);
    else entries.push(entry);
    return entry;
  }

  end(entry: HistoryEntry, endMs: number): void {
    entry.endMs = endMs;
  }

  /** Keys whose value they had at no moment from `startMs` to `endMs`; a line each. */
  impossible(values: ReadonlyMap<string, string | null>, startMs: number, endMs: number): string[] {
    const problems: string[] = [];
    for (const [key, value] of values) {
      const entries = this.#entries.get(key) ?? [];
      // What was done before the last write that ended in time is no longer there.
      const last = entries.findLastIndex((entry) => entry.endMs <= startMs);
      const possible: (string | null)[] = entries
        .slice(Math.max(0, last))
        .filter((entry) => entry.startMs <= endMs)
        .map((entry) => entry.value);
      if (last < 0) possible.push(null);
      if (!possible.includes(value)) problems.push(`${key}: ${value}, not one of ${possible.join(', ')}`);
    }
    return problems;
  }
}
