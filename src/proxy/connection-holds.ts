import { isBarrier } from './command.ts';
import type { CommandEntry } from './command-table.ts';
import { ConnectionIdentity } from './connection-identity.ts';
import type { Room, RoomClient, RoomWait } from './memory/memory-limit.ts';

/** A connection whose next command may have to wait: for the end of a pause, for those before it, for room on the nodes. */
export abstract class ConnectionHolds extends ConnectionIdentity implements RoomClient {
  /** RoomClient. */
  roomWait: RoomWait | null = null;
  /** Made when it is needed. */
  #resume: (() => void) | null = null;

  /** What made a command wait may be over: the connection goes on, in this turn or the next. */
  protected abstract scheduleFlush(): void;

  /** Whether the command may start, or be queued. Where it must wait, the end of what it waits for wakes the connection. */
  protected gate(entry: CommandEntry, args: readonly Buffer[], isQueued: boolean, awaited: number): Room {
    const { clients, memory } = this.proxy;
    if (!isQueued) {
      if (clients.holdsBack(this.willWrite(entry))) {
        clients.onUnpause(this.#waker());
        return 'wait';
      }
      if (isBarrier(entry.row.handler?.kind) && awaited > 0) return 'wait';
    }
    if (!memory.isLimited) return 'there';
    const room = memory.check(this, entry, args, awaited > 0);
    if (room === 'wait') memory.onRoom(this.#waker());
    else if (room === 'there' && !isQueued) this.roomWait = null;
    return room;
  }

  /** The connection waits no more. */
  protected forgetHolds(): void {
    if (this.#resume === null) return;
    this.proxy.clients.forgetUnpause(this.#resume);
    this.proxy.memory.forget(this.#resume);
  }

  #waker(): () => void {
    this.#resume ??= () => this.scheduleFlush();
    return this.#resume;
  }
}
