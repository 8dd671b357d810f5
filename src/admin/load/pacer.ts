import type { LoadConnection } from './load-connection.ts';

/** What a pacer may do with the run that it paces. */
export interface PacedRun {
  /** Whether a request that begins, or was due, at this time is still to be sent. */
  maySend(startMs: number): boolean;
  /** Writes the next request into the connection's buffer, without flushing it. */
  send(connection: LoadConnection, startMs: number): void;
}

/** Decides when the next requests begin: one for the closed loop and one for the open loop. */
export interface Pacer {
  /** The run has begun at `startMs`; all connections are ready. */
  begin(startMs: number): void;
  /** This connection was lost and is there again. */
  reconnected(connection: LoadConnection): void;
  /** Replies came on this connection. */
  turned(connection: LoadConnection, nowMs: number): void;
  /** The time is almost over: sends what is due already. */
  lastCall(): void;
  /** The time for sending is over: `maySend` answers no from now on. */
  sendingOver(): void;
}
