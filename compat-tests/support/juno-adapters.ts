import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { connect } from '../../src/juno-ext/client/src/client.ts';
import type {
  BatchOperation,
  JunoClient,
  JunoError,
  RecordContext,
  Result,
} from '../../src/juno-ext/client/src/types.ts';

/** One of JunoDB's operations; what is not given is not sent. */
export interface Call {
  readonly op: 'create' | 'get' | 'update' | 'set' | 'destroy';
  readonly value?: string;
  readonly ttlSeconds?: number;
  readonly ttlMs?: number;
  readonly recordVersion?: number;
  readonly creationTimeMs?: number;
  readonly requestId?: string;
}

/** What came of it, whichever client was asked. */
export interface Answer {
  /** 'absent': nil, of a get. */
  readonly outcome: 'ok' | 'absent' | JunoError['kind'];
  readonly value?: string;
  /** Of the record; in an error what it is now, if the error says so. */
  readonly recordVersion?: number;
  readonly creationTimeMs?: number;
  readonly lastModifiedMs?: number;
  /** Null: never expires. */
  readonly ttlMs?: number | null;
  readonly requestId?: string | null;
  readonly created?: boolean;
}

/** A client library that can make the calls. */
export interface Adapter {
  readonly name: AdapterName;
  run(key: string, call: Call): Promise<Answer>;
  batch(calls: readonly { readonly key: string; readonly call: Call }[]): Promise<readonly Answer[]>;
  /** Adds to a counter, in the way of this client; the answer's value is the sum. */
  add(key: string, by: number): Promise<Answer>;
  /** Whether somebody serves. */
  ping(): Promise<Answer>;
  /** A command that the client does not know of. */
  command(args: readonly string[]): Promise<Answer>;
  close(): Promise<void>;
}

export type AdapterName = 'ioredis' | 'node-redis' | 'typed client';
export const ADAPTER_NAMES: readonly AdapterName[] = ['ioredis', 'node-redis', 'typed client'];

export function openAdapter(name: AdapterName, port: number, namespace: string): Promise<Adapter> {
  switch (name) {
    case 'ioredis':
      return openIoredis(port, namespace);
    case 'node-redis':
      return openNodeRedis(port, namespace);
    case 'typed client':
      return Promise.resolve(new TypedAdapter(port, namespace));
  }
}

async function openIoredis(port: number, namespace: string): Promise<Adapter> {
  const redis = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: 0 });
  const adapter = new CommandAdapter('ioredis', {
    send: ([name = '', ...args]) => redis.call(name, args),
    sendAll: async (commands) => {
      const pipeline = redis.pipeline(commands.map((args) => ['call', ...args]));
      return ((await pipeline.exec()) ?? []).map(([error, reply]) => error ?? reply);
    },
    add: async (key, by) => redis.incrby(key, by),
    ping: () => redis.ping(),
    close: async () => redis.disconnect(),
  });
  await redis.call('JUNO.NAMESPACE', namespace);
  return adapter;
}

/** Over RESP3, unlike ioredis: maps come as maps. */
async function openNodeRedis(port: number, namespace: string): Promise<Adapter> {
  const client = createClient({ url: `redis://127.0.0.1:${port}`, RESP: 3, name: 'juno-cells' });
  await client.connect();
  await client.sendCommand(['JUNO.NAMESPACE', namespace]);
  const send = (args: readonly string[]): Promise<unknown> => client.sendCommand([...args]);
  return new CommandAdapter('node-redis', {
    send,
    // node-redis sends in one write what is asked for in one turn.
    sendAll: (commands) => Promise.all(commands.map((args) => send(args).catch((error: unknown) => error))),
    add: (key, by) => client.incrBy(key, by),
    ping: () => client.ping(),
    close: () => client.close(),
  });
}

interface CommandClient {
  send(args: readonly string[]): Promise<unknown>;
  /** Errors stand among the replies. */
  sendAll(commands: readonly (readonly string[])[]): Promise<readonly unknown[]>;
  add(key: string, by: number): Promise<unknown>;
  ping(): Promise<unknown>;
  close(): Promise<unknown>;
}

/** JUNO.* commands through a client of Redis's. */
class CommandAdapter implements Adapter {
  readonly name: AdapterName;
  readonly #client: CommandClient;

  constructor(name: AdapterName, client: CommandClient) {
    this.name = name;
    this.#client = client;
  }

  run(key: string, call: Call): Promise<Answer> {
    return this.command(commandOf(key, call));
  }

  async batch(calls: readonly { readonly key: string; readonly call: Call }[]): Promise<readonly Answer[]> {
    const replies = await this.#client.sendAll(calls.map(({ key, call }) => commandOf(key, call)));
    return replies.map(answerOf);
  }

  async add(key: string, by: number): Promise<Answer> {
    return { outcome: 'ok', value: String(await this.#client.add(key, by)) };
  }

  async ping(): Promise<Answer> {
    return { outcome: (await this.#client.ping()) === 'PONG' ? 'ok' : 'server' };
  }

  async command(args: readonly string[]): Promise<Answer> {
    return answerOf(await this.#client.send(args).catch((error: unknown) => error));
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

function commandOf(key: string, call: Call): string[] {
  const args = [`JUNO.${call.op.toUpperCase()}`, key];
  if (call.value !== undefined) args.push(call.value);
  const option = (name: string, given: string | number | undefined): void => {
    if (given !== undefined) args.push(name, String(given));
  };
  option('VERSION', call.recordVersion);
  option('CREATED', call.creationTimeMs);
  option('TTL', call.ttlSeconds);
  option('PTTL', call.ttlMs);
  option('REQUESTID', call.requestId);
  return args;
}

const KIND_OF_CODE: Readonly<Record<string, JunoError['kind']>> = {
  DUPKEY: 'duplicate-key',
  NOKEY: 'no-key',
  VERSIONCONFLICT: 'version-conflict',
  BADPARAM: 'bad-parameter',
  NOPERM: 'not-permitted',
  UNCERTAIN: 'uncertain',
  UNAVAILABLE: 'unavailable',
  BUSY: 'busy',
};

function answerOf(reply: unknown): Answer {
  if (reply instanceof Error) return errorAnswer(reply.message);
  if (reply === null) return { outcome: 'absent' };
  if (typeof reply !== 'object') return { outcome: 'ok' };
  const fields = fieldsOf(reply);
  const pttl = Number(fields.get('pttl'));
  const ttl = Number(fields.get('ttl'));
  if (ttl !== Math.floor((pttl + 500) / 1000) && ttl !== pttl) throw new Error(`ttl ${ttl} beside pttl ${pttl}`);
  return {
    outcome: 'ok',
    recordVersion: Number(fields.get('recordVersion')),
    creationTimeMs: Number(fields.get('creationTime')),
    lastModifiedMs: Number(fields.get('lastModified')),
    ttlMs: pttl === -1 ? null : pttl,
    requestId: fields.get('requestId') === null ? null : String(fields.get('requestId')),
    ...(fields.has('value') ? { value: String(fields.get('value')) } : {}),
    ...(fields.has('created') ? { created: fields.get('created') === 1 } : {}),
  };
}

/** Of a map: a flat array in RESP2. */
export function fieldsOf(reply: unknown): ReadonlyMap<string, unknown> {
  if (typeof reply !== 'object' || reply === null) throw new Error('a map was expected');
  if (!Array.isArray(reply)) return new Map(reply instanceof Map ? reply : Object.entries(reply));
  return new Map(
    Array.from({ length: reply.length / 2 }, (_, i): [string, unknown] => [String(reply[2 * i]), reply[2 * i + 1]]),
  );
}

function errorAnswer(message: string): Answer {
  const outcome = KIND_OF_CODE[message.split(' ', 1)[0] ?? ''] ?? 'server';
  const current = /^\S+ recordVersion=(\d+) created=(\d+):/.exec(message);
  if (current === null) return { outcome };
  return { outcome, recordVersion: Number(current[1]), creationTimeMs: Number(current[2]) };
}

/** The same through the client made for it. */
class TypedAdapter implements Adapter {
  readonly name = 'typed client';
  readonly #client: JunoClient;

  constructor(port: number, namespace: string) {
    // Short, since an operation that is over a rate is repeated all that time.
    const deadlineMs = namespace.startsWith('slow') ? 300 : 10_000;
    this.#client = connect({ addresses: [{ host: '127.0.0.1', port }], namespace, deadlineMs });
  }

  async run(key: string, call: Call): Promise<Answer> {
    const [answer] = await this.batch([{ key, call }]);
    if (answer === undefined) throw new Error('no answer');
    return answer;
  }

  async batch(calls: readonly { readonly key: string; readonly call: Call }[]): Promise<readonly Answer[]> {
    const first = calls[0];
    // A single operation goes by its own method.
    if (calls.length === 1 && first !== undefined) return [await this.#single(first.key, first.call)];
    const results = await this.#client.batch(calls.map(({ key, call }) => operationOf(key, call)));
    return results.map(({ result }) => typedAnswer(result));
  }

  async add(key: string, by: number): Promise<Answer> {
    let sum = 0;
    const result = await this.#client.compareAndSet(key, (current) => {
      sum = Number(current?.value ?? 0) + by;
      return String(sum);
    });
    return { ...typedAnswer(result), value: String(sum) };
  }

  async ping(): Promise<Answer> {
    return { outcome: typedAnswer(await this.#client.locate('any')).outcome };
  }

  command(): Promise<Answer> {
    throw new Error('the typed client sends its own commands only');
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #single(key: string, call: Call): Promise<Answer> {
    const operation = operationOf(key, call);
    const client = this.#client;
    switch (operation.kind) {
      case 'create':
        return typedAnswer(await client.create(key, operation.value, operation.options));
      case 'update':
        return typedAnswer(await client.update(key, operation.value, operation.options));
      case 'set':
        return typedAnswer(await client.set(key, operation.value, operation.options));
      case 'get':
        return typedAnswer(await client.get(key, operation.options));
      case 'destroy':
        return typedAnswer(await client.destroy(key, operation.options));
    }
  }
}

function operationOf(key: string, call: Call): BatchOperation {
  const { op: kind, value = '', ttlSeconds, ...options } = call;
  const all = ttlSeconds === undefined ? options : { ...options, ttlMs: ttlSeconds * 1000 };
  return kind === 'get' || kind === 'destroy' ? { kind, key, options: all } : { kind, key, value, options: all };
}

function typedAnswer(result: Result<unknown>): Answer {
  if (!result.ok) {
    const { error } = result;
    return { outcome: error.kind, ...('current' in error ? error.current : null) };
  }
  if (result.value === null) return { outcome: 'absent' };
  if (!isRecord(result.value)) return { outcome: 'ok' };
  const { value, ...context } = result.value;
  return { outcome: 'ok', ...context, ...(value === undefined ? {} : { value: value.toString() }) };
}

function isRecord(value: unknown): value is RecordContext & { readonly value?: Buffer } {
  return typeof value === 'object' && value !== null && 'recordVersion' in value;
}
