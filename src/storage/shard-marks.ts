import { nodeKey, nodeRange, parseNodeKey } from '../record/record-id.ts';
import type { RecordId } from '../record/state.ts';
import type { Engine } from './engine.ts';
import type { WritePipeline } from './write-pipeline.ts';

/** How far a node has learned a shard; durable, so that a restart in the same epoch goes on there. */
export interface ShardMark {
  readonly shard: number;
  /** At which the shard is learned. */
  readonly shardEpoch: number;
  /** `emptying`: what was there before is being deleted. `learned`: to its end. */
  readonly stage: 'emptying' | 'learning' | 'learned';
  /** Records up to this one are learned. */
  readonly afterId: RecordId;
}

const PREFIX = 'learn/';
/** One for each shard at most. */
const MARKS_AT_MOST = 16_384;

export function markKey(shard: number): Buffer {
  return nodeKey(`${PREFIX}${shard}`);
}

export function encodeMark({ shardEpoch, stage, afterId }: ShardMark): Buffer {
  return Buffer.from(JSON.stringify({ shardEpoch, stage, afterId: Buffer.from(afterId, 'latin1').toString('hex') }));
}

/** Null if it is none. */
export function decodeMark(key: Buffer, value: Buffer): ShardMark | null {
  const name = parseNodeKey(key);
  if (name === null || !name.startsWith(PREFIX)) return null;
  try {
    const json: unknown = JSON.parse(value.toString());
    if (typeof json !== 'object' || json === null) return null;
    const fields: Record<string, unknown> = { ...json };
    const { shardEpoch, stage, afterId } = fields;
    if (typeof shardEpoch !== 'number' || typeof afterId !== 'string') return null;
    if (stage !== 'emptying' && stage !== 'learning' && stage !== 'learned') return null;
    return {
      shard: Number(name.slice(PREFIX.length)),
      shardEpoch,
      stage,
      afterId: Buffer.from(afterId, 'hex').toString('latin1'),
    };
  } catch {
    return null;
  }
}

/** The marks of one node, in memory as on its disk. */
export class ShardMarks {
  readonly #engine: Engine;
  readonly #pipeline: WritePipeline;
  readonly #marks = new Map<number, ShardMark>();

  constructor(engine: Engine, pipeline: WritePipeline) {
    this.#engine = engine;
    this.#pipeline = pipeline;
  }

  /** Before anything else is asked of it. `done(false)`: they could not be read, and the node must not answer. */
  load(done: (isLoaded: boolean) => void): void {
    const range = { ...nodeRange(), limit: MARKS_AT_MOST * 2, limitBytes: Number.MAX_SAFE_INTEGER, keysOnly: false };
    this.#engine.scan(range, (error, entries) => {
      for (const { key, value } of entries ?? []) {
        const mark = decodeMark(key, value);
        if (mark !== null) this.#marks.set(mark.shard, mark);
      }
      done(error === null);
    });
  }

  get(shard: number): ShardMark | null {
    return this.#marks.get(shard) ?? null;
  }

  all(): Iterable<ShardMark> {
    return this.#marks.values();
  }

  /** In the forming batch: whoever needs it durable waits for that. */
  set(mark: ShardMark): void {
    this.#marks.set(mark.shard, mark);
    this.#pipeline.add({ key: markKey(mark.shard), value: encodeMark(mark) });
  }

  remove(shard: number): void {
    if (!this.#marks.delete(shard)) return;
    this.#pipeline.add({ key: markKey(shard), value: null });
  }
}
