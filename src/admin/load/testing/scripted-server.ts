import { createServer, type Server, type Socket } from 'node:net';
import { RequestParser } from '../../../resp/request-parser.ts';

/** Answers one request; null: never. */
export type Script = (words: readonly string[], requestNumber: number) => string | null;

/** A server that answers as a script says, and can be made to stall. */
export class ScriptedServer {
  requests = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #waiting: (() => void)[] = [];
  #isStalled = false;

  constructor(script: Script) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      const parser = new RequestParser(true);
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('data', (chunk) => {
        parser.push(chunk);
        let replies = '';
        for (let args = parser.next(); args !== null; args = parser.next()) {
          replies +=
            script(
              args.map((word) => word.toString('latin1')),
              this.requests++,
            ) ?? '';
        }
        if (this.#isStalled) this.#waiting.push(() => socket.write(replies));
        else if (replies !== '') socket.write(replies);
      });
    });
  }

  /** Resolves to the port. */
  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => {
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  }

  /** No answers for so long; those that were due come then. */
  stall(ms: number): void {
    this.#isStalled = true;
    setTimeout(() => {
      this.#isStalled = false;
      for (const answer of this.#waiting.splice(0)) answer();
    }, ms);
  }

  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.dropConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
