import type { Place } from './place.ts';
import { RawClient } from './raw-client.ts';
import type { ReplyCounts } from './reply-counts.ts';
import { commandsOf, encodeCommand } from './request.ts';
import { readReply } from './resp-reply.ts';
import { type Protocol, type Script, type Step, toStep } from './script.ts';

export interface Ports {
  readonly redis: number;
  readonly junokv: Place;
  /** Set where both ask for one. */
  readonly password: string | null;
}

/** The end of a connection, where a reply could be. */
const CLOSED = Buffer.from('(closed)');
const END_MS = 5_000;

/** One server's connections of one script. */
class Side {
  readonly #place: Place;
  readonly #protocol: Protocol;
  readonly #password: string | null;
  readonly #clients = new Map<number, RawClient>();

  constructor(place: Place, protocol: Protocol, password: string | null) {
    this.#place = place;
    this.#protocol = protocol;
    this.#password = password;
  }

  async client(index: number): Promise<RawClient> {
    const known = this.#clients.get(index);
    if (known !== undefined && !known.isEnded) return known;
    const client = await RawClient.connect(this.#place);
    this.#clients.set(index, client);
    if (this.#protocol === 3 && this.#password === null) await client.command(['HELLO', '3']);
    return client;
  }

  async flush(): Promise<void> {
    const client = await RawClient.connect(this.#place);
    if (this.#password !== null) await client.command(['AUTH', this.#password]);
    const reply = await client.command(['FLUSHALL']);
    client.close();
    if (reply.toString() !== '+OK\r\n') throw new Error(`FLUSHALL: ${reply.toString()}`);
  }

  async run(step: Step): Promise<Buffer[]> {
    const client = await this.client(step.connection);
    if (step.isScan) return [await scanAll(client, step)];
    void client.send(step.bytes);
    const replies: Buffer[] = [];
    for (let i = 0; i < step.replies; i++) {
      const reply = await client.replyOrEnd();
      replies.push(reply ?? CLOSED);
      if (reply === null) return replies;
    }
    if (step.thenEnd) replies.push((await client.replyOrEnd(END_MS).catch(() => Buffer.from('(open)'))) ?? CLOSED);
    return replies;
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
  }
}

/** All elements of a SCAN loop as one reply: sorted, each once. */
async function scanAll(client: RawClient, step: Step): Promise<Buffer> {
  const words = step.text.split(' ');
  const cursorAt = words.indexOf('0');
  // A field and its value are found together.
  const width = words[0] === 'HSCAN' ? 2 : 1;
  const found = new Set<string>();
  let cursor = '0';
  for (let calls = 0; calls < 10_000; calls++) {
    const bytes = await client.command([...words.slice(0, cursorAt), cursor, ...words.slice(cursorAt + 1)]);
    const [next, keys] = readReply(bytes)?.items ?? [];
    if (next?.bytes == null || keys === undefined) return bytes;
    for (let i = 0; i < keys.items.length; i += width) {
      const texts = keys.items.slice(i, i + width).map(({ bytes: one }) => one?.toString('latin1') ?? '(null)');
      found.add(texts.join(' '));
    }
    cursor = next.bytes.toString('latin1');
    if (cursor === '0') return encodeCommand([...found].sort().map((key) => Buffer.from(key, 'latin1')));
  }
  throw new Error(`${step.text}: the cursor never came back to 0`);
}

/** Runs one script on both servers, step by step, and compares and counts every reply. Returns the differences. */
export async function runScript(
  script: Script,
  protocol: Protocol,
  ports: Ports,
  counts: ReplyCounts,
): Promise<readonly string[]> {
  const redis = new Side(ports.redis, protocol, ports.password);
  const junokv = new Side(ports.junokv, protocol, ports.password);
  const differences: string[] = [];
  try {
    await Promise.all([redis.flush(), junokv.flush()]);
    for (const source of script.steps) {
      const step = toStep(source);
      if (step.pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, step.pauseMs));
      const [theirs, ours] = await Promise.all([runOn('redis', redis, step), runOn('junokv', junokv, step)]);
      const names = commandsOf(step.bytes).map(([name = '']) => name);
      theirs.forEach((_, i) => void counts.add(names[i] ?? names.at(-1) ?? ''));
      differences.push(...compareReplies(step, theirs, ours));
    }
  } finally {
    redis.close();
    junokv.close();
  }
  return differences;
}

async function runOn(name: string, side: Side, step: Step): Promise<Buffer[]> {
  try {
    return await side.run(step);
  } catch (error) {
    throw new Error(`${name}: ${step.text}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function compareReplies(step: Step, theirs: readonly Buffer[], ours: readonly Buffer[]): string[] {
  const differences: string[] = [];
  const count = Math.max(theirs.length, ours.length);
  for (let i = 0; i < count; i++) {
    const problem = compareOne(step, theirs[i] ?? CLOSED, ours[i] ?? CLOSED);
    if (problem === null) continue;
    differences.push(`${step.text}${count > 1 ? ` (reply ${i + 1})` : ''}: ${problem}`);
    // In a long pipeline one difference says it.
    if (differences.length >= 3) break;
  }
  return differences;
}

function compareOne(step: Step, redis: Buffer, junokv: Buffer): string | null {
  if (redis.equals(junokv)) return null;
  if (redis === CLOSED || junokv === CLOSED) return `\n    redis  ${redis.toString()}\n    junokv ${junokv.toString()}`;
  return step.compare.differ(redis, junokv);
}
