import { type Comparison, exactly, oneByOne } from '../support/comparisons.ts';
import { RawClient } from '../support/raw-client.ts';
import type { ReplyCounts } from '../support/reply-counts.ts';
import { type Argument, encodeCommand } from '../support/request.ts';
import type { Ports } from '../support/run-script.ts';

export interface Asked {
  /** A string is Latin-1. */
  readonly words: readonly Argument[];
  readonly compare: Comparison;
}

/** Stands for the port of the third server that belongs to the server asked. */
export const TARGET_PORT = 'port of the target';

/** Where MIGRATE goes to, from either server. */
export interface TargetPorts {
  readonly theirs: number;
  readonly ours: number;
}

export interface Answers {
  readonly theirs: Buffer;
  readonly ours: Buffer;
}

/** One connection to either server, empty at first, over which the same commands go, many in one write. */
export class ServerPair {
  readonly #ports: Ports;
  readonly #settings: readonly string[];
  readonly #counts: ReplyCounts;
  readonly #targets: TargetPorts | null;
  #theirs: RawClient | null = null;
  #ours: RawClient | null = null;

  /** `settings`: parameters and values for CONFIG SET. */
  constructor(ports: Ports, settings: readonly string[], counts: ReplyCounts, targets: TargetPorts | null = null) {
    this.#ports = ports;
    this.#settings = settings;
    this.#counts = counts;
    this.#targets = targets;
  }

  close(): void {
    this.#theirs?.close();
    this.#ours?.close();
    this.#theirs = null;
    this.#ours = null;
  }

  /** The same to both. */
  send(commands: readonly (readonly Argument[])[]): Promise<Answers[]> {
    return this.sendApart(commands, commands);
  }

  /** As many to each. */
  async sendApart(
    toTheirs: readonly (readonly Argument[])[],
    toOurs: readonly (readonly Argument[])[],
  ): Promise<Answers[]> {
    const [theirs, ours] = await this.#clients();
    try {
      const [a, b] = await Promise.all([
        askAll(theirs, withTarget(toTheirs, this.#targets?.theirs)),
        askAll(ours, withTarget(toOurs, this.#targets?.ours)),
      ]);
      return a.map((reply, i) => ({ theirs: reply, ours: b[i] ?? reply }));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Sends all to both; what is wrong with the first pair of answers that differs, or null. Those to EXEC are compared as the commands queued. */
  async compare(commands: readonly Asked[]): Promise<string | null> {
    const answers = await this.send(commands.map(({ words }) => words));
    let queued: Comparison[] | null = null;
    for (const [i, { theirs, ours }] of answers.entries()) {
      const { words, compare } = commands[i] ?? { words: [], compare: exactly };
      const name = String(words[0]).toUpperCase();
      this.#counts.add(name);
      const comparison: Comparison = queued !== null && name === 'EXEC' ? oneByOne(queued) : compare;
      if (name === 'EXEC' || name === 'DISCARD') queued = null;
      else if (queued !== null && theirs.equals(QUEUED)) queued.push(compare);
      else if (name === 'MULTI') queued ??= [];
      const isQueued = theirs.equals(QUEUED) || ours.equals(QUEUED);
      const problem = theirs.equals(ours) ? null : (isQueued ? exactly : comparison).differ(theirs, ours);
      if (problem === null) continue;
      const shown = words.slice(0, 12).map((one) => JSON.stringify(one.toString('latin1').slice(0, 60)));
      return `command ${i + 1}, ${shown.join(' ')}: ${problem}`;
    }
    return null;
  }

  async #clients(): Promise<[RawClient, RawClient]> {
    if (this.#theirs !== null && this.#ours !== null) return [this.#theirs, this.#ours];
    this.close();
    this.#theirs = await RawClient.connect(this.#ports.redis);
    this.#ours = await RawClient.connect(this.#ports.junokv);
    for (const client of [this.#theirs, this.#ours]) {
      for (const words of [['FLUSHALL'], ['CONFIG', 'SET', ...this.#settings]]) {
        const answer = await client.command(words);
        if (answer.toString() !== '+OK\r\n') throw new Error(`${words[0]}: ${answer.toString()}`);
      }
    }
    return [this.#theirs, this.#ours];
  }
}

const QUEUED = Buffer.from('+QUEUED\r\n');

function withTarget(
  commands: readonly (readonly Argument[])[],
  port: number | undefined,
): readonly (readonly Argument[])[] {
  if (port === undefined) return commands;
  return commands.map((words) => words.map((word) => (word === TARGET_PORT ? String(port) : word)));
}

async function askAll(client: RawClient, commands: readonly (readonly Argument[])[]): Promise<Buffer[]> {
  void client.send(Buffer.concat(commands.map(encoded)));
  const replies: Buffer[] = [];
  for (let i = 0; i < commands.length; i++) replies.push(await client.reply());
  return replies;
}

/** Texts as one text: a buffer for each of thousands of words takes longer than the servers take. */
function encoded(words: readonly Argument[]): Buffer {
  let text = `*${words.length}\r\n`;
  for (const word of words) {
    if (typeof word !== 'string') {
      return encodeCommand(words.map((one) => (typeof one === 'string' ? Buffer.from(one, 'latin1') : one)));
    }
    text += `$${word.length}\r\n${word}\r\n`;
  }
  return Buffer.from(text, 'latin1');
}
