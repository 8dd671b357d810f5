import type { ChildServer } from '../compat-tests/support/child-server.ts';

/** Runs the command that follows it with Node's inspector open, on any free port of the loopback. */
export const INSPECTED: readonly string[] = ['env', 'NODE_OPTIONS=--inspect=127.0.0.1:0'];

/** Handing over a long profile takes a while. */
const CALL_MS = 60_000;

interface Message {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

/** Node's inspector protocol over a WebSocket. https://chromedevtools.github.io/devtools-protocol/v8/ */
export class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (message: Message) => void>();
  #lastId = 0;
  #ended: string | null = null;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const message: Message = JSON.parse(String(data));
      // Events, which have no id, are not for us.
      if (message.id !== undefined) this.#waiting.get(message.id)?.(message);
    });
    socket.addEventListener('close', () => {
      this.#ended = 'the inspector closed the connection';
    });
  }

  /** Of a process that was started by INSPECTED. */
  static connect(server: Pick<ChildServer, 'name' | 'output'>): Promise<Inspector> {
    const url = /Debugger listening on (ws:\/\/\S+)/.exec(server.output)?.[1];
    if (url === undefined) throw new Error(`${server.name} has no inspector: ${server.output}`);
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      socket.addEventListener('open', () => resolve(new Inspector(socket)));
      socket.addEventListener('error', () => reject(new Error(`no connection to the inspector of ${server.name}`)));
    });
  }

  /** The result is what the protocol says of this method. Throws where it is answered with an error, or not at all. */
  async call<T>(method: string, params: object = {}): Promise<T> {
    if (this.#ended !== null) throw new Error(`${method}: ${this.#ended}`);
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = await new Promise<Message>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method}: no answer within ${CALL_MS} ms`)), CALL_MS);
      this.#waiting.set(id, (message) => {
        clearTimeout(timer);
        resolve(message);
      });
      this.#socket.send(JSON.stringify({ id, method, params }));
    }).finally(() => this.#waiting.delete(id));
    if (answer.result === undefined) throw new Error(`${method}: ${answer.error?.message ?? 'no result'}`);
    return answer.result as T;
  }

  close(): void {
    this.#socket.close();
  }
}
