/** What a node has to know of the machine and process that it runs in. The real one is `system-machine.ts`. */
export interface Machine {
  readonly pid: number;
  /**
   * Names the running of the operating system: another one after the machine has stopped in whatever way. What a process
   * wrote without a sync is still there exactly when this has not changed.
   */
  readonly bootId: string;
}
