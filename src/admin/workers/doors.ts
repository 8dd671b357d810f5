import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { limits } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import { removeDeadSocket } from '../../proxy/unix-socket.ts';
import { hasTlsPort, otherPorts } from '../client-ports.ts';
import { listenProblem, socketProblem } from '../listen-problem.ts';
import type { Configuration } from '../option-table.ts';
import type { ListeningPlace } from '../running.ts';
import type { Door } from './worker-messages.ts';
import type { PassedHandle } from './worker-process.ts';

/** Who takes the connections that came in. */
export type Receive = (door: Door, handle: PassedHandle) => void;

export type OpenedDoors =
  | { readonly ok: true; readonly doors: Doors }
  | { readonly ok: false; readonly problem: string };

/** Where the clients of a proxy come in whose workers are processes of their own: the ports stay open while workers come and go. */
export class Doors {
  readonly #servers: Server[] = [];
  readonly #log: Log;
  readonly #receive: Receive;
  readonly places: ListeningPlace[] = [];
  /** Of the plain ones; 0: there is none. */
  plainPort = 0;

  private constructor(log: Log, receive: Receive) {
    this.#log = log;
    this.#receive = receive;
  }

  /** Listens on every address that the options name. The plain ones get the same port, also when any free one will do. */
  static async open(config: Configuration, log: Log, receive: Receive): Promise<OpenedDoors> {
    const doors = new Doors(log, receive);
    const problem = await doors.#openAll(config);
    if (problem === null) return { ok: true, doors };
    doors.close();
    return { ok: false, problem };
  }

  /** No new connections from now on; a Unix socket's file is removed. */
  close(): void {
    for (const server of this.#servers) if (server.listening) server.close();
  }

  async #openAll(config: Configuration): Promise<string | null> {
    const { bind, port, unixsocket, unixsocketperm } = config;
    const isPlain = !hasTlsPort(config) || port !== 0;
    for (const host of isPlain ? bind : []) {
      const problem = await this.#open('plain', host, this.plainPort || port, '--port');
      if (problem !== null) return problem;
    }
    if (unixsocket !== '') {
      const problem = await this.#openSocket(unixsocket, unixsocketperm);
      if (problem !== null) return problem;
    }
    for (const other of otherPorts(config)) {
      for (const host of bind) {
        const problem = await this.#open(other.door, host, other.port, other.option, other.isTls);
        if (problem !== null) return problem;
      }
    }
    return null;
  }

  async #open(door: Door, host: string, port: number, option: string, isTls = false): Promise<string | null> {
    try {
      const server = await this.#listen(door, { host, port });
      const bound = server.address();
      const listening = bound !== null && typeof bound === 'object' ? bound.port : port;
      if (door === 'plain') this.plainPort = listening;
      this.places.push({ host, port: listening, ...(isTls ? { isTls } : {}) });
      return null;
    } catch (error) {
      return listenProblem(error, host, port, option);
    }
  }

  async #openSocket(path: string, mode: number): Promise<string | null> {
    try {
      await removeDeadSocket(path);
      await this.#listen('unix', { path });
      if (mode !== 0) chmodSync(path, mode);
      return null;
    } catch (error) {
      return socketProblem(error, path);
    }
  }

  #listen(
    door: Door,
    where: { readonly host: string; readonly port: number } | { readonly path: string },
  ): Promise<Server> {
    // Not read from here: what clients send waits for the worker.
    const server = createServer({ pauseOnConnect: true }, (socket) => this.#accepted(door, socket));
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ ...where, backlog: limits.tcpBacklog }, () => {
        server.off('error', reject);
        server.on('error', (error) => this.#log.error({ err: error }, 'cannot accept client connections'));
        resolve(server);
      });
    });
  }

  /** Only the handle goes on: the socket would be kept, and told of, at both ends. */
  #accepted(door: Door, socket: Socket): void {
    const handle: unknown = Reflect.get(socket, '_handle');
    Reflect.set(socket, '_handle', null);
    socket.destroy();
    if (isHandle(handle)) this.#receive(door, handle);
  }
}

function isHandle(handle: unknown): handle is PassedHandle {
  return typeof handle === 'object' && handle !== null && 'close' in handle;
}
