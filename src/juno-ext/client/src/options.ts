import type { ConnectionOptions } from 'node:tls';
import type { Argument } from './link.ts';
import type { ClientOptions, ClientTls } from './types.ts';

const DEADLINE_MS = 5000;
const TRY_TIMEOUT_MS = 2500;
const CONNECTIONS_MOST = 64;
const KEY_BYTES = 32;
const KEY_NAME_BYTES_MOST = 255;

/** `ClientOptions` with what is left out filled in, as far as connections are concerned. */
export interface Settings {
  readonly deadlineMs: number;
  readonly tryTimeoutMs: number;
  readonly connectionsPerAddress: number;
  /** Null: plain TCP. */
  readonly tls: ConnectionOptions | null;
  /** Commands that make a new connection what the options ask for. */
  readonly setup: readonly (readonly [string, ...Argument[]])[];
}

/** Throws a TypeError for options that cannot be meant. */
export function checkOptions(options: ClientOptions): Settings {
  if (options.addresses.length === 0) throw new TypeError('addresses must name at least one proxy');
  for (const { host, port } of options.addresses) {
    if (host === '' || !isWhole(port, 1, 65535)) throw new TypeError(`not an address: ${host}:${port}`);
  }
  if (options.username !== undefined && options.password === undefined) {
    throw new TypeError('a username needs a password');
  }
  const { connectionsPerAddress = 1, database = 0 } = options;
  if (!isWhole(connectionsPerAddress, 1, CONNECTIONS_MOST)) {
    throw new TypeError(`connectionsPerAddress must be 1 to ${CONNECTIONS_MOST}`);
  }
  if (!isWhole(database, 0, Number.MAX_SAFE_INTEGER)) throw new TypeError('database must be a whole number');
  checkEncryption(options);
  return {
    deadlineMs: positive('deadlineMs', options.deadlineMs ?? DEADLINE_MS),
    tryTimeoutMs: positive('tryTimeoutMs', options.tryTimeoutMs ?? TRY_TIMEOUT_MS),
    connectionsPerAddress,
    tls: tlsOptions(options.tls),
    setup: setupCommands(options, database),
  };
}

/** `value`, if it is a time that can be waited for (a timer's most is 2^31 - 1 ms); else throws a TypeError. */
export function positive(name: string, value: number): number {
  if (!(value > 0 && value < 2 ** 31)) throw new TypeError(`${name} must be above 0 and below 2^31, not ${value}`);
  return value;
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most;
}

function checkEncryption({ encryption, compression, maxPayloadBytes }: ClientOptions): void {
  if (maxPayloadBytes !== undefined && !isWhole(maxPayloadBytes, 1, Number.MAX_SAFE_INTEGER)) {
    throw new TypeError('maxPayloadBytes must be a whole number above 0');
  }
  if (compression !== undefined && compression.algorithm !== 'gzip' && compression.algorithm !== 'brotli') {
    throw new TypeError(`no such compression: ${String(compression.algorithm)}`);
  }
  if (encryption === undefined) return;
  if (!Object.hasOwn(encryption.keys, encryption.current)) {
    throw new TypeError(`encryption.keys lacks the current key ${encryption.current}`);
  }
  for (const [name, key] of Object.entries(encryption.keys)) {
    if (!(key instanceof Uint8Array) || key.length !== KEY_BYTES) throw new TypeError(`key ${name} has not 32 bytes`);
    const nameBytes = Buffer.byteLength(name);
    if (nameBytes === 0 || nameBytes > KEY_NAME_BYTES_MOST) throw new TypeError('a key name has 1 to 255 bytes');
  }
}

function tlsOptions(tls: ClientTls | undefined): ConnectionOptions | null {
  if (tls === undefined) return null;
  const { ca, cert, key, serverName } = tls;
  if ((cert === undefined) !== (key === undefined)) throw new TypeError('tls.cert and tls.key belong together');
  return {
    ...(ca === undefined ? {} : { ca: pem(ca) }),
    ...(cert === undefined || key === undefined ? {} : { cert: pem(cert), key: pem(key) }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    rejectUnauthorized: true,
  };
}

function pem(text: string | Uint8Array): string | Buffer {
  return typeof text === 'string' ? text : Buffer.from(text);
}

/** PING last: a proxy that takes connections but answers nothing is not ready. */
function setupCommands(options: ClientOptions, database: number): (readonly [string, ...Argument[]])[] {
  const { username, password, namespace } = options;
  const commands: (readonly [string, ...Argument[]])[] = [];
  if (password !== undefined) {
    commands.push(username === undefined ? ['AUTH', password] : ['AUTH', username, password]);
  }
  if (namespace !== undefined) commands.push(['JUNO.NAMESPACE', namespace]);
  if (database !== 0) commands.push(['SELECT', `${database}`]);
  commands.push(['PING']);
  return commands;
}
