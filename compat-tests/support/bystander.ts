import { RawClient } from './raw-client.ts';

export interface BystanderReport {
  /** Pairs of SET and GET that were answered as they should be. */
  readonly rounds: number;
  /** What went wrong; empty if nothing. */
  readonly problems: readonly string[];
  /** The longest wait for one reply. */
  readonly longestMs: number;
}

const PAUSE_MS = 2;

/** A well-behaved client that writes and reads its own key all the while, to show that others do not harm it. */
export class Bystander {
  readonly #done: Promise<BystanderReport>;
  #stopped = false;

  constructor(port: number) {
    this.#done = this.#run(port);
  }

  /** Ends it, after at least one more round. */
  stop(): Promise<BystanderReport> {
    this.#stopped = true;
    return this.#done;
  }

  async #run(port: number): Promise<BystanderReport> {
    const problems: string[] = [];
    let rounds = 0;
    let longestMs = 0;
    const client = await RawClient.connect(port);
    const ask = async (expected: string, ...args: string[]): Promise<void> => {
      const startMs = performance.now();
      const reply = (await client.command(args)).toString();
      longestMs = Math.max(longestMs, performance.now() - startMs);
      if (reply !== expected) problems.push(`${args.join(' ')}: ${JSON.stringify(reply)}`);
    };
    try {
      do {
        const value = `value ${rounds}`;
        await ask('+OK\r\n', 'SET', 'bystander', value);
        await ask(`$${value.length}\r\n${value}\r\n`, 'GET', 'bystander');
        rounds += 1;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      } while (!this.#stopped && problems.length < 10);
    } catch (error) {
      problems.push(String(error));
    }
    client.close();
    return { rounds, problems, longestMs };
  }
}
