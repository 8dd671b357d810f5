import { randomBytes, randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { ChainableCommander, Redis } from 'ioredis';
import { add, type Command, DATABASES, element, fillCommand, keyNear, keyOf, kindOf, text } from './mixed-keys.ts';

const PAUSE_MS = 50;
/** The databases that are written to; most keys are in the first. */
const WRITTEN = [0, 0, 0, 0, ...DATABASES];
const SHORT_LIFE_MS = 2_000;

const SCRIPT = "redis.call('INCR', KEYS[1]) redis.call('RPUSH', KEYS[2], ARGV[1]) return redis.call('GET', KEYS[1])";

/** Changes of single keys near a place, by what it is that they change. */
const SINGLE: readonly ((place: number) => Command)[] = [
  (place) => ['DEL', keyOf(place)],
  (place) => ['PEXPIRE', keyOf(place), '5000000'],
  (place) => ['PERSIST', keyOf(place)],
  (place) => ['PEXPIRE', keyOf(place), `${1 + randomInt(SHORT_LIFE_MS)}`],
  () => ['SET', `short:${randomInt(1_000)}`, text(), 'PX', `${1 + randomInt(SHORT_LIFE_MS)}`],
  (place) => ['HINCRBY', `counts:${place % 100}`, 'n', '1'],
  (place) => ['HINCRBYFLOAT', `counts:${place % 100}`, 'x', '0.25'],
  (place) => ['HDEL', keyNear('hash', place), '1', '2', '3'],
  (place) => ['RPOP', keyNear('list', place)],
  (place) => ['LPUSH', keyNear('list', place), element()],
  (place) => ['LTRIM', keyNear('list', place), '0', '4'],
  (place) => ['LINSERT', keyNear('list', place), 'BEFORE', 'both', 'before'],
  (place) => ['APPEND', keyNear('string', place), 'more'],
  (place) => ['SETRANGE', keyNear('text', place), `${randomInt(3_000)}`, randomBytes(5)],
  (place) => ['GETDEL', keyNear('text', place)],
  (place) => ['INCRBYFLOAT', `floats:${place % 100}`, '0.5'],
  (place) => ['BITFIELD', keyNear('bits', place), 'INCRBY', 'u8', `${randomInt(500)}`, '1'],
  (place) => ['PFADD', keyNear('hll', place), text(), text()],
  (place) => ['PFCOUNT', keyNear('hll', place)],
  (place) => ['PFADD', 'huge:hll', `${place}`],
  (place) => ['ZINCRBY', keyNear('zset', place), '0.5', `m${randomInt(20)}`],
  (place) => ['ZPOPMIN', keyNear('board', place)],
  (place) => ['SPOP', keyNear('set', place)],
  (place) => ['ZREMRANGEBYSCORE', 'huge:zset', `${place % 10_007}`, `${place % 10_007}`],
  (place) => ['ZADD', 'huge:zset', `${place % 10_007}`, `member ${place}`],
  (place) => ['HSET', 'huge:hash', `field ${place % 100_000}`, text()],
  (place) => ['LSET', 'huge:list', `${place % 1_000}`, text()],
  (place) => ['SADD', 'huge:set', `member ${place}`],
  (place) => ['SETBIT', 'huge:bits', `${place}`, '1'],
  (place) => ['XADD', `stream:${place % 7}`, '*', 'field', text()],
];

/** Changes that concern several keys. */
const SEVERAL: readonly ((place: number) => Command)[] = [
  (place) => ['SUNIONSTORE', `union:${place % 50}`, keyNear('set', place), keyNear('ints', place)],
  (place) => ['ZUNIONSTORE', `scores:${place % 50}`, '2', keyNear('zset', place), keyNear('board', place)],
  (place) => ['SMOVE', keyNear('ints', place), keyNear('set', place), '17'],
  (place) => ['LMOVE', keyNear('list', place), `moved:${place % 50}`, 'LEFT', 'RIGHT'],
  (place) => ['RENAME', keyNear('string', place), `renamed:${place % 500}`],
  (place) => ['RENAMENX', `renamed:${place % 500}`, keyNear('string', place)],
  (place) => ['COPY', keyNear('hash', place), `copied:${place % 500}`, 'REPLACE'],
  (place) => ['COPY', keyNear('zset', place), `other:${place % 500}`, 'DB', '9', 'REPLACE'],
  (place) => ['MOVE', keyNear('number', place), '9'],
  (place) => ['BITOP', 'OR', `or:${place % 50}`, keyNear('bits', place), keyNear('text', place)],
  (place) => ['PFMERGE', `merged:${place % 50}`, keyNear('hll', place)],
  (place) => ['SORT', keyNear('ints', place), 'STORE', `sorted:${place % 50}`],
  (place) => ['MSET', keyNear('text', place), text(), `set:twice:${place % 50}`, text()],
  (place) => [
    'GEOSEARCHSTORE',
    `near:${place % 50}`,
    keyNear('geo', place),
    'FROMLONLAT',
    '0',
    '0',
    'BYRADIUS',
    '9000',
    'km',
  ],
  (place) => ['EVAL', SCRIPT, '2', keyNear('number', place), keyNear('list', place), 'by a script'],
  (place) => ['UNLINK', keyNear('geo', place), keyNear('record', place)],
];

function pick<T>(from: readonly T[]): T {
  const one = from[randomInt(from.length)];
  if (one === undefined) throw new Error('there is nothing to choose from');
  return one;
}

/** One change near a key of the first `count`, or a transaction of three. */
function change(pipeline: ChainableCommander, count: number): void {
  const place = randomInt(count);
  const kind = kindOf(place);
  switch (randomInt(8)) {
    case 0:
    case 1:
      add(pipeline, fillCommand(kind, keyOf(place), 1 + randomInt(3)));
      break;
    case 2:
    case 3:
      add(pipeline, pick(SEVERAL)(place));
      break;
    case 4:
      pipeline.call('MULTI');
      add(pipeline, ['INCR', keyNear('number', place)]);
      add(pipeline, ['RPUSH', keyNear('list', place), 'both']);
      add(pipeline, pick(SINGLE)(place));
      pipeline.call('EXEC');
      break;
    default:
      add(pipeline, pick(SINGLE)(place));
  }
}

/** Changes keys of all databases, until it is stopped, at about `perSecond`. */
export class KeyChanges {
  readonly #redis: Redis;
  readonly #running: Promise<void>;
  #isStopped = false;
  count = 0;

  constructor(redis: Redis, keys: number, perSecond: number) {
    this.#redis = redis;
    this.#running = this.#run(keys, perSecond);
  }

  /** Resolves when it has ended, and keys with short lives are gone. */
  async stop(): Promise<void> {
    if (this.#isStopped) return this.#running;
    this.#isStopped = true;
    await this.#running;
    await pause(SHORT_LIFE_MS + PAUSE_MS);
    // What has expired and was not looked at is still counted, and sent to replicas only when it is noticed.
    for (const database of DATABASES) {
      await this.#redis.select(database);
      let cursor = '0';
      do [cursor] = await this.#redis.scan(cursor, 'COUNT', 1_000);
      while (cursor !== '0');
    }
  }

  async #run(keys: number, perSecond: number): Promise<void> {
    let due = 0;
    let lastMs = performance.now();
    while (!this.#isStopped) {
      const nowMs = performance.now();
      due += ((nowMs - lastMs) * perSecond) / 1_000;
      lastMs = nowMs;
      const some = Math.min(perSecond, Math.floor(due));
      due -= some;
      const pipeline = this.#redis.pipeline();
      pipeline.select(pick(WRITTEN));
      for (let i = 0; i < some; i++) change(pipeline, keys);
      // A key of another type, or none, is an error, as it may be in an application.
      await pipeline.exec();
      this.count += some;
      await pause(PAUSE_MS);
    }
  }
}
