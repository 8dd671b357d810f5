import { limits } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import { ErrorReply } from '../../resp/reply.ts';
import type { NodeId } from '../../rpc/transport.ts';
import type { CommandEntry } from '../command-table.ts';
import { requestSize } from '../pending-command.ts';
import type { TransactionState } from '../transaction-state.ts';
import { Evictor, type EvictorParts } from './evictor.ts';
import type { MemoryPort, NodeMemory } from './memory-port.ts';

/** In Redis's words. */
export const OUT_OF_MEMORY = new ErrorReply("OOM command not allowed when used memory > 'maxmemory'.");

/** Run behind MULTI whatever room there is, as in Redis. */
const ENDING: ReadonlySet<string> = new Set(['discard', 'quit', 'reset']);

/** Whether there is room for a command; `none`: it is refused. */
export type Room = 'there' | 'wait' | 'none';

/** Since when a client's command waits for room, and which look at the nodes must be over before it can be refused. */
export interface RoomWait {
  readonly sinceMs: number;
  readonly look: number;
}

/** A connection whose command may need room. */
export interface RoomClient {
  readonly transaction: TransactionState | null;
  /** Kept from one command to the next as long as no command starts between them: what refused the one refuses the other. */
  roomWait: RoomWait | null;
}

const NO_NODES: MemoryPort = {
  look: (done) => done([]),
  gather: async () => ({ candidates: [], complete: true }),
};

export interface MemoryLimitParts extends Omit<EvictorParts, 'port'> {
  readonly port: EvictorParts['port'] | null;
  readonly log: Log;
}

/**
 * `maxmemory`: what each storage node may hold of live values in memory. The proxy knows by looks at all nodes, ten a second
 * and more while there is little room, and counts what it has let through since the last one. What would grow is let through
 * while the fullest node is below the limit; over it, commands wait for evictions to make room, or, where nothing is to be
 * evicted, are refused. So a node may be over the limit by what all proxies let through between two looks: limits.memorySlack.
 */
export class MemoryLimit {
  readonly #parts: MemoryLimitParts;
  readonly #evictor: Evictor;
  #fullest: NodeMemory | null = null;
  /** What was let through since the last look began, and of that what since the look that is under way began. */
  #sentBytes = 0;
  #sentSinceLook = 0;
  #looksBegun = 0;
  #looksDone = 0;
  #waiting = new Set<() => void>();
  #isEvicting = false;
  /** Of the configuration, at the last look: since CONFIG SET the limit may be another one, or have been away. */
  #revision = -1;
  #revisionAtLook = -1;
  /** The policy that found nothing to evict on the fullest node. */
  #emptyHanded = '';
  /** By the last round, less twice what was let through for it. */
  #freedBytes = 0;
  /** Monotonic: no eviction is tried before then. */
  #evictNotBeforeMs = 0;
  #hasWarned = false;

  constructor(parts: MemoryLimitParts) {
    this.#parts = parts;
    const { port } = parts;
    this.#evictor = new Evictor({ ...parts, port: port ?? NO_NODES });
  }

  /** Whether commands have to ask. */
  get isLimited(): boolean {
    return this.#parts.config.maxmemoryBytes !== 0 && this.#parts.port !== null;
  }

  /** Live values of the fullest node at the last look; null: it is not known. */
  get usedBytes(): number | null {
    return this.#fullest === null ? null : this.#fullest.liveBytes;
  }

  /** The regular look. Without a limit only until it is known what the nodes keep their records in. */
  tick(): void {
    const { config } = this.#parts;
    if (config.maxmemoryBytes === 0) {
      this.#wake();
      this.#fullest = null;
      if (config.storageEngine !== 'unknown') return;
    }
    this.#look();
  }

  /**
   * Whether a command may go on, must wait (`onRoom` tells when to ask again) or is refused. `isBehind`: commands of the client
   * before it are under way; they may make room.
   */
  check(client: RoomClient, entry: CommandEntry, args: readonly Buffer[], isBehind: boolean): Room {
    const bytes = bytesNeeded(client.transaction, entry, args);
    if (bytes === null) return 'there';
    const { config, clock } = this.#parts;
    const limitBytes = config.maxmemoryBytes;
    const isOver = (this.#fullest?.liveBytes ?? 0) > limitBytes;
    const evicts = config.maxmemoryPolicy !== 'noeviction' && config.maxmemoryPolicy !== this.#emptyHanded;
    const slackBytes = this.#slackBytes(limitBytes);
    const roomBytes = limitBytes + slackBytes - (this.#fullest?.liveBytes ?? 0);
    const isFresh = this.#revision === config.revision;
    const isEvicting = isOver && evicts;
    const hasRoom = this.#sentBytes < roomBytes;
    // Far over a limit that was lowered, clients go on at half the pace of the evictions.
    if (isFresh && (isEvicting ? hasRoom || this.#freedBytes > 0 : hasRoom && !isOver)) {
      client.roomWait = null;
      if (!hasRoom) this.#freedBytes -= 2 * bytes;
      this.#sentBytes += bytes;
      this.#sentSinceLook += bytes;
      if (!isEvicting && this.#sentBytes > slackBytes / 2) this.#look();
      return 'there';
    }
    if (isBehind) return 'wait';
    const wait = client.roomWait;
    if (wait !== null) {
      // Redis, too, goes on while it evicts and cannot keep up.
      if (clock.monotonicMs() - wait.sinceMs >= limits.memoryWaitMs) return evicts ? 'there' : 'none';
      if (isOver && this.#looksDone >= wait.look && !evicts) return 'none';
    } else {
      // Two looks: a replica may be a moment behind the majority that a deletion was answered by.
      client.roomWait = { sinceMs: clock.monotonicMs(), look: this.#looksBegun + 2 };
    }
    // What evicts looks when it has made room, and the tick does: no sooner.
    if (!isFresh || !isEvicting) this.#look();
    return 'wait';
  }

  /** Calls `resume` once, when it is worth asking again. */
  onRoom(resume: () => void): void {
    this.#waiting.add(resume);
  }

  forget(resume: () => void): void {
    this.#waiting.delete(resume);
  }

  /** Over the limit commands of this proxy may send so much before the next look. */
  #slackBytes(limitBytes: number): number {
    const share = Math.max(limits.memorySlackMinBytes, limitBytes * limits.memorySlack);
    return Math.min(limits.memorySlackMaxBytes, share) / this.#parts.config.workers;
  }

  #look(): void {
    const { port } = this.#parts;
    if (port === null || this.#looksBegun > this.#looksDone) return;
    this.#looksBegun++;
    this.#sentSinceLook = 0;
    this.#revisionAtLook = this.#parts.config.revision;
    port.look((nodes) => {
      this.#looksDone++;
      this.#revision = this.#revisionAtLook;
      this.#sentBytes = this.#sentSinceLook;
      this.#heard(nodes);
      this.#wake();
    });
  }

  #heard(nodes: readonly NodeMemory[]): void {
    const { config, log } = this.#parts;
    if (nodes.length > 0) config.noteEngine(nodes.every(({ isMemory }) => isMemory) ? 'memory' : 'rocksdb');
    let fullest: NodeMemory | null = null;
    for (const node of nodes) {
      if (node.isMemory && (fullest === null || node.liveBytes > fullest.liveBytes)) fullest = node;
    }
    this.#fullest = fullest;
    if (config.maxmemoryBytes !== 0 && config.storageEngine === 'rocksdb' && !this.#hasWarned) {
      this.#hasWarned = true;
      log.warn({}, 'maxmemory limits storage nodes with --engine memory only: here are others');
    }
    const isOver = config.maxmemoryBytes !== 0 && (fullest?.liveBytes ?? 0) > config.maxmemoryBytes;
    if (!isOver) this.#emptyHanded = '';
    else if (this.#hasNoVictims(fullest)) this.#emptyHanded = config.maxmemoryPolicy;
    else this.#evict();
  }

  /** Evicts until the fullest node is below the limit, a round at a time. */
  #evict(): void {
    const { clock, config, log } = this.#parts;
    // Another policy may find something.
    const isOther = this.#emptyHanded !== '' && this.#emptyHanded !== config.maxmemoryPolicy;
    if (this.#isEvicting || (clock.monotonicMs() < this.#evictNotBeforeMs && !isOther)) return;
    this.#isEvicting = true;
    this.#rounds().then(
      () => {
        this.#isEvicting = false;
      },
      (error: unknown) => {
        this.#isEvicting = false;
        this.#evictNotBeforeMs = clock.monotonicMs() + limits.evictionRetryMs;
        log.warn({ err: error }, 'keys could not be evicted');
      },
    );
  }

  async #rounds(): Promise<void> {
    const { clock } = this.#parts;
    for (;;) {
      const node = this.#over();
      if (node === null) return;
      const startedMs = clock.monotonicMs();
      const result = await this.#evictor.round(node.nodeId, node.bytes);
      this.#emptyHanded = result === 'nothing' ? this.#parts.config.maxmemoryPolicy : '';
      this.#freedBytes = typeof result === 'number' ? result : 0;
      if (typeof result !== 'number') {
        const endedMs = clock.monotonicMs();
        // To find nothing takes a look at all that the node has.
        const paceMs = result === 'nothing' ? (endedMs - startedMs) * limits.evictionEmptyPace : 0;
        const pauseMs = Math.min(limits.evictionEmptyRetryMs, Math.max(limits.evictionRetryMs, paceMs));
        this.#evictNotBeforeMs = endedMs + pauseMs;
        this.#wake();
        return;
      }
      await this.#nextLook();
    }
  }

  /** Known without a look at its records. */
  #hasNoVictims(node: NodeMemory | null): boolean {
    return this.#parts.config.maxmemoryPolicy.startsWith('volatile-') && node?.expiringRecords === 0;
  }

  /** The fullest node and how much is to go; null: it has room, or nothing is to be evicted. */
  #over(): { readonly nodeId: NodeId; readonly bytes: number } | null {
    const { maxmemoryBytes, maxmemoryPolicy, workers } = this.#parts.config;
    const fullest = this.#fullest;
    if (fullest === null || maxmemoryBytes === 0) return null;
    if (maxmemoryPolicy === 'noeviction' || fullest.liveBytes <= maxmemoryBytes) return null;
    // A little more than needed, or each write would have to wait for an eviction of its own.
    const bytes = fullest.liveBytes - maxmemoryBytes + this.#slackBytes(maxmemoryBytes) / 2;
    // All workers of a proxy evict at once, each its part.
    return { nodeId: fullest.nodeId, bytes: Math.ceil(bytes / workers) };
  }

  /** After a look that begins now. */
  #nextLook(): Promise<void> {
    const wanted = this.#looksBegun + 1;
    return new Promise((resolve) => {
      const again = (): void => {
        if (this.#looksDone >= wanted || this.#parts.config.maxmemoryBytes === 0) {
          resolve();
          return;
        }
        this.onRoom(again);
        this.#look();
      };
      again();
    });
  }

  #wake(): void {
    if (this.#waiting.size === 0) return;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const resume of waiting) resume();
  }
}

/** How much a command may add, by its arguments; null: it needs no room. Behind MULTI everything does, as in Redis. */
function bytesNeeded(
  transaction: TransactionState | null,
  entry: CommandEntry,
  args: readonly Buffer[],
): number | null {
  const queued = transaction?.queued ?? null;
  if (queued === null || transaction === null) {
    return entry.grows ? requestSize(args) + args.length * limits.memoryArgumentBytes : null;
  }
  if (entry.row.name !== 'exec') return ENDING.has(entry.row.name) ? null : 0;
  if (!queued.some((command) => command.entry.grows)) return null;
  return transaction.heldBytes + queued.length * limits.memoryArgumentBytes;
}
