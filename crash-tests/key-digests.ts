import { createHash } from 'node:crypto';
import type { ChainableCommander, Redis } from 'ioredis';
import { hllRegisters, isHyperLogLog } from './hll-registers.ts';
import { DATABASES } from './mixed-keys.ts';

const SCANNED = 500;

/** Scores come as pairs with their members. */
type Content = Buffer | readonly (Buffer | readonly Buffer[])[];

/** Keys of one type and encoding. */
export interface TypeTotal {
  keys: number;
  expiring: number;
  elements: number;
  bytes: number;
}

/** What all databases of a server have in them, read by the commands of the types. */
export interface Contents {
  /** A digest of the type, the decoded content and the expiry of every key, by its database and name. */
  readonly digests: ReadonlyMap<string, string>;
  /** By type and encoding. */
  readonly totals: ReadonlyMap<string, TypeTotal>;
}

function ask(pipeline: ChainableCommander, type: string, key: Buffer): void {
  if (type === 'string') pipeline.callBuffer('GET', key);
  else if (type === 'list') pipeline.callBuffer('LRANGE', key, '0', '-1');
  else if (type === 'set') pipeline.callBuffer('SMEMBERS', key);
  else if (type === 'hash') pipeline.callBuffer('HGETALL', key);
  else if (type === 'zset') pipeline.callBuffer('ZRANGE', key, '0', '-1', 'WITHSCORES');
  else throw new Error(`${key.toString()} is a ${type}`);
}

/** Elements that belong together, in an order of their own where the type has none. */
function elementsOf(type: string, content: Content): readonly Buffer[] {
  if (Buffer.isBuffer(content)) return [isHyperLogLog(content) ? hllRegisters(content) : content];
  const items = content.flat();
  if (type === 'set') return items.sort(Buffer.compare);
  if (type !== 'hash') return items;
  const fields = Array.from({ length: items.length / 2 }, (_, i) => items.slice(2 * i, 2 * i + 2));
  const empty = Buffer.alloc(0);
  return fields.sort(([a = empty], [b = empty]) => Buffer.compare(a, b)).flat();
}

function digestOf(type: string, elements: readonly Buffer[], expiresAtMs: number): string {
  const hash = createHash('sha1').update(`${type} ${expiresAtMs}`);
  for (const element of elements) hash.update(` ${element.length} `).update(element);
  return hash.digest('base64');
}

/** Reads everything but streams; `onRead` is told how many keys there have been. */
export async function contentsOf(redis: Redis, onRead: (keys: number) => void): Promise<Contents> {
  const digests = new Map<string, string>();
  const totals = new Map<string, TypeTotal>();
  for (const database of DATABASES) {
    await redis.select(database);
    let cursor = '0';
    do {
      const [next, keys] = await redis.scanBuffer(cursor, 'COUNT', SCANNED);
      cursor = next.toString();
      const about = redis.pipeline();
      for (const key of keys) about.type(key).pexpiretime(key).object('ENCODING', key);
      const known = ((await about.exec()) ?? []).map(([, answer]) => answer);
      const wanted = keys.flatMap((key, i) => {
        const [type, expiresAtMs, encoding] = known.slice(3 * i, 3 * i + 3);
        return type === 'stream' ? [] : [{ key, type: String(type), expiresAtMs: Number(expiresAtMs), encoding }];
      });
      const reads = redis.pipeline();
      for (const { type, key } of wanted) ask(reads, type, key);
      const contents = (await reads.exec()) ?? [];
      for (const [i, { key, type, expiresAtMs, encoding }] of wanted.entries()) {
        const [error, content] = contents[i] ?? [new Error('there is no answer'), null];
        if (error !== null) throw error;
        const elements = elementsOf(type, content as Content);
        digests.set(`${database} ${key.toString('latin1')}`, digestOf(type, elements, expiresAtMs));
        addTo(totals, `${type} ${String(encoding)}`, elements, expiresAtMs);
      }
      onRead(digests.size);
    } while (cursor !== '0');
  }
  return { digests, totals };
}

function addTo(totals: Map<string, TypeTotal>, name: string, elements: readonly Buffer[], expiresAtMs: number): void {
  const total = totals.get(name) ?? { keys: 0, expiring: 0, elements: 0, bytes: 0 };
  totals.set(name, total);
  total.keys++;
  total.elements += /^(hash|zset) /.test(name) ? elements.length / 2 : elements.length;
  if (expiresAtMs > 0) total.expiring++;
  for (const element of elements) total.bytes += element.length;
}

/** Keys that differ, or that only one of them has; a line each. */
export function differences(source: Contents, target: Contents): string[] {
  const lines: string[] = [];
  for (const [key, digest] of source.digests) {
    const other = target.digests.get(key);
    if (other !== digest) lines.push(`${key} ${other === undefined ? 'is missing' : 'differs'}`);
  }
  for (const key of target.digests.keys()) if (!source.digests.has(key)) lines.push(`${key} is not in the source`);
  return lines;
}
