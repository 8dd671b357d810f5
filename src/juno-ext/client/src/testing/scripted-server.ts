import { createServer, type Server, type Socket } from 'node:net';
import type { ServerAddress } from '../types.ts';

/** One command as the server received it: name in upper case, then the arguments as latin1 text. */
export type Received = readonly string[];

/** RESP bytes to answer with (latin1), or what to do instead; a promise delays the answers after it, too. */
export type Answer = string | { readonly do: 'nothing' | 'hang-up' } | Promise<string>;

export type Script = (command: Received, connection: number) => Answer;

export const OK = '+OK\r\n';
export const HANG_UP: Answer = { do: 'hang-up' };
export const SILENCE: Answer = { do: 'nothing' };

export function bulk(value: string | Buffer): string {
  const text = Buffer.isBuffer(value) ? value.toString('latin1') : value;
  return `$${text.length}\r\n${text}\r\n`;
}

/** A map as RESP2 has it: numbers as integers, null as nil, texts as bulk strings, arrays as they are. */
export function flatMap(fields: Readonly<Record<string, string | number | null | readonly string[]>>): string {
  const entries = Object.entries(fields).map(([name, value]) => {
    if (Array.isArray(value)) return `${bulk(name)}*${value.length}\r\n${value.join('')}`;
    if (value === null) return `${bulk(name)}$-1\r\n`;
    return bulk(name) + (typeof value === 'number' ? `:${value}\r\n` : bulk(String(value)));
  });
  return `*${entries.length * 2}\r\n${entries.join('')}`;
}

export const CONTEXT = {
  recordVersion: 1,
  creationTime: 1_700_000_000_000,
  lastModified: 1_700_000_000_001,
  ttl: -1,
  pttl: -1,
  requestId: null,
};

/** The request id of a command, or null. */
export function idOf(command: Received): string | null {
  const at = command.indexOf('REQUESTID');
  return at < 0 ? null : (command[at + 1] ?? null);
}

/** Takes complete commands off the front of what was received. */
function takeCommands(text: string): { readonly commands: string[][]; readonly rest: string } {
  const commands: string[][] = [];
  let at = 0;
  for (;;) {
    const head = /^\*(\d+)\r\n/.exec(text.slice(at, at + 16));
    if (head === null) break;
    let position = at + head[0].length;
    const parts: string[] = [];
    for (let left = Number(head[1]); left > 0; left--) {
      const size = /^\$(\d+)\r\n/.exec(text.slice(position, position + 16));
      if (size === null) break;
      const start = position + size[0].length;
      const end = start + Number(size[1]);
      if (text.length < end + 2) break;
      parts.push(text.slice(start, end));
      position = end + 2;
    }
    if (parts.length < Number(head[1])) break;
    commands.push(parts);
    at = position;
  }
  return { commands, rest: text.slice(at) };
}

/** A RESP server that answers as a script says, and remembers what it received. PING has an answer of its own. */
export class ScriptedServer {
  readonly received: Received[] = [];
  /** How many commands each piece of data from a socket completed; PINGs alone not counted. */
  readonly commandsPerRead: number[] = [];
  connections = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly #ping: Answer;
  #script: Script;
  #port = 0;

  private constructor(script: Script, ping: Answer) {
    this.#script = script;
    this.#ping = ping;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(script: Script, port = 0, ping: Answer = '+PONG\r\n'): Promise<ScriptedServer> {
    const server = new ScriptedServer(script, ping);
    await server.listen(port);
    return server;
  }

  get address(): ServerAddress {
    return { host: '127.0.0.1', port: this.#port };
  }

  /** Commands of the tests, without the PINGs of new connections. */
  get commands(): Received[] {
    return this.received.filter(([name]) => name !== 'PING');
  }

  setScript(script: Script): void {
    this.#script = script;
  }

  listen(port = this.#port): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', () => {
        const address = this.#server.address();
        if (typeof address === 'object' && address !== null) this.#port = address.port;
        resolve();
      });
    });
  }

  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Stops listening and hangs up; `listen` takes the port again. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.hangUp();
    });
  }

  #serve(socket: Socket): void {
    const connection = this.connections++;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let rest = '';
    let turn: Promise<void> = Promise.resolve();
    socket.on('data', (data) => {
      const taken = takeCommands(rest + data.toString('latin1'));
      rest = taken.rest;
      const own = taken.commands.filter(([name]) => name !== 'PING').length;
      if (own > 0) this.commandsPerRead.push(own);
      for (const [name = '', ...args] of taken.commands) {
        const command = [name.toUpperCase(), ...args];
        this.received.push(command);
        const answer = command[0] === 'PING' ? this.#ping : this.#script(command, connection);
        turn = turn.then(async () => give(socket, await answer));
      }
    });
  }
}

function give(socket: Socket, answer: Awaited<Answer>): void {
  if (typeof answer === 'string') socket.write(answer, 'latin1');
  else if (answer.do === 'hang-up') socket.destroy();
}
