/**
 * Keeps what scans may be looking at as it is: something that must not happen during a scan waits for those under way,
 * and scans that come meanwhile wait for it, so that neither can keep the other out for ever.
 */
export class ScanGate {
  #scans = 0;
  #exclusive: (() => void) | null = null;
  #waitingScans: (() => void)[] = [];

  /** Runs `scan`, which calls `leave` once at its end: at once, or after what waits for the scans under way. */
  enter(scan: () => void): void {
    if (this.#exclusive !== null) {
      this.#waitingScans.push(scan);
      return;
    }
    this.#scans++;
    scan();
  }

  leave(): void {
    this.#scans--;
    if (this.#scans === 0) this.#runExclusive();
  }

  /** Runs `fn`, which is synchronous, while no scan is under way. One at a time. */
  whenNoScan(fn: () => void): void {
    this.#exclusive = fn;
    if (this.#scans === 0) this.#runExclusive();
  }

  #runExclusive(): void {
    const fn = this.#exclusive;
    if (fn === null) return;
    this.#exclusive = null;
    const scans = this.#waitingScans;
    this.#waitingScans = [];
    this.#scans += scans.length;
    fn();
    for (const scan of scans) scan();
  }
}
