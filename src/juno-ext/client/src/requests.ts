import type { Request } from './call.ts';
import type { Argument } from './link.ts';
import type { PayloadCodec } from './payload.ts';
import {
  readContext,
  readFields,
  readInspection,
  readLocation,
  readSetOutcome,
  readStoredValue,
  UnexpectedReply,
} from './reply.ts';
import { isRequestId, requestIds } from './request-id.ts';
import type {
  ConditionalOptions,
  DestroyOptions,
  GetOptions,
  JunoRecord,
  Key,
  Location,
  Payload,
  RecordContext,
  Result,
  SetOutcome,
  WriteOptions,
} from './types.ts';

/** A key or value as bytes; throws a TypeError for anything else. */
export function toBytes(value: Key | Payload, what: string): Buffer {
  if (typeof value === 'string') return Buffer.from(value, 'utf8');
  if (Buffer.isBuffer(value)) return value;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  throw new TypeError(`a ${what} is a string or a Uint8Array`);
}

/** What is wrong with the options of an operation, or null. */
export function optionProblem(options: ConditionalOptions | GetOptions | undefined): Result<never> | null {
  if (options === undefined) return null;
  const { ttlMs, requestId, recordVersion, creationTimeMs }: ConditionalOptions = options;
  if (isNoCount(ttlMs)) return badParameter(`ttlMs must be a whole number of milliseconds, not ${ttlMs}`);
  if (isNoCount(recordVersion)) return badParameter(`recordVersion must be a whole number, not ${recordVersion}`);
  if (isNoCount(creationTimeMs)) return badParameter(`creationTimeMs must be a whole number, not ${creationTimeMs}`);
  if (creationTimeMs !== undefined && recordVersion === undefined) {
    return badParameter('creationTimeMs needs a recordVersion beside it');
  }
  if (requestId !== undefined && !isRequestId(requestId)) return badParameter(`not a UUID: ${requestId}`);
  return null;
}

function isNoCount(value: number | undefined): boolean {
  return value !== undefined && !(Number.isSafeInteger(value) && value >= 0);
}

function badParameter(message: string): Result<never> {
  return { ok: false, error: { kind: 'bad-parameter', message } };
}

function expiry(options: GetOptions | WriteOptions | undefined): Argument[] {
  const ttlMs = options?.ttlMs ?? 0;
  return ttlMs === 0 ? [] : ['PTTL', `${ttlMs}`];
}

function condition(options: ConditionalOptions | DestroyOptions | undefined): Argument[] {
  if (options?.recordVersion === undefined) return [];
  const version = ['VERSION', `${options.recordVersion}`];
  return options.creationTimeMs === undefined ? version : [...version, 'CREATED', `${options.creationTimeMs}`];
}

function identity(options: { readonly requestId?: string } | undefined): { requestId: string; isOwnId: boolean } {
  const given = options?.requestId;
  return given === undefined
    ? { requestId: requestIds.next(), isOwnId: true }
    : { requestId: given.toLowerCase(), isOwnId: false };
}

function context(reply: unknown): Result<RecordContext> {
  return { ok: true, value: readContext(readFields(reply)) };
}

/** `stored` is the value as the codec made it. */
export function createRequest(key: Buffer, stored: Buffer, options: WriteOptions | undefined): Request<RecordContext> {
  const args = [key, stored, ...expiry(options)];
  return { operation: 'create', command: 'JUNO.CREATE', key, args, read: context, ...identity(options) };
}

export function updateRequest(
  key: Buffer,
  stored: Buffer,
  options: ConditionalOptions | undefined,
): Request<RecordContext> {
  const args = [key, stored, ...condition(options), ...expiry(options)];
  return { operation: 'update', command: 'JUNO.UPDATE', key, args, read: context, ...identity(options) };
}

export function setRequest(key: Buffer, stored: Buffer, options: WriteOptions | undefined): Request<SetOutcome> {
  const args = [key, stored, ...expiry(options)];
  const read = (reply: unknown): Result<SetOutcome> => ({ ok: true, value: readSetOutcome(readFields(reply)) });
  return { operation: 'set', command: 'JUNO.SET', key, args, read, ...identity(options) };
}

export function destroyRequest(key: Buffer, options: DestroyOptions | undefined): Request<void> {
  const args = [key, ...condition(options)];
  const read = (reply: unknown): Result<void> => {
    if (String(reply) !== 'OK') throw new UnexpectedReply('OK was expected');
    return { ok: true, value: undefined };
  };
  return { operation: 'destroy', command: 'JUNO.DESTROY', key, args, read, ...identity(options) };
}

export function getRequest(
  codec: PayloadCodec,
  key: Buffer,
  options: GetOptions | undefined,
): Request<JunoRecord | null> {
  const read = async (reply: unknown): Promise<Result<JunoRecord | null>> => {
    if (reply === null) return { ok: true, value: null };
    const fields = readFields(reply);
    const known = readContext(fields);
    const decoded = await codec.decode(key, readStoredValue(fields));
    return decoded.ok ? { ok: true, value: { ...known, value: decoded.value } } : decoded;
  };
  return readRequest('get', 'JUNO.GET', key, [key, ...expiry(options)], read);
}

export function locateRequest(key: Buffer): Request<Location> {
  return readRequest('locate', 'JUNO.LOCATE', key, [key], (reply) => ({ ok: true, value: readLocation(reply) }));
}

export function inspectRequest(key: Buffer): Request<readonly Readonly<Record<string, unknown>>[]> {
  return readRequest('inspect', 'JUNO.INSPECT', key, [key], (reply) => ({ ok: true, value: readInspection(reply) }));
}

function readRequest<T>(
  operation: string,
  command: string,
  key: Buffer,
  args: readonly Argument[],
  read: Request<T>['read'],
): Request<T> {
  return { operation, command, key, args, read, requestId: null, isOwnId: false };
}
