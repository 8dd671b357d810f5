import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../../base/limits.ts';
import { ManualClock } from '../../base/testing/manual-clock.ts';
import { SeededRandom } from '../load/seeded-random.ts';
import { ImportCounts } from './import-counts.ts';
import { KeyExpiries } from './key-expiries.ts';
import { keyId } from './placed-command.ts';
import { StreamApplier } from './stream-applier.ts';
import { type Mishaps, ScriptedTarget } from './testing/scripted-target.ts';
import { ToyServer, type ToyValue } from './testing/toy-server.ts';
import { type Habit, ToySource } from './testing/toy-source.ts';

const LONGEST_PAUSE_MS = 4 * limits.maxClockSkewMs;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** As KeyRepairs: what is not sure is asked for, and written where the message comes along. */
class ToyRepairs {
  readonly #source: ToySource;
  readonly #target: ScriptedTarget;
  readonly #expiries: KeyExpiries;
  readonly #clock: ManualClock;
  readonly #unsure = new Map<string, { readonly database: number; readonly key: string }>();
  readonly #asked = new Map<string, { database: number; key: string; value: ToyValue | null }[]>();
  /** What was looked at where a message came, and was not the same though it was sure. */
  readonly different: string[] = [];

  constructor(source: ToySource, target: ScriptedTarget, expiries: KeyExpiries, clock: ManualClock) {
    this.#source = source;
    this.#target = target;
    this.#expiries = expiries;
    this.#clock = clock;
  }

  get count(): number {
    return this.#unsure.size;
  }

  list(): { readonly database: number; readonly key: string }[] {
    return [...this.#unsure.values()];
  }

  isUnsure(database: number, key: Buffer): boolean {
    return this.#unsure.has(keyId(database, key));
  }

  add(database: number, key: Buffer): void {
    this.#unsure.set(keyId(database, key), { database, key: key.toString() });
  }

  swapped(one: number, other: number): void {
    for (const { database, key } of this.list()) {
      if (database === one) this.add(other, Buffer.from(key));
      else if (database === other) this.add(one, Buffer.from(key));
    }
  }

  /** The source publishes a message for what is not sure now. */
  ask(): void {
    const id = `${this.#source.end}`;
    const values = this.list().map(({ database, key }) => ({
      database,
      key,
      value: this.#source.server.get(database, key),
    }));
    this.#asked.set(id, values);
    this.#source.publish('PUBLISH', 'channel', id);
    const expected = ToySource.keys().map(({ database, key }) => this.#source.server.get(database, key));
    this.#expected.set(id, expected);
  }

  readonly #expected = new Map<string, (ToyValue | null)[]>();

  isOurs(args: readonly Buffer[]): boolean {
    return this.#asked.has(String(args[2]));
  }

  async take(args: readonly Buffer[]): Promise<void> {
    const id = String(args[2]);
    const expected = this.#expected.get(id) ?? [];
    for (const [i, { database, key }] of ToySource.keys().entries()) {
      const value = this.#target.server.get(database, key);
      const known = expected[i] ?? null;
      if (this.isUnsure(database, Buffer.from(key)) || isSame(value, known, this.#clock)) continue;
      this.different.push(`${database} ${key} at ${id}: ${value?.text}, not ${known?.text}`);
    }
    for (const { database, key, value } of this.#asked.get(id) ?? []) {
      this.#target.server.put(database, key, value);
      this.#expiries.set(database, Buffer.from(key), value?.expiresAtMs ?? 0);
      this.#unsure.delete(keyId(database, Buffer.from(key)));
    }
  }
}

/** Whether a value is what was expected, or that has expired since. */
function isSame(value: ToyValue | null, expected: ToyValue | null, clock: ManualClock): boolean {
  if (value !== null && expected !== null) {
    return value.text === expected.text && value.expiresAtMs === expected.expiresAtMs;
  }
  const isOver = expected !== null && expected.expiresAtMs !== 0 && expected.expiresAtMs <= clock.wallMs();
  return value === null && (expected === null || isOver);
}

const asker = { ask: async (_: number, [words]: readonly (readonly (string | Buffer)[])[]) => [words?.slice(3) ?? []] };

/** What of a run is there for the next one. */
interface Lasting {
  readonly clock: ManualClock;
  readonly source: ToySource;
  readonly server: ToyServer;
  readonly expiries: KeyExpiries;
}

function lasting(random: SeededRandom, ...habits: readonly Habit[]): Lasting {
  const clock = new ManualClock();
  const source = new ToySource(random, clock, ...habits);
  return { clock, source, server: new ToyServer(clock), expiries: new KeyExpiries(null, []) };
}

interface Parts extends Lasting {
  readonly random: SeededRandom;
  readonly target: ScriptedTarget;
  readonly repairs: ToyRepairs;
  readonly applier: StreamApplier;
}

/** Everything up to the place that is done has been answered or lost. */
function expectDone({ source, target, applier }: Parts): void {
  const open = source.stream.find(
    ({ command, isData, end }) => isData && end <= applier.done.position && !target.settled.has(command.args),
  );
  expect(open?.command.args.join(' ')).toBe(undefined);
}

/** Takes `writes` writes of the source, or until it has come so far, while the target does this and that. */
async function follow(parts: Parts, writes: number, unsureUpTo: number, isEnd: boolean): Promise<void> {
  const { random, clock, source, target, repairs, applier } = parts;
  let left = writes;
  const feed = async (): Promise<void> => {
    for (;;) {
      const next = source.stream.find(({ end }) => end > applier.position);
      if (next !== undefined) {
        await applier.take(next.command, applier.position < unsureUpTo);
      } else if (left > 0) {
        left--;
        clock.advance(random.below(LONGEST_PAUSE_MS));
        source.write();
        if (repairs.count > 0 && random.below(8) === 0) repairs.ask();
      } else if (isEnd) {
        await applier.drained();
        if (repairs.count === 0) return;
        repairs.ask();
      } else return;
      while (random.below(3) === 0) await turn();
    }
  };
  let isFed = false;
  const feeding = feed().finally(() => {
    isFed = true;
  });
  let done = applier.done.position;
  while (!isFed) {
    target.step();
    if (random.below(8) === 0) clock.advance(random.below(LONGEST_PAUSE_MS));
    await turn();
    expect(applier.done.position).toBeGreaterThanOrEqual(done);
    done = applier.done.position;
    expectDone(parts);
  }
  await feeding;
}

function partsOf(random: SeededRandom, from: Lasting, mishaps: Mishaps): Parts {
  const { clock, source, server, expiries } = from;
  const target = new ScriptedTarget(server, random, mishaps);
  const repairs = new ToyRepairs(source, target, expiries, clock);
  const applier = new StreamApplier(asker, target, repairs, expiries, new ImportCounts(), true, clock);
  return { ...from, random, target, repairs, applier };
}

function expectSame({ source, target, repairs }: Parts): void {
  expect(repairs.different).toEqual([]);
  for (const { database, key } of ToySource.keys()) {
    const [found, expected] = [target.server.get(database, key), source.server.get(database, key)];
    expect([database, key, found]).toEqual([database, key, expected]);
  }
}

const seeds = fc.integer({ min: 0, max: 1_000_000 });
const sizes = fc.integer({ min: 1, max: 120 });

describe("the source's commands", () => {
  it('leave what they would one after the other, over connections that answer in any order', {
    timeout: 60_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(seeds, sizes, async (seed, writes) => {
        const random = new SeededRandom(seed, 'lanes');
        const parts = partsOf(random, lasting(random, 'swaps'), { lost: 0, uncertain: 0 });
        await follow(parts, writes, 0, true);
        expect(parts.applier.done.position).toBe(parts.source.end);
        expect(parts.source.stream.some(({ command }) => command.name === 'publish')).toBe(false);
        expectSame(parts);
      }),
      { numRuns: 300 },
    );
  });

  it('do so where keys expire at the target before it hears what was made of them, once that is repaired', {
    timeout: 60_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(seeds, sizes, async (seed, writes) => {
        const random = new SeededRandom(seed, 'lanes');
        const parts = partsOf(random, lasting(random, 'swaps', 'expiries'), { lost: 0, uncertain: 0 });
        await follow(parts, writes, 0, true);
        expect(parts.applier.done.position).toBe(parts.source.end);
        expectSame(parts);
      }),
      { numRuns: 300 },
    );
  });

  it('do so where connections are lost and answers are uncertain, once what is unsure is repaired', {
    timeout: 60_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(seeds, sizes, async (seed, writes) => {
        const random = new SeededRandom(seed, 'lanes');
        const parts = partsOf(random, lasting(random, 'swaps', 'expiries'), { lost: 20, uncertain: 30 });
        await follow(parts, writes, 0, true);
        expect(parts.applier.done.position).toBe(parts.source.end);
        expectSame(parts);
      }),
      { numRuns: 300 },
    );
  });

  it('do so after an interruption, from the place up to which all was done', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(seeds, sizes, async (seed, writes) => {
        const random = new SeededRandom(seed, 'lanes');
        const mishaps = { lost: 10, uncertain: 10 };
        const first = partsOf(random, lasting(random, 'expiries'), mishaps);
        await follow(first, writes, 0, false);
        const [done, unsure] = [first.applier.done, first.repairs.list()];
        while (first.target.links.length > 0) first.target.loseOne();
        await first.target.quiet();
        const second = partsOf(random, first, mishaps);
        second.applier.begin(done);
        for (const { database, key } of unsure) second.repairs.add(database, Buffer.from(key));
        for (const { command, isData, end } of first.source.stream) {
          if (isData && end <= done.position) second.target.settled.add(command.args);
        }
        await follow(second, writes, first.applier.position, true);
        expectSame(second);
      }),
      { numRuns: 300 },
    );
  });
});
