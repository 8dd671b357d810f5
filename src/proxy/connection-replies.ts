import type { Socket } from 'node:net';
import { limits } from '../base/limits.ts';
import type { Reply } from '../resp/reply.ts';
import { ReplyWriter } from '../resp/reply-writer.ts';
import type { ClientRegistry } from './client-registry.ts';
import { bytesUnsent } from './client-socket.ts';
import type { OutputBufferLimit } from './config-values.ts';
import { type PendingCommand, replySize } from './pending-command.ts';
import { ReplyQueue } from './reply-queue.ts';
import { StreamedReplies, type StreamOwner } from './streamed-replies.ts';
import { PagedItems } from './values/paged-items.ts';

/** The replies of one connection: their order, their encoding, and what the client has not read of them. */
export class ConnectionReplies {
  readonly #socket: Socket;
  readonly #clients: ClientRegistry;
  readonly #writer: ReplyWriter;
  readonly #queue = new ReplyQueue();
  /** Replies that are there but wait for an earlier one. */
  #readyBytes = 0;
  /** What the next reply may hold, from the replies so far. */
  #guessBytes: number = limits.firstReplyGuessBytes;
  #countedBytes = 0;
  /** As of the last look whether the client reads. */
  #unsentBytes = 0;
  /** Since when the soft limit has been exceeded; null while it is not. */
  #overSoftSinceMs: number | null = null;
  /** Made when it is needed. */
  #streams: StreamedReplies | null = null;

  constructor(socket: Socket, clients: ClientRegistry) {
    this.#socket = socket;
    this.#clients = clients;
    this.#writer = new ReplyWriter(clients.replyBlocks);
  }

  /** Commands whose replies are not written yet. */
  get awaited(): number {
    return this.#queue.length;
  }

  /** Replies that the client has not taken yet, in whatever stage. */
  get unreadBytes(): number {
    return this.#writer.pendingBytes + this.#socket.writableLength + this.#readyBytes;
  }

  /** Whether one more command may start without its reply, and those awaited, becoming more than may be unread. */
  get hasRoom(): boolean {
    const crowded = this.#clients.outputBufferBytes > limits.allOutputBytes;
    const room = (crowded ? limits.crowdedOutputBytes : limits.connectionOutputBytes) - this.unreadBytes;
    const awaited = this.#queue.length;
    return room > awaited * this.#guessBytes && awaited < limits.commandsInFlight;
  }

  /** Takes a place for the reply of a command that starts now. */
  await(command: PendingCommand): void {
    this.#queue.push(command);
  }

  /** A reply that is there already, after those that are not. */
  put(reply: Reply, protocol: 2 | 3): void {
    if (this.#queue.length === 0) {
      this.#write(reply, protocol);
      return;
    }
    const replyBytes = replySize(reply);
    this.#readyBytes += replyBytes;
    this.#queue.push({ reply, replyBytes, protocol, silent: false });
  }

  /** An awaited reply is there: writes what can be written now. `owner` is this connection. */
  settled(command: PendingCommand, owner: StreamOwner): void {
    if (command.reply instanceof PagedItems && !command.silent) {
      this.#streams ??= new StreamedReplies(owner, this.#socket, this.#writer);
      this.#streams.add(command, command.reply);
    }
    this.#guessBytes = Math.max(command.replyBytes, this.#guessBytes - (this.#guessBytes >> 3));
    this.#readyBytes += command.replyBytes;
    if (this.#queue.peek() === command) this.#writeReady();
  }

  /** Up to the first that is not there, or not all of it. */
  #writeReady(): void {
    for (let head = this.#queue.peek(); head?.reply !== undefined; head = this.#queue.peek()) {
      const isStreamed = head.reply instanceof PagedItems;
      if (isStreamed && this.#streams?.send(head) === false) return;
      this.#queue.shift();
      this.#readyBytes -= head.replyBytes;
      if (!head.silent && !isStreamed) this.#write(head.reply, head.protocol);
    }
  }

  /** Gives everything written to the socket, as one write. Returns how many bytes. */
  flush(): number {
    if (this.#streams !== null && this.#streams.size > 0) this.#writeReady();
    const bytes = this.#writer.pendingBytes;
    if (bytes > 0 && this.#socket.writable) {
      const chunks = this.#writer.takeChunks();
      if (chunks.length > 1) this.#socket.cork();
      for (const chunk of chunks) this.#socket.write(chunk);
      if (chunks.length > 1) this.#socket.uncork();
    }
    if (this.#socket.writableLength === 0) this.#writer.sent();
    const unread = this.unreadBytes;
    this.#clients.outputBufferBytes += unread - this.#countedBytes;
    this.#countedBytes = unread;
    return bytes;
  }

  /** Takes this connection out of the common total. */
  leave(): void {
    this.#streams?.close();
    this.#clients.outputBufferBytes -= this.#countedBytes;
    this.#countedBytes = 0;
  }

  /** Whether the client has taken some of its replies since the last call. */
  isBeingRead(): boolean {
    const unsentBytes = bytesUnsent(this.#socket);
    const moved = unsentBytes !== this.#unsentBytes;
    this.#unsentBytes = unsentBytes;
    return moved;
  }

  /** The client is idle: lets go of memory that comes back with its next command. */
  trim(): void {
    this.#queue.trim();
    // TLS takes what is written only after `flush` has looked.
    if (this.#socket.writableLength === 0) this.#writer.sent();
  }

  /** Whether to disconnect this client: client-output-buffer-limit says so, or it does not read a streamed reply. `nowMs` is monotonic. */
  isOver(limit: OutputBufferLimit, nowMs: number): boolean {
    if (this.#streams?.isStalled(nowMs) === true) return true;
    const bytes = this.unreadBytes;
    if (limit.hardBytes > 0 && bytes > limit.hardBytes) return true;
    if (limit.softBytes === 0 || bytes <= limit.softBytes) {
      this.#overSoftSinceMs = null;
      return false;
    }
    this.#overSoftSinceMs ??= nowMs;
    return nowMs - this.#overSoftSinceMs > limit.softSeconds * 1000;
  }

  #write(reply: Reply, protocol: 2 | 3): void {
    this.#writer.protocol = protocol;
    this.#writer.write(reply);
  }
}
