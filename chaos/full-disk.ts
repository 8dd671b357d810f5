import type { Redis } from 'ioredis';
import type { Report } from '../crash-tests/report.ts';
import { ChaosCluster } from './chaos-cluster.ts';
import { openConnection } from './clients.ts';
import { passMs } from './node-faults.ts';

const DISK_BYTES = 805_306_368;
/**
 * More than what the rest of the disk can hold: RocksDB merges all tables of its first level at once, writes the result before it
 * deletes them, and after one failure begins no merge whose tables would not fit a second time.
 */
const RESERVE_BYTES = 469_762_048;
const VALUE = 'v'.repeat(16_384);
const PIPELINE = 64;
/** Two zones of three: a majority. */
const SMALL = [1, 2] as const;
const WAIT_MS = 180_000;

/** Two of three storage nodes run out of disk: by their own records, and by somebody else's files until nothing is left. */
export async function runFullDisk(report: Report): Promise<void> {
  console.log('\nFull disks: two of three storage nodes on small file systems\n');
  const smallDisks = { nodes: SMALL, bytes: DISK_BYTES, reserveBytes: RESERVE_BYTES };
  const cluster = await ChaosCluster.start({ nodesPerZone: 1, proxies: 1, smallDisks });
  try {
    if (cluster.nodes.filter(({ disk }) => disk !== null).length !== SMALL.length) {
      console.log('  skipped: this process may not mount a file system\n');
      return;
    }
    const redis = openConnection(cluster.proxyPlaces[0] ?? 0);
    await new Promise((resolve) => redis.once('ready', resolve));
    const keys = await fillByWriting(cluster, redis, report);
    await checkWhileFull(redis, keys, report);
    await checkReclaim(redis, keys, report);
    await checkBrimful(cluster, redis, report);
    redis.disconnect();
    report.check('no process ended by itself', cluster.ended);
  } finally {
    await cluster.stop();
  }
}

function leastFree(cluster: ChaosCluster): number {
  return Math.min(...cluster.nodes.map(({ disk }) => disk?.freeBytes ?? Number.POSITIVE_INFINITY));
}

/** The reply, or the first word of the error. */
async function replyOf(command: Promise<unknown>): Promise<unknown> {
  try {
    return await command;
  } catch (error) {
    return `-${error instanceof Error ? error.message.split(' ', 1)[0] : error}`;
  }
}

/** Writes until it is refused, and a while longer; resolves to the keys that were acknowledged. */
async function fillByWriting(cluster: ChaosCluster, redis: Redis, report: Report): Promise<string[]> {
  const keys: string[] = [];
  const replies = new Map<unknown, number>();
  let leastBytes = Number.POSITIVE_INFINITY;
  for (let n = 0, refused = 0; refused < 20 && n < 4_000; n++) {
    const names = Array.from({ length: PIPELINE }, (_, i) => `key-${n * PIPELINE + i}`);
    const answers = await Promise.all(names.map((name) => replyOf(redis.set(name, VALUE))));
    for (const [i, answer] of answers.entries()) {
      replies.set(answer, (replies.get(answer) ?? 0) + 1);
      if (answer === 'OK') keys.push(names[i] ?? '');
    }
    leastBytes = Math.min(leastBytes, leastFree(cluster));
    if (!answers.includes('OK')) {
      refused++;
      await passMs(100);
    }
  }
  console.log(
    `  ${[...replies].map(([reply, count]) => `${count} x ${reply}`).join(', ')}; ${leastBytes} bytes free at least`,
  );
  const others = [...replies.keys()].filter((reply) => reply !== 'OK' && reply !== '-OOM');
  report.check('writes are answered OK, and -OOM when the disks of a majority are full', [
    ...others.map((reply) => `answered ${reply}`),
    ...(replies.has('-OOM') ? [] : ['never answered -OOM']),
  ]);
  report.check('before nothing is left', leastBytes > 0 ? [] : ['not a byte was left']);
  return keys;
}

async function checkWhileFull(redis: Redis, keys: readonly string[], report: Report): Promise<void> {
  const lost: string[] = [];
  for (let i = 0; i < keys.length; i += PIPELINE) {
    const part = keys.slice(i, i + PIPELINE);
    const values = await redis.mget(...part);
    for (const [at, value] of values.entries()) if (value !== VALUE) lost.push(`${part[at]}: ${value?.length}`);
  }
  report.check(`full: all ${keys.length} keys can be read`, lost);
  // RocksDB may make room at any moment, which is then filled up again.
  let replies: unknown[] = [];
  const expected = ['OK', 1, 1, '-OOM', '-OOM'];
  for (let tries = 0; tries < 50 && JSON.stringify(replies) !== JSON.stringify(expected); tries++) {
    for (let n = 0; n < 4_000; n++) {
      const more = Array.from({ length: PIPELINE }, (_, i) => replyOf(redis.set(`more-${tries}-${n}-${i}`, VALUE)));
      if (!(await Promise.all(more)).includes('OK')) break;
    }
    replies = await whileFull(redis, keys, 4 * tries);
  }
  report.check(
    'full: what does not grow is done, what grows is refused',
    JSON.stringify(replies) === JSON.stringify(expected) ? [] : [`answered ${JSON.stringify(replies)}`],
  );
}

async function whileFull(redis: Redis, keys: readonly string[], from: number): Promise<unknown[]> {
  return [
    await replyOf(redis.set(keys[from] ?? '', VALUE.toUpperCase())),
    await replyOf(redis.expire(keys[from + 1] ?? '', 1_000)),
    await replyOf(redis.del(keys[from + 2] ?? '')),
    await replyOf(redis.append(keys[from + 3] ?? '', 'more')),
    await replyOf(redis.set(`another-${from}`, VALUE)),
  ];
}

/** Deletes most of it, and waits until new values are taken. */
async function checkReclaim(redis: Redis, keys: readonly string[], report: Report): Promise<void> {
  // Those that were tried while it was full among them.
  const gone = keys.slice(10);
  const problems: string[] = [];
  for (let i = 0; i < gone.length; i += PIPELINE) {
    const reply = await replyOf(redis.del(...gone.slice(i, i + PIPELINE)));
    if (typeof reply !== 'number') problems.push(`DEL answered ${reply}`);
  }
  report.check(`full: ${gone.length} keys can be deleted`, problems);
  const tookMs = await untilTaken(redis, 'after-deletions');
  report.check(`after that there is room again, by itself (${tookMs} ms)`, tookMs < 0 ? ['not in time'] : []);
}

/** Somebody fills the file systems to the last byte, and tidies up later. */
async function checkBrimful(cluster: ChaosCluster, redis: Redis, report: Report): Promise<void> {
  for (const { disk } of cluster.nodes) disk?.fillUpTo(0);
  const answers = new Set<unknown>();
  for (let i = 0; i < 200; i++) {
    answers.add(await replyOf(redis.set(`brimful-${i}`, VALUE)));
    if (i % 10 === 0) await passMs(20);
  }
  const problems = answers.has('-OOM') ? [] : [`answered ${[...answers].join(', ')}`];
  const value = await replyOf(redis.get('after-deletions'));
  report.check('not a byte is left: writes are refused, reads go on', value === VALUE ? problems : [`GET: ${value}`]);
  for (const { disk } of cluster.nodes) disk?.empty();
  const tookMs = await untilTaken(redis, 'after-tidying');
  report.check(`tidied up, writes are taken again (${tookMs} ms)`, tookMs < 0 ? ['not in time'] : []);
  const found = await redis.mget('after-deletions', 'after-tidying');
  report.check('and what was written is there', found.every((one) => one === VALUE) ? [] : ['it is not']);
}

/** Milliseconds until a new key is taken; -1: not in time. */
async function untilTaken(redis: Redis, key: string): Promise<number> {
  const startMs = performance.now();
  while (performance.now() - startMs < WAIT_MS) {
    if ((await replyOf(redis.set(key, VALUE))) === 'OK') return Math.round(performance.now() - startMs);
    await passMs(100);
  }
  return -1;
}
