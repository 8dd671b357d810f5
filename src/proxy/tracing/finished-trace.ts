import type { NodeId } from '../../rpc/transport.ts';

/** One request to one storage node. Times are monotonic milliseconds. */
export interface TracedCall {
  readonly nodeId: NodeId;
  /** The message's name, see rpc/protocol-table.ts. */
  readonly request: string;
  /** Records that the request was about, the command's among them. */
  readonly records: number;
  readonly sentMs: number;
  /** Null: the command was answered without it. */
  answeredMs: number | null;
  /** The name of what came back; '' until then. `lost`: no connection, or it broke. */
  response: string;
}

/** What a command did with one record for a while. */
export interface TracedPhase {
  /**
   * `read`, `prepare`, `commit`, `pages`, or the name of another message; `repair`: a write on behalf of a command that reads; `intent` and
   * `transaction`: of a transaction's records, and of the one that decides it.
   */
  readonly name: string;
  /** Which of the command's records, from 0 on; -1: the transaction's own. */
  readonly record: number;
  readonly startMs: number;
  endMs: number;
  readonly calls: TracedCall[];
}

/** A command that was traced from its dispatch to its reply. Holds no key, no value, no argument. */
export interface FinishedTrace {
  /** As INFO commandstats has it, such as `get` or `client|list`. */
  readonly command: string;
  /** Name of the namespace group. */
  readonly namespace: string;
  /** SELECTed database. */
  readonly database: number;
  readonly startMs: number;
  readonly endMs: number;
  /** Wall clock at `startMs`, Unix milliseconds with a fraction. */
  readonly startedAtMs: number;
  /** `ok`, or the first word of the error, such as `UNCERTAIN`. */
  readonly outcome: string;
  /** Records that the command named; only the first limits.traceRecords of them have phases. */
  readonly records: number;
  readonly phases: readonly TracedPhase[];
  /** Requests beyond limits.traceCalls, which are not here. */
  readonly callsLeftOut: number;
}

/** What became of spans, since the process started. */
export interface TraceFigures {
  readonly exported: number;
  /** The collector did not take them. */
  readonly failed: number;
  /** There was no room, because the collector is slow or not there. */
  readonly dropped: number;
  readonly waiting: number;
}

/** Where finished traces go. Never waits and never throws. */
export interface TraceSink {
  take(trace: FinishedTrace): void;
  readonly figures: TraceFigures;
}
