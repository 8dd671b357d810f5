/** Structured log, the part of pino's interface that we use: fields first, then the message. Never log keys or values. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The same log with these fields in each line; those of the line itself win. */
export function logWith(log: Log, own: object): Log {
  return {
    debug: (fields, message) => log.debug({ ...own, ...fields }, message),
    info: (fields, message) => log.info({ ...own, ...fields }, message),
    warn: (fields, message) => log.warn({ ...own, ...fields }, message),
    error: (fields, message) => log.error({ ...own, ...fields }, message),
  };
}

/** A log that drops everything, for tests and the simulator. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
