import { type FileHandle, open } from 'node:fs/promises';
import { RdbType } from '../../record/rdb/rdb-format.ts';
import { RdbWriter } from '../../record/rdb/rdb-writer.ts';
import { ErrorReply, type Reply } from '../../resp/reply.ts';
import { ImportProblem } from '../import/import-problem.ts';
import type { SourceReader } from '../import/source-reader.ts';
import type { RdbFileWriter } from './rdb-file-writer.ts';

const ELEMENTS = '4096';
/** What HPEXPIRETIME answers of a field that is not there, and of one that never expires. */
const GONE = -2;
const NEVER = -1;
const COPY_BYTES = 1_048_576;

interface Reading {
  readonly type: number;
  /** Items of an element. */
  readonly width: 1 | 2;
  readonly command: 'LRANGE' | 'SSCAN' | 'HSCAN' | 'ZSCAN';
}

const READINGS: Readonly<Record<string, Reading>> = {
  list: { type: RdbType.list, width: 1, command: 'LRANGE' },
  set: { type: RdbType.set, width: 1, command: 'SSCAN' },
  hash: { type: RdbType.hash, width: 2, command: 'HSCAN' },
  zset: { type: RdbType.zset2, width: 2, command: 'ZSCAN' },
};

/**
 * Writes a collection that is too large for DUMP: its elements go into a file of their own first, for their number stands
 * before them. What is changed meanwhile is in it or not. False: it is gone.
 */
export async function writeLargeCollection(
  reader: Pick<SourceReader, 'ask'>,
  database: number,
  key: Buffer,
  file: RdbFileWriter,
  scratchPath: string,
): Promise<boolean> {
  const [type, expiry] = await reader.ask(database, [
    ['TYPE', key],
    ['PEXPIRETIME', key],
  ]);
  const reading = READINGS[wordOf(type)];
  if (reading === undefined || typeof expiry !== 'number') return false;
  const scratch = await open(scratchPath, 'w+');
  try {
    const spool = (withTimes: boolean): Promise<Spooled> =>
      spoolElements(reader, database, key, reading, withTimes, scratch);
    let spooled = await spool(false);
    const isTimed = spooled.hasTimes;
    if (isTimed) {
      // The times stand between the fields: all of it is made once more.
      await scratch.truncate(0);
      spooled = await spool(true);
    }
    if (spooled.count === 0) return false;
    const head = new RdbWriter();
    // What times are reckoned from: so they stand there as they are.
    if (isTimed) head.uint64LE(1);
    head.count(spooled.count);
    await file.key(key, Math.max(0, expiry), isTimed ? RdbType.hashFieldExpiry : reading.type, head.finish());
    const buffer = Buffer.allocUnsafe(COPY_BYTES);
    for (let at = 0; ; ) {
      const { bytesRead } = await scratch.read(buffer, 0, COPY_BYTES, at);
      if (bytesRead === 0) return true;
      await file.raw(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
  } finally {
    await scratch.close();
  }
}

interface Spooled {
  readonly count: number;
  /** Some fields of a hash expire. */
  readonly hasTimes: boolean;
}

/** Writes the elements from the scratch file's beginning on; `withTimes`: each field with the moment before it. */
async function spoolElements(
  reader: Pick<SourceReader, 'ask'>,
  database: number,
  key: Buffer,
  reading: Reading,
  withTimes: boolean,
  scratch: FileHandle,
): Promise<Spooled> {
  const { command, width } = reading;
  let count = 0;
  let bytes = 0;
  let hasTimes = false;
  let cursor = '0';
  for (;;) {
    const args =
      command === 'LRANGE'
        ? [command, key, String(count), String(count + Number(ELEMENTS) - 1)]
        : [command, key, cursor, 'COUNT', ELEMENTS];
    const [reply] = await reader.ask(database, [args]);
    const answer = itemsOf(reply);
    const items = command === 'LRANGE' ? answer : itemsOf(answer[1]);
    const times = command === 'HSCAN' ? await timesOf(reader, database, key, items) : [];
    hasTimes ||= times.some((timeMs) => timeMs > 0);
    const writer = new RdbWriter();
    items.forEach((item, i) => {
      if (!Buffer.isBuffer(item) || times[Math.floor(i / 2)] === GONE) return;
      if (withTimes && i % 2 === 0) writer.count(times[i / 2] ?? 0);
      if (command === 'ZSCAN' && i % 2 === 1) writer.double(scoreOf(item.toString('latin1')));
      else writer.string(item);
    });
    const chunk = writer.finish();
    await scratch.write(chunk, 0, chunk.length, bytes);
    bytes += chunk.length;
    count += items.length / width - times.filter((timeMs) => timeMs === GONE).length;
    cursor = command === 'LRANGE' ? (items.length === 0 ? '0' : 'more') : wordOf(answer[0]);
    if (cursor === '0') return { count, hasTimes };
  }
}

/** When the fields among these items of a hash expire, 0: never; GONE: it has. */
async function timesOf(
  reader: Pick<SourceReader, 'ask'>,
  database: number,
  key: Buffer,
  items: readonly Reply[],
): Promise<readonly number[]> {
  const fields = items.filter((item, i): item is Buffer => i % 2 === 0 && Buffer.isBuffer(item));
  if (fields.length === 0) return [];
  const [reply] = await reader.ask(database, [['HPEXPIRETIME', key, 'FIELDS', String(fields.length), ...fields]]);
  return itemsOf(reply).map((timeMs) => (timeMs === NEVER || typeof timeMs !== 'number' ? 0 : timeMs));
}

function wordOf(reply: Reply | undefined): string {
  if (Buffer.isBuffer(reply)) return reply.toString('latin1');
  return typeof reply === 'object' && reply !== null && 'text' in reply ? String(reply.text) : '';
}

function itemsOf(reply: Reply | undefined): readonly Reply[] {
  if (Array.isArray(reply)) return reply;
  throw new ImportProblem(`elements were answered with ${reply instanceof ErrorReply ? reply.text : 'something else'}`);
}

function scoreOf(text: string): number {
  if (text === 'inf') return Number.POSITIVE_INFINITY;
  return text === '-inf' ? Number.NEGATIVE_INFINITY : Number(text);
}
