import type { Incarnation, JunoError, Location, RecordContext, SetOutcome } from './types.ts';

/** A reply that is not what the command answers: another server, or another version of it. */
export class UnexpectedReply extends Error {}

/** Fields of a map reply by name. */
export type Fields = ReadonlyMap<string, unknown>;

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Buffer.isBuffer(value)) return value.toString('utf8');
  throw new UnexpectedReply(`a text was expected, not ${typeof value}`);
}

/** Fields of a map, which is a flat array in RESP2, and a Map or an object where a RESP3 parser made one. */
export function readFields(reply: unknown): Fields {
  if (reply instanceof Map) return new Map([...reply].map(([name, value]) => [text(name), value]));
  const fields = new Map<string, unknown>();
  if (Array.isArray(reply)) {
    if (reply.length % 2 !== 0) throw new UnexpectedReply('a map with a name that has no value');
    for (let i = 0; i < reply.length; i += 2) fields.set(text(reply[i]), reply[i + 1]);
    return fields;
  }
  if (typeof reply !== 'object' || reply === null || Buffer.isBuffer(reply)) {
    throw new UnexpectedReply('a map was expected');
  }
  for (const [name, value] of Object.entries(reply)) fields.set(name, value);
  return fields;
}

function integer(fields: Fields, name: string): number {
  const value = fields.get(name);
  const number = typeof value === 'number' ? value : Buffer.isBuffer(value) ? Number(value.toString()) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw new UnexpectedReply(`field ${name} is not an integer`);
  return number;
}

function flag(fields: Fields, name: string): boolean {
  const value = fields.get(name);
  return typeof value === 'boolean' ? value : integer(fields, name) !== 0;
}

export function readContext(fields: Fields): RecordContext {
  const ttlMs = integer(fields, 'pttl');
  const requestId = fields.get('requestId') ?? null;
  return {
    recordVersion: integer(fields, 'recordVersion'),
    creationTimeMs: integer(fields, 'creationTime'),
    lastModifiedMs: integer(fields, 'lastModified'),
    ttlMs: ttlMs < 0 ? null : ttlMs,
    requestId: requestId === null ? null : text(requestId),
  };
}

export function readSetOutcome(fields: Fields): SetOutcome {
  return { ...readContext(fields), created: flag(fields, 'created') };
}

/** The value of a get, as it is stored. */
export function readStoredValue(fields: Fields): Buffer {
  const value = fields.get('value');
  if (!Buffer.isBuffer(value)) throw new UnexpectedReply('a get without a value');
  return value;
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new UnexpectedReply('an array was expected');
  return value;
}

export function readLocation(reply: unknown): Location {
  const fields = readFields(reply);
  return {
    slot: integer(fields, 'slot'),
    shard: integer(fields, 'shard'),
    mapEpoch: integer(fields, 'mapEpoch'),
    nodes: list(fields.get('nodes')).map((entry) => {
      const node = readFields(entry);
      return {
        zone: text(node.get('zone')),
        nodeId: integer(node, 'nodeId'),
        host: text(node.get('host')),
        port: integer(node, 'port'),
        up: flag(node, 'up'),
      };
    }),
  };
}

/** One object per replica: texts and numbers by name. */
export function readInspection(reply: unknown): readonly Readonly<Record<string, unknown>>[] {
  return list(reply).map((entry) =>
    Object.fromEntries([...readFields(entry)].map(([name, value]) => [name, plain(value)])),
  );
}

function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('utf8');
  return Array.isArray(value) ? value.map(plain) : value;
}

function readIncarnation(message: string): Incarnation | null {
  const found = /recordVersion=(\d+) created=(\d+)/.exec(message);
  return found === null ? null : { recordVersion: Number(found[1]), creationTimeMs: Number(found[2]) };
}

/** The error that an error reply tells of, by its first word. */
export function readError(message: string, requestId: string | null): JunoError {
  switch (message.split(' ', 1)[0]) {
    case 'DUPKEY':
      return { kind: 'duplicate-key', message, current: readIncarnation(message) };
    case 'NOKEY':
      return { kind: 'no-key', message };
    case 'VERSIONCONFLICT':
      return { kind: 'version-conflict', message, current: readIncarnation(message) };
    case 'BADPARAM':
      return { kind: 'bad-parameter', message };
    case 'WRONGTYPE':
      return { kind: 'wrong-type', message };
    case 'NOPERM':
    case 'NOAUTH':
    case 'WRONGPASS':
      return { kind: 'not-permitted', message };
    case 'UNAVAILABLE':
    case 'LOADING':
      return { kind: 'unavailable', message };
    case 'BUSY':
      return { kind: 'busy', message };
    case 'UNCERTAIN':
      return { kind: 'uncertain', message, requestId };
    default:
      return { kind: 'server', message };
  }
}
