import { RawClient } from '../compat-tests/support/raw-client.ts';
import { encodeCommand } from '../compat-tests/support/request.ts';
import { readReply, showReply } from '../compat-tests/support/resp-reply.ts';

const VALUE_BYTES = 4_096;
const PIPELINE = 64;
const READ_TOGETHER = 50;
const CONNECTIONS = 4;
const REPLY_MS = 60_000;

/** Keys that are written once and never changed: what moves while others are written. */
export class BulkData {
  readonly #keys: number;

  constructor(megabytes: number) {
    this.#keys = Math.ceil((megabytes * 1_048_576) / VALUE_BYTES);
  }

  get keys(): number {
    return this.#keys;
  }

  /** Of values, in one replica. */
  get bytes(): number {
    return this.#keys * VALUE_BYTES;
  }

  async write(port: number): Promise<void> {
    await this.#inParts(port, async (client, from, to) => {
      for (let first = from; first < to; first += PIPELINE) {
        const numbers = range(first, Math.min(to, first + PIPELINE));
        void client.send(
          Buffer.concat(numbers.map((number) => encodeCommand(['SET', bulkKey(number), bulkValue(number)]))),
        );
        for (const number of numbers) {
          const reply = await client.replyOrEnd(REPLY_MS);
          const text = reply === null ? 'no answer' : reply.toString();
          if (text !== '+OK\r\n') throw new Error(`SET ${bulkKey(number)}: ${text}`);
        }
      }
    });
  }

  /** Reads everything; what is not as it was written. */
  async check(port: number): Promise<string[]> {
    const problems: string[] = [];
    await this.#inParts(port, async (client, from, to) => {
      for (let first = from; first < to; first += READ_TOGETHER) {
        const numbers = range(first, Math.min(to, first + READ_TOGETHER));
        const reply = readReply(await client.command(['MGET', ...numbers.map(bulkKey)]));
        if (reply === null || reply.type !== '*') {
          problems.push(`MGET from ${bulkKey(first)}: ${reply === null ? 'nothing' : showReply(reply)}`);
          continue;
        }
        for (const [index, number] of numbers.entries()) {
          const value = reply.items[index]?.bytes?.toString() ?? null;
          if (value !== bulkValue(number))
            problems.push(`${bulkKey(number)}: ${value === null ? 'no key' : 'another value'}`);
        }
      }
    });
    return problems;
  }

  async #inParts(port: number, work: (client: RawClient, from: number, to: number) => Promise<void>): Promise<void> {
    const part = Math.ceil(this.#keys / CONNECTIONS);
    const each = Array.from({ length: CONNECTIONS }, async (_, index) => {
      const client = await RawClient.connect(port);
      await work(client, index * part, Math.min(this.#keys, (index + 1) * part));
      client.close();
    });
    await Promise.all(each);
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
}

function bulkKey(number: number): string {
  return `bulk-${number}`;
}

function bulkValue(number: number): string {
  return `value of ${number};`.repeat(VALUE_BYTES).slice(0, VALUE_BYTES);
}
