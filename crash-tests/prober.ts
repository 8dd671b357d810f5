import { RawClient } from '../compat-tests/support/raw-client.ts';

const PAUSE_MS = 1;
const PONG = '+PONG\r\n';

/** A client that sends PING again and again, to see how long others make it wait. */
export class Prober {
  readonly #client: RawClient;
  readonly #done: Promise<void>;
  #isStopped = false;
  #pings = 0;
  #worstMs = 0;
  #problem: string | null = null;

  private constructor(client: RawClient) {
    this.#client = client;
    this.#done = this.#run();
  }

  static async start(port: number): Promise<Prober> {
    return new Prober(await RawClient.connect(port));
  }

  /** The longest wait since the last call, in words. */
  take(): string {
    const text = `${this.#pings} pings, the slowest took ${this.#worstMs.toFixed(0)} ms`;
    this.#pings = 0;
    this.#worstMs = 0;
    return text;
  }

  /** Empty when every PING was answered. */
  async stop(): Promise<readonly string[]> {
    this.#isStopped = true;
    await this.#done;
    this.#client.close();
    return this.#problem === null ? [] : [this.#problem];
  }

  async #run(): Promise<void> {
    try {
      while (!this.#isStopped) {
        const startMs = performance.now();
        const reply = (await this.#client.command(['PING'])).toString('latin1');
        if (reply !== PONG) throw new Error(`PING was answered ${reply}`);
        this.#pings += 1;
        this.#worstMs = Math.max(this.#worstMs, performance.now() - startMs);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    } catch (error) {
      this.#problem = String(error);
    }
  }
}
