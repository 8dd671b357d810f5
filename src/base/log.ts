/** Structured log, the part of pino's interface that we use: fields first, then the message. Never log keys or values. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A log that drops everything, for tests and the simulator. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
