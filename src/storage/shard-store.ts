import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Ballot } from '../record/ballot.ts';
import type { SealedState } from '../record/state.ts';
import type { CommitItem, RecordAddress } from '../rpc/messages.ts';
import type { Acceptor } from './acceptor.ts';
import type { CeilingKeeper } from './ceiling-keeper.ts';
import type { DiskSpace } from './disk-space.ts';
import type { Engine } from './engine.ts';
import type { NodeMap } from './node-map.ts';
import type { PageStore } from './page-store.ts';
import type { CachedRecord, RecordCache } from './record-cache.ts';
import type { RecordLoader } from './record-loader.ts';
import { ShardDrop } from './shard-drop.ts';
import { type ShardMark, ShardMarks } from './shard-marks.ts';
import type { WritePipeline } from './write-pipeline.ts';

export interface ShardStoreParts {
  readonly map: NodeMap;
  readonly engine: Engine;
  readonly pipeline: WritePipeline;
  readonly cache: RecordCache;
  readonly loader: RecordLoader;
  readonly acceptor: Acceptor;
  readonly ceiling: CeilingKeeper;
  /** Null: never full. */
  readonly space: DiskSpace | null;
  readonly clock: Clock;
  readonly log: Log;
  /** As in `StorageNodeOptions`. */
  readonly onDamaged?: () => void;
  /** Takes an accepted state into memory and the forming batch. */
  store(item: CommitItem, record: CachedRecord): void;
  readonly pages: Pick<PageStore, 'noteListed'>;
}

/** A copy of what Q old voters hold. */
export interface Copy {
  readonly address: RecordAddress;
  readonly accepted: Ballot;
  readonly state: SealedState;
}

/** What becomes of a copy: in the log now; the node has it or something newer; the disk failed. */
export type CopyOutcome = 'stored' | 'held' | 'failed';

/** Whole shards of one storage node, as learning sees them: emptied, filled with copies, and answered for (protocol §8). */
export class ShardStore {
  readonly #parts: ShardStoreParts;
  readonly #marks: ShardMarks;
  readonly #drop: ShardDrop;

  constructor(parts: ShardStoreParts) {
    this.#parts = parts;
    this.#marks = new ShardMarks(parts.engine, parts.pipeline);
    this.#drop = new ShardDrop({ ...parts, forget: (id) => parts.cache.delete(id) });
  }

  /** Before the node answers: what it has begun to learn and not ended must not count. False: the disk cannot be read. */
  load(done: (isLoaded: boolean) => void): void {
    this.#marks.load((isLoaded) => {
      for (const mark of this.#marks.all()) if (mark.stage !== 'learned') this.#parts.map.noteUnlearned(mark.shard);
      done(isLoaded);
    });
  }

  stop(): void {
    this.#drop.stop();
  }

  get map(): NodeMap {
    return this.#parts.map;
  }

  markOf(shard: number): ShardMark | null {
    return this.#marks.get(shard);
  }

  marks(): ShardMark[] {
    return [...this.#marks.all()];
  }

  /** Deletes what the node holds of the shards, durably, then lets them take part in rounds of these epochs, empty. */
  empty(shardEpochs: ReadonlyMap<number, number>, done: () => void): void {
    const { map } = this.#parts;
    for (const [shard, shardEpoch] of shardEpochs) {
      map.noteUnlearned(shard);
      this.#marks.set({ shard, shardEpoch, stage: 'emptying', afterId: '' });
    }
    this.#settled(() => {
      this.#drop.drop(new Set(shardEpochs.keys()), () => {
        for (const [shard, shardEpoch] of shardEpochs) {
          this.#marks.set({ shard, shardEpoch, stage: 'learning', afterId: '' });
        }
        this.#settled(() => {
          for (const [shard, shardEpoch] of shardEpochs) map.open(shard, shardEpoch);
          done();
        });
      });
    });
  }

  /** After a restart in the epoch in which the shard was emptied. */
  reopen(shard: number, shardEpoch: number): void {
    this.#parts.map.open(shard, shardEpoch);
  }

  /** Deletes shards that the map does not give to this node. */
  drop(shards: ReadonlySet<number>, done: () => void): void {
    this.#drop.drop(shards, () => {
      for (const shard of shards) {
        this.#marks.remove(shard);
        this.#parts.map.noteLearned(shard);
      }
      done();
    });
  }

  /** Notes how far learning has come; a crash goes back to what was noted and is in the log. */
  note(mark: ShardMark): void {
    this.#marks.set(mark);
  }

  /** The map has made this node the voter of a shard that it has learned. */
  forgetMark(shard: number): void {
    this.#marks.remove(shard);
  }

  /** All of the shard is here: what the node answers for it from the next epoch on counts. False: the disk failed. */
  noteLearned(shard: number, shardEpoch: number, done: (isWritten: boolean) => void): void {
    this.#marks.set({ shard, shardEpoch, stage: 'learned', afterId: '' });
    this.#parts.pipeline.whenSettled((isWritten) => {
      if (isWritten) this.#parts.map.noteLearned(shard);
      else this.#marks.set({ shard, shardEpoch, stage: 'learning', afterId: '' });
      done(isWritten);
    });
  }

  /** What the node has accepted of each record, null where that cannot be read; about no more than a step of a scan. */
  acceptedOf(addresses: readonly RecordAddress[], done: (accepted: readonly (Ballot | null)[]) => void): void {
    const accepted: (Ballot | null)[] = addresses.map(() => null);
    this.#eachHeld(
      addresses,
      (index, record) => {
        accepted[index] = record?.accepted ?? null;
      },
      () => done(accepted),
    );
  }

  /** Stores copies that are newer than what the node has, whatever it has promised; their pages are here already. */
  learn(copies: readonly Copy[], done: (outcomes: readonly CopyOutcome[]) => void): void {
    const { acceptor, ceiling, pipeline } = this.#parts;
    const highest = copies.reduce((us, { accepted }) => Math.max(us, accepted.time), 0);
    ceiling.raiseTo(highest, (isRaised) => {
      const outcomes: CopyOutcome[] = copies.map(() => 'failed');
      if (!isRaised) {
        done(outcomes);
        return;
      }
      const take = (index: number, record: CachedRecord | null): void => {
        const copy = copies[index];
        if (copy === undefined || record === null || !this.#isCurrent(copy.address)) return;
        const { address, accepted, state } = copy;
        // A disk that is full learns later.
        if (this.#parts.space?.refuses(record.state, state, accepted)) return;
        outcomes[index] = 'held';
        if (!acceptor.learn(record, copy.accepted)) return;
        outcomes[index] = 'stored';
        // A COMMIT that was never chosen may have come here before, and ceased to list what the others' state still lists.
        if (record.state !== null && hasPages(state)) this.#parts.pages.noteListed(address, accepted);
        this.#parts.store({ address, ballot: accepted, state, next: null }, record);
      };
      const finish = (): void => {
        pipeline.whenSettled((isWritten) => {
          done(isWritten ? outcomes : outcomes.map((outcome) => (outcome === 'stored' ? 'failed' : outcome)));
        });
      };
      this.#eachHeld(
        copies.map((copy) => copy.address),
        take,
        finish,
      );
    });
  }

  /** Raises ceiling and floor, durably: the node stands by all that others may have promised up to there. */
  standBy(ceilingUs: number, done: (isRaised: boolean) => void): void {
    this.#parts.ceiling.raiseTo(ceilingUs, (isRaised) => {
      if (isRaised) this.#parts.acceptor.raiseFloor(ceilingUs);
      done(isRaised);
    });
  }

  /** The map may have taken the shard away meanwhile, and given it anew: then it was emptied after this copy was made. */
  #isCurrent({ shard, shardEpoch }: RecordAddress): boolean {
    const { map } = this.#parts;
    return map.learns(shard) && map.current.shardEpochs[shard] === shardEpoch;
  }

  /** `use` for each record, as soon as it is in memory, null if it cannot be read; then `done`. */
  #eachHeld(
    addresses: readonly RecordAddress[],
    use: (index: number, record: CachedRecord | null) => void,
    done: () => void,
  ): void {
    const { loader, cache } = this.#parts;
    let missing = 1;
    const arrived = (): void => {
      missing--;
      if (missing === 0) done();
    };
    addresses.forEach((address, index) => {
      const known = loader.isLoading(address.id) ? undefined : cache.at(address);
      if (known !== undefined) {
        use(index, known);
        return;
      }
      missing++;
      const end = (record: CachedRecord | null): void => {
        use(index, record);
        arrived();
      };
      loader.wait(address, { onLoaded: end, onCorrupt: () => end(null), onFailed: () => end(null) });
    });
    loader.start();
    arrived();
  }

  /** Once what was noted is in the log; a write that failed is tried again, for marks are all that a crash leaves. */
  #settled(done: () => void): void {
    this.#parts.pipeline.whenSettled((isWritten) => {
      if (isWritten) {
        done();
        return;
      }
      for (const mark of this.#marks.all()) this.#marks.set(mark);
      this.#parts.clock.after(100, () => this.#settled(done));
    });
  }
}

/** Its own, or those that a transaction proposes. */
export function hasPages({ header, intent }: SealedState): boolean {
  return header.paged || (intent !== undefined && intent.pages !== null);
}
