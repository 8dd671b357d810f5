import type { Socket } from 'node:net';
import { assert } from '../base/assert.ts';
import { limits } from '../base/limits.ts';
import type { ReplyWriter } from '../resp/reply-writer.ts';
import { bytesUnsent } from './client-socket.ts';
import type { PendingCommand } from './pending-command.ts';
import type { ProxyContext } from './proxy-context.ts';
import type { ReplyPlace } from './reply-queue.ts';
import { ReplyStream } from './reply-stream.ts';
import type { PagedItems } from './values/paged-items.ts';

/** The connection that streams. */
export interface StreamOwner {
  readonly id: number;
  readonly proxy: ProxyContext;
  /** There may be more to write. */
  drained(): void;
  /** Closes at once. */
  destroy(): void;
}

interface OpenStream {
  readonly stream: ReplyStream;
  readonly command: PendingCommand;
  /** Of the reply, given to the socket so far. */
  bytes: number;
}

/**
 * The streamed replies of one connection: the one that is being sent, and those behind it. An error cannot be answered any
 * more once the first line is out, so that a connection is closed where a stream cannot go on.
 */
export class StreamedReplies {
  readonly #owner: StreamOwner;
  readonly #socket: Socket;
  readonly #writer: ReplyWriter;
  readonly #open = new Map<ReplyPlace, OpenStream>();
  /** The one whose turn it is. */
  #sending: OpenStream | null = null;
  #sendingSinceMs = 0;
  /** What the client has taken of it, as of the last look, and since when it is so much. */
  #takenBytes = 0;
  #takenSinceMs = 0;
  #isCut = false;

  constructor(owner: StreamOwner, socket: Socket, writer: ReplyWriter) {
    this.#owner = owner;
    this.#socket = socket;
    this.#writer = writer;
  }

  get size(): number {
    return this.#open.size;
  }

  /** A command is answered so; from now on its pages stay. */
  add(command: PendingCommand, items: PagedItems): void {
    const { cluster, clock, clients } = this.#owner.proxy;
    const pages = cluster.openPages?.(command.namespace, command.key, items.recordId);
    assert(pages !== undefined, 'who answers so lets pages be read');
    const stream = new ReplyStream(items, pages, clients.streams, clock, () => this.#owner.drained());
    this.#open.set(command, { stream, command, bytes: 0 });
  }

  /** It is this place's turn: writes what can be written now. True once it is all written, or is no streamed reply. */
  send(head: ReplyPlace): boolean {
    const open = this.#open.get(head);
    if (open === undefined) return true;
    if (this.#sending !== open) this.#begin(open);
    const { stream } = open;
    // Above its mark the socket says when it has taken everything; below it nobody would call again.
    const enough = Math.max(this.#owner.proxy.clients.streams.windowBytes, this.#socket.writableHighWaterMark + 1);
    while (this.#writer.pendingBytes + this.#socket.writableLength < enough) {
      const part = stream.take();
      if (part === null) break;
      this.#writer.writePieces(part.pieces);
      open.bytes += part.lengthBytes;
    }
    if (stream.hasFailed && !this.#isCut)
      this.#cut('the pages of a large value are not to be had: its reply was cut off');
    if (!stream.isDone) return false;
    this.#sending = null;
    this.#end(head, open);
    return true;
  }

  /** Whether the client has taken nothing for too long, or takes too long in all. `nowMs` is monotonic. */
  isStalled(nowMs: number): boolean {
    if (this.#sending === null) return false;
    const takenBytes = this.#sending.bytes - bytesUnsent(this.#socket);
    if (takenBytes !== this.#takenBytes) {
      this.#takenBytes = takenBytes;
      this.#takenSinceMs = nowMs;
    }
    const isStalled = nowMs - this.#takenSinceMs > limits.streamStallMs;
    return isStalled || nowMs - this.#sendingSinceMs > limits.streamLifeMs;
  }

  /** The connection is gone. */
  close(): void {
    for (const [place, open] of this.#open) this.#end(place, open);
    this.#sending = null;
  }

  #begin(open: OpenStream): void {
    const nowMs = this.#owner.proxy.clock.monotonicMs();
    this.#sending = open;
    this.#sendingSinceMs = nowMs;
    this.#takenBytes = 0;
    this.#takenSinceMs = nowMs;
    const { reply, protocol } = open.command;
    assert(reply !== undefined, 'who is streamed is settled');
    this.#writer.protocol = protocol;
    this.#writer.write(reply);
  }

  #end(place: ReplyPlace, { stream, command, bytes }: OpenStream): void {
    this.#open.delete(place);
    stream.close();
    if (command.entry.onNamespace) this.#owner.proxy.namespaces.count(command.namespace, false, 0, 0, 0, bytes);
  }

  #cut(reason: string): void {
    const { log, clients, clock } = this.#owner.proxy;
    this.#isCut = true;
    clients.streams.cut++;
    log.warn({ client: this.#owner.id, command: this.#sending?.command.entry.row.name }, reason);
    clock.endOfTurn(() => this.#owner.destroy());
  }
}
