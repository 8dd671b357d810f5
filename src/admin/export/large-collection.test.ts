import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SessionRunner } from '../../proxy/testing/session-runner.ts';
import { RdbType } from '../../record/rdb/rdb-format.ts';
import { RdbStream } from '../../record/rdb/rdb-stream.ts';
import { readRdbValue } from '../../record/rdb/rdb-value.ts';
import type { Reply } from '../../resp/reply.ts';
import { ReplyParser } from '../../resp/reply-parser.ts';
import { ReplyWriter } from '../../resp/reply-writer.ts';
import { writeLargeCollection } from './large-collection.ts';
import { RdbFileWriter } from './rdb-file-writer.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'junokv-export-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** As a client reads it. */
function read(reply: Reply | undefined): Reply {
  const writer = new ReplyWriter();
  writer.write(reply ?? null);
  const parser = new ReplyParser();
  parser.push(Buffer.concat(writer.takeChunks()));
  return parser.next() ?? null;
}

async function exported(session: SessionRunner, key: string): Promise<{ type: number; content: unknown }> {
  const path = join(dir, 'dump.rdb');
  const handle = await open(path, 'w');
  const file = new RdbFileWriter(handle);
  file.begin(session.proxy.clock.wallMs());
  const ask = async (_database: number, commands: readonly (readonly (string | Buffer)[])[]): Promise<Reply[]> => {
    const replies: Reply[] = [];
    for (const words of commands)
      replies.push(read(await session.runArguments(words.map((word) => Buffer.from(word)))));
    return replies;
  };
  expect(await writeLargeCollection({ ask }, 0, Buffer.from(key), file, join(dir, 'elements'))).toBe(true);
  await file.end();
  await handle.close();
  const stream = new RdbStream(2 ** 30);
  stream.push(readFileSync(path));
  stream.finish();
  for (let event = stream.next(); event !== null; event = stream.next()) {
    if (event.kind !== 'value') continue;
    return { type: event.type, content: readRdbValue(event.type, event.value, 0, event.value.length) };
  }
  throw new Error('there is a value');
}

function hashOf(content: unknown): [string, string, number][] {
  const { items, times = [] } = content as { items: Buffer[]; times?: number[] };
  const fields: [string, string, number][] = [];
  for (let i = 0; i < items.length; i += 2) fields.push([String(items[i]), String(items[i + 1]), times[i / 2] ?? 0]);
  return fields.sort();
}

describe('a collection that is exported in parts', () => {
  it('of a hash has the times of its fields, and no other bytes where there are none', async () => {
    const session = new SessionRunner();
    const names = Array.from({ length: 5_000 }, (_, i) => `field-${i}`);
    await session.runArguments(['HSET', 'h', ...names.flatMap((name) => [name, 'v'])].map((word) => Buffer.from(word)));
    const plain = await exported(session, 'h');
    expect(plain.type).toBe(RdbType.hash);
    expect(hashOf(plain.content)).toEqual(names.map((name) => [name, 'v', 0]).sort());
    const momentMs = session.proxy.clock.wallMs() + 5_000;
    await session.run(`HPEXPIREAT h ${momentMs} FIELDS 2 field-7 field-4999`);
    const timed = await exported(session, 'h');
    expect(timed.type).toBe(RdbType.hashFieldExpiry);
    const expires = (name: string): boolean => name === 'field-7' || name === 'field-4999';
    expect(hashOf(timed.content)).toEqual(names.map((name) => [name, 'v', expires(name) ? momentMs : 0]).sort());
  });
});
