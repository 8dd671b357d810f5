import { describe, expect, it } from 'vitest';
import { limits } from '../../base/limits.ts';
import { type Log, silentLog } from '../../base/log.ts';
import { ManualClock } from '../../base/testing/manual-clock.ts';
import type { Operation } from '../../quorum/operation.ts';
import type { Reply } from '../../resp/reply.ts';
import { CommandTable } from '../command-table.ts';
import { allCommands } from '../commands/all-commands.ts';
import type { ConfigValues } from '../config-values.ts';
import { KeyUse } from '../key-use.ts';
import { RuntimeConfig } from '../runtime-config.ts';
import { TransactionState } from '../transaction-state.ts';
import { MemoryLimit, type Room, type RoomClient } from './memory-limit.ts';
import type { Candidate, Gathered, MemoryPort, NodeMemory } from './memory-port.ts';

const LIMIT_BYTES = 10_000_000;
const SLACK_BYTES = LIMIT_BYTES / 64;
const random = { fill: () => {}, unit: () => 0.5, below: () => 0 };
const table = new CommandTable(allCommands);

function words(line: string): Buffer[] {
  return line.split(' ').map((word) => Buffer.from(word));
}

/** A limit on one node that a test speaks for. */
class LimitKit implements MemoryPort {
  readonly clock = new ManualClock();
  readonly config: RuntimeConfig;
  readonly limit: MemoryLimit;
  readonly stats = { evictedKeys: 0 };
  readonly warnings: string[] = [];
  isMemory = true;
  liveBytes = 0;
  candidates: Candidate[] = [];
  /** The node still has them, and the cluster has not. */
  gone: Candidate[] = [];
  /** How long a sample takes. */
  gatherMs = 0;
  looks = 0;
  gathered = 0;
  #open: ((nodes: readonly NodeMemory[]) => void) | null = null;

  constructor(values: Partial<ConfigValues> = {}) {
    this.config = new RuntimeConfig({ maxmemoryBytes: LIMIT_BYTES, storageEngine: 'memory', ...values });
    const { clock, config, stats } = this;
    const log: Log = { ...silentLog, warn: (_fields, message) => this.warnings.push(message) };
    const keyUse = new KeyUse(config, random);
    const cluster = { submit: (operation: Operation<Reply>) => this.#evict(operation) };
    this.limit = new MemoryLimit({ clock, random, log, config, keyUse, stats, cluster, port: this });
  }

  look(done: (nodes: readonly NodeMemory[]) => void): void {
    this.looks++;
    this.#open = done;
  }

  async gather(): Promise<Gathered> {
    this.gathered++;
    this.clock.advance(this.gatherMs);
    return { candidates: [...this.candidates, ...this.gone], complete: true };
  }

  /** The look that is under way is answered. */
  answer(nodes = [{ nodeId: 1, isMemory: this.isMemory, liveBytes: this.liveBytes, expiringRecords: 1 }]): void {
    const done = this.#open;
    this.#open = null;
    expect(done).not.toBeNull();
    done?.(nodes);
  }

  ask(line: string, client: RoomClient = { transaction: null, roomWait: null }, isBehind = false): Room {
    const args = words(line);
    const entry = table.find(args[0] ?? Buffer.alloc(0));
    if (entry === undefined) throw new Error(`no command: ${line}`);
    return this.limit.check(client, entry, args, isBehind);
  }

  /** Until it is answered, with looks as it needs them. */
  settle(line: string, client: RoomClient = { transaction: null, roomWait: null }): Room {
    for (let looks = 0; looks < 5; looks++) {
      const room = this.ask(line, client);
      if (room !== 'wait') return room;
      this.answer();
    }
    return 'wait';
  }

  #evict(operation: Operation<Reply>): void {
    const victim = this.candidates.find(({ key }) => key.equals(operation.key));
    this.candidates = this.candidates.filter((candidate) => candidate !== victim);
    this.liveBytes -= victim?.bytes ?? 0;
    operation.done({ ok: true, reply: victim === undefined ? 0 : 1 });
  }
}

function key(name: string, bytes: number): Candidate {
  return { namespace: 0, key: Buffer.from(name), bytes, expiresAtMs: 0, lastModifiedMs: 0 };
}

const turn = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

describe('maxmemory without evictions', () => {
  it('lets commands go on below the limit, and those that need no room at any time', () => {
    const kit = new LimitKit();
    expect(kit.ask('GET key')).toBe('there');
    expect(kit.looks).toBe(0);
    expect(kit.settle('SET key x')).toBe('there');
    expect(kit.looks).toBe(1);
    expect(kit.ask('SET key x')).toBe('there');
    kit.liveBytes = LIMIT_BYTES + 1;
    kit.limit.tick();
    kit.answer();
    for (const line of ['GET key', 'DEL key', 'EXPIRE key 1', 'LPOP key', 'PING']) expect(kit.ask(line)).toBe('there');
    expect(kit.limit.usedBytes).toBe(LIMIT_BYTES + 1);
  });

  it('refuses what may grow after two looks, and no longer once there is room', () => {
    const kit = new LimitKit();
    kit.liveBytes = LIMIT_BYTES + 1;
    const client = { transaction: null, roomWait: null };
    expect(kit.settle('SET key x', client)).toBe('none');
    expect(kit.looks).toBe(2);
    // What arrived with it is refused by the same looks.
    expect(kit.ask('SET other x', client)).toBe('none');
    expect(kit.looks).toBe(2);
    kit.liveBytes = LIMIT_BYTES;
    expect(kit.settle('SET key x')).toBe('there');
  });

  it('waits for the commands before, which may make room, without a look', () => {
    const kit = new LimitKit();
    kit.liveBytes = LIMIT_BYTES + 1;
    expect(kit.settle('SET key x')).toBe('none');
    const { looks } = kit;
    expect(kit.ask('SET key x', { transaction: null, roomWait: null }, true)).toBe('wait');
    expect(kit.looks).toBe(looks);
  });

  it('lets no more through between two looks than the slack', () => {
    const kit = new LimitKit();
    kit.liveBytes = LIMIT_BYTES;
    expect(kit.settle('SET key x')).toBe('there');
    const line = `SET key ${'x'.repeat(10_000)}`;
    let bytes = 0;
    while (kit.ask(line) === 'there') bytes += line.length;
    expect(bytes).toBeGreaterThan(SLACK_BYTES / 2);
    expect(bytes).toBeLessThan(SLACK_BYTES + 2 * line.length);
    let woken = 0;
    kit.limit.onRoom(() => woken++);
    kit.answer();
    expect(woken).toBe(1);
    expect(kit.ask(line)).toBe('there');
  });

  it('asks anew after CONFIG SET', () => {
    const kit = new LimitKit();
    expect(kit.settle('SET key x')).toBe('there');
    kit.liveBytes = 5_000;
    expect(kit.config.set([['maxmemory', '4000']])).toBeNull();
    expect(kit.settle('SET key x')).toBe('none');
    expect(kit.config.set([['maxmemory', '0']])).toBeNull();
    expect(kit.limit.isLimited).toBe(false);
  });

  it('refuses behind MULTI whatever it is, and EXEC of what may grow', () => {
    const kit = new LimitKit();
    kit.liveBytes = LIMIT_BYTES + 1;
    const transaction = new TransactionState();
    transaction.begin();
    const client = { transaction, roomWait: null };
    expect(kit.settle('GET key', client)).toBe('none');
    expect(kit.ask('DISCARD', client)).toBe('there');
    expect(kit.ask('EXEC', client)).toBe('there');
    const entry = table.find(Buffer.from('set'));
    if (entry !== undefined) transaction.queue(entry, words('SET key x'));
    expect(kit.settle('EXEC', client)).toBe('none');
  });

  it('goes by what nodes say that answer; nodes on disks it does not limit, and says so', () => {
    const kit = new LimitKit();
    expect(kit.ask('SET key x')).toBe('wait');
    kit.answer([]);
    expect(kit.ask('SET key x')).toBe('there');
    kit.isMemory = false;
    kit.liveBytes = 2 * LIMIT_BYTES;
    kit.limit.tick();
    kit.answer();
    kit.limit.tick();
    kit.answer();
    expect(kit.ask('SET key x')).toBe('there');
    expect(kit.warnings).toEqual([expect.stringContaining('--engine memory only')]);
  });
});

describe('maxmemory with evictions', () => {
  it('lets commands wait for room, and goes on when it has been made', async () => {
    const kit = new LimitKit({ maxmemoryPolicy: 'allkeys-lru' });
    kit.candidates = Array.from({ length: 100 }, (_, i) => key(`key ${i}`, 10_000));
    kit.liveBytes = LIMIT_BYTES + 2 * SLACK_BYTES;
    const client = { transaction: null, roomWait: null };
    expect(kit.ask('SET key x', client)).toBe('wait');
    kit.answer();
    expect(kit.ask('SET key x', client)).toBe('wait');
    // Twenty of a hundred keys in one round, five looked at for each.
    await turn();
    expect(kit.stats.evictedKeys).toBe(20);
    kit.answer();
    expect(kit.ask('SET key x', client)).toBe('there');
    for (let rounds = 0; rounds < 3 && kit.liveBytes > LIMIT_BYTES; rounds++) {
      await turn();
      kit.answer();
    }
    expect(kit.liveBytes).toBeLessThanOrEqual(LIMIT_BYTES);
    expect(kit.liveBytes).toBeGreaterThan(LIMIT_BYTES - SLACK_BYTES);
  });

  it('far over a limit that was lowered lets through half of what evictions free', async () => {
    const kit = new LimitKit({ maxmemoryPolicy: 'allkeys-lru' });
    kit.candidates = Array.from({ length: 100 }, (_, i) => key(`key ${i}`, 50_000));
    kit.liveBytes = 3 * LIMIT_BYTES;
    const line = `SET key ${'x'.repeat(50_000)}`;
    expect(kit.ask(line)).toBe('wait');
    kit.answer();
    expect(kit.ask(line)).toBe('wait');
    await turn();
    kit.answer();
    let bytes = 0;
    while (kit.ask(line) === 'there') bytes += line.length;
    const freed = kit.stats.evictedKeys * 50_000;
    expect(bytes).toBeGreaterThan(freed / 2 - line.length);
    expect(bytes).toBeLessThan(freed / 2 + 2 * line.length);
  });

  it('refuses where nothing is to be evicted, until another policy finds something', async () => {
    const kit = new LimitKit({ maxmemoryPolicy: 'volatile-ttl' });
    kit.liveBytes = LIMIT_BYTES + 1;
    kit.limit.tick();
    kit.answer();
    await turn();
    expect(kit.gathered).toBe(1);
    expect(kit.settle('SET key x')).toBe('none');
    kit.candidates = [key('key', 10_000)];
    expect(kit.config.set([['maxmemory-policy', 'allkeys-random']])).toBeNull();
    expect(kit.settle('SET key x')).toBe('there');
    kit.clock.advance(limits.evictionRetryMs);
    kit.limit.tick();
    kit.answer();
    await turn();
    expect(kit.stats.evictedKeys).toBe(1);
  });

  it('does not try without a pause what makes no room', async () => {
    const kit = new LimitKit({ maxmemoryPolicy: 'allkeys-random' });
    kit.gone = [key('gone', 1_000)];
    kit.liveBytes = LIMIT_BYTES + 1;
    kit.limit.tick();
    kit.answer();
    await turn();
    expect([kit.gathered, kit.looks]).toEqual([1, 1]);
    kit.limit.tick();
    kit.answer();
    await turn();
    expect(kit.gathered).toBe(1);
    kit.clock.advance(limits.evictionRetryMs);
    kit.limit.tick();
    kit.answer();
    await turn();
    expect(kit.gathered).toBe(2);
  });

  it('searches seldom where a search is long and finds nothing', async () => {
    const kit = new LimitKit({ maxmemoryPolicy: 'volatile-ttl' });
    kit.gatherMs = 200;
    kit.liveBytes = LIMIT_BYTES + 1;
    const startMs = kit.clock.monotonicMs();
    while (kit.clock.monotonicMs() < startMs + 20_000) {
      kit.limit.tick();
      kit.answer();
      await turn();
      kit.clock.advance(100);
    }
    expect(kit.gathered).toBeGreaterThanOrEqual(8);
    expect(kit.gathered).toBeLessThanOrEqual(10);
    const { gathered } = kit;
    expect(kit.config.set([['maxmemory-policy', 'allkeys-random']])).toBeNull();
    kit.limit.tick();
    kit.answer();
    await turn();
    expect(kit.gathered).toBe(gathered + 1);
  });

  it('leaves alone what has expired', async () => {
    const kit = new LimitKit({ maxmemoryPolicy: 'volatile-ttl', maxmemorySamples: 2 });
    const nowMs = kit.clock.wallMs();
    const ending = (name: string, expiresAtMs: number): Candidate => ({ ...key(name, 1_000), expiresAtMs });
    kit.candidates = [ending('later', nowMs + 2_000), ending('sooner', nowMs + 1_000)];
    kit.gone = [ending('expired', nowMs), ending('expired before', nowMs - 1)];
    kit.liveBytes = LIMIT_BYTES + 1;
    kit.limit.tick();
    kit.answer();
    await turn();
    expect(kit.candidates.map((candidate) => candidate.key.toString())).toEqual(['later']);
  });

  it('does not look for what the node has none of', () => {
    const kit = new LimitKit({ maxmemoryPolicy: 'volatile-lru' });
    const node = { nodeId: 1, isMemory: true, liveBytes: LIMIT_BYTES + 1, expiringRecords: 0 };
    const client = { transaction: null, roomWait: null };
    expect(kit.ask('SET key x', client)).toBe('wait');
    kit.answer([node]);
    expect(kit.ask('SET key x', client)).toBe('wait');
    kit.answer([node]);
    expect(kit.ask('SET key x', client)).toBe('none');
    expect(kit.gathered).toBe(0);
  });

  it('lets no command wait longer than a command may', () => {
    const kit = new LimitKit({ maxmemoryPolicy: 'allkeys-lru' });
    kit.liveBytes = 2 * LIMIT_BYTES;
    const client = { transaction: null, roomWait: null };
    expect(kit.ask('SET key x', client)).toBe('wait');
    kit.answer();
    expect(kit.ask('SET key x', client)).toBe('wait');
    kit.clock.advance(limits.memoryWaitMs);
    expect(kit.ask('SET key x', client)).toBe('there');
  });
});

describe('CONFIG SET maxmemory', () => {
  it('is refused where nodes keep their data on disks, and as long as none has told', () => {
    const config = new RuntimeConfig();
    expect(config.set([['maxmemory', '1gb']])).toContain('no storage node has told yet');
    config.noteEngine('rocksdb');
    expect(config.set([['maxmemory', '1gb']])).toContain('the storage nodes keep their data on disks');
    expect(config.set([['maxmemory', '0']])).toBeNull();
    config.noteEngine('memory');
    expect(config.set([['maxmemory', '1gb']])).toBeNull();
    expect(config.maxmemoryBytes).toBe(2 ** 30);
  });

  it('is taken over from another worker before that', () => {
    const config = new RuntimeConfig();
    config.adopt(['maxmemory', '1000']);
    expect(config.maxmemoryBytes).toBe(1_000);
    expect(config.storageEngine).toBe('unknown');
  });

  it('without a limit asks the nodes until one has told what it is', () => {
    const kit = new LimitKit({ maxmemoryBytes: 0, storageEngine: 'unknown' });
    kit.limit.tick();
    kit.answer([]);
    kit.limit.tick();
    kit.answer();
    expect(kit.config.storageEngine).toBe('memory');
    kit.limit.tick();
    expect(kit.looks).toBe(2);
    expect(kit.limit.isLimited).toBe(false);
  });
});
