import type { Clock } from '../../base/clock.ts';
import { type BackupLink, bytesOf, itemsOf, pause } from '../backup/backup-link.ts';
import type { BackupProgress } from '../backup/backup-progress.ts';

/** What one key version seals, on all nodes together. */
export interface VersionUse {
  readonly keyVersion: number;
  records: number;
  pages: number;
  bytes: number;
}

/** What a pass over everything that all nodes hold has found. */
export interface KeyUsePass {
  /** By version. */
  readonly uses: ReadonlyMap<number, VersionUse>;
  /** Records and pages that were sealed anew. */
  readonly resealed: number;
  /** Those that were not: too few nodes answered, or nothing opens them. */
  readonly failed: number;
  /** Records and pages whose bytes are damaged where they lie. */
  readonly unreadable: number;
}

export interface KeyUseRequest {
  readonly link: BackupLink;
  readonly clock: Clock;
  readonly progress: BackupProgress;
  readonly shards: number;
  /** Seal anew what the active version does not seal; else only count. */
  readonly reseal: boolean;
  /** 0: as fast as it goes. */
  readonly bytesPerSecond: number;
}

/** Shards that are looked at together. */
const SHARDS_AT_ONCE = 4;
const PARTS = ['RECORDS', 'PAGES'] as const;

/**
 * Looks at everything that every node holds: for records and then for pages, node after node, shard after shard. So what one
 * node's turn has sealed anew has reached the others by theirs. Throws BackupProblem.
 */
export function passOverKeyUse(request: KeyUseRequest): Promise<KeyUsePass> {
  return new Pass(request).run();
}

class Pass {
  readonly #request: KeyUseRequest;
  readonly #uses = new Map<number, VersionUse>();
  readonly #startedMs: number;
  /** Known from the first answer on. */
  #replicas = 1;
  #resealed = 0;
  #failed = 0;
  #unreadable = 0;
  #bytes = 0;
  #shardsDone = 0;

  constructor(request: KeyUseRequest) {
    this.#request = request;
    this.#startedMs = request.clock.monotonicMs();
  }

  async run(): Promise<KeyUsePass> {
    for (const part of PARTS) {
      for (let replica = 0; replica < this.#replicas; replica++) await this.#everyShard(part, replica);
    }
    return { uses: this.#uses, resealed: this.#resealed, failed: this.#failed, unreadable: this.#unreadable };
  }

  async #everyShard(part: (typeof PARTS)[number], replica: number): Promise<void> {
    const { shards } = this.#request;
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < shards) {
        const shard = next++;
        await this.#oneShard(part, replica, shard);
        this.#shardsDone++;
        this.#show();
      }
    };
    await Promise.all(Array.from({ length: SHARDS_AT_ONCE }, work));
  }

  async #oneShard(part: (typeof PARTS)[number], replica: number, shard: number): Promise<void> {
    const { link, reseal } = this.#request;
    let afterId: Buffer = Buffer.alloc(0);
    let afterPage: Buffer = Buffer.alloc(0);
    for (;;) {
      const verb = reseal ? 'RESEAL' : 'USE';
      const reply = await link.call('JUNO.KEYS', verb, shard, replica, part, afterId, afterPage);
      const [, replicas, lastId, lastPage, exhausted, resealed, failed, unreadable, uses] = itemsOf(reply);
      // While a shard moves it has a node more than the others, whose turn is not waited for: it learns from them.
      if (shard === 0) this.#replicas = Math.max(this.#replicas, Number(replicas));
      this.#resealed += Number(resealed);
      this.#failed += Number(failed);
      this.#unreadable += Number(unreadable);
      this.#count(part, itemsOf(uses).map(Number));
      await this.#slowDown();
      if (Number(exhausted) === 1) return;
      afterId = bytesOf(lastId);
      afterPage = bytesOf(lastPage);
    }
  }

  #count(part: (typeof PARTS)[number], flat: readonly number[]): void {
    for (let i = 0; i + 2 < flat.length; i += 3) {
      const [keyVersion = 0, count = 0, bytes = 0] = flat.slice(i, i + 3);
      const use = this.#uses.get(keyVersion) ?? { keyVersion, records: 0, pages: 0, bytes: 0 };
      this.#uses.set(keyVersion, use);
      if (part === 'RECORDS') use.records += count;
      else use.pages += count;
      use.bytes += bytes;
      this.#bytes += bytes;
    }
  }

  async #slowDown(): Promise<void> {
    const { clock, bytesPerSecond } = this.#request;
    if (bytesPerSecond === 0) return;
    const dueMs = this.#startedMs + (1_000 * this.#bytes) / bytesPerSecond;
    const waitMs = dueMs - clock.monotonicMs();
    if (waitMs > 0) await pause(clock, waitMs);
  }

  #show(): void {
    const { shards, reseal, progress } = this.#request;
    const share = this.#shardsDone / (shards * this.#replicas * PARTS.length);
    progress.show(share, reseal ? `${this.#resealed} sealed anew` : `${this.#total()} looked at`);
  }

  #total(): number {
    let total = 0;
    for (const { records, pages } of this.#uses.values()) total += records + pages;
    return total;
  }
}
