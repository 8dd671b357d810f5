import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../load/seeded-random.ts';
import { ImportCounts } from './import-counts.ts';
import { keyId } from './placed-command.ts';
import { StreamApplier } from './stream-applier.ts';
import { type Mishaps, ScriptedTarget } from './testing/scripted-target.ts';
import { ToyServer } from './testing/toy-server.ts';
import { ToySource } from './testing/toy-source.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** As KeyRepairs: what is not sure is asked for, and written where the message comes along. */
class ToyRepairs {
  readonly #source: ToySource;
  readonly #target: ScriptedTarget;
  readonly #unsure = new Map<string, { readonly database: number; readonly key: string }>();
  readonly #asked = new Map<string, { database: number; key: string; value: string | null }[]>();
  /** What was looked at where a message came, and was not the same though it was sure. */
  readonly different: string[] = [];

  constructor(source: ToySource, target: ScriptedTarget) {
    this.#source = source;
    this.#target = target;
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

  readonly #expected = new Map<string, (string | null)[]>();

  isOurs(args: readonly Buffer[]): boolean {
    return this.#asked.has(String(args[2]));
  }

  async take(args: readonly Buffer[]): Promise<void> {
    const id = String(args[2]);
    const expected = this.#expected.get(id) ?? [];
    for (const [i, { database, key }] of ToySource.keys().entries()) {
      const value = this.#target.server.get(database, key);
      if (this.isUnsure(database, Buffer.from(key)) || value === expected[i]) continue;
      this.different.push(`${database} ${key} at ${id}: ${value}, not ${expected[i]}`);
    }
    for (const { database, key, value } of this.#asked.get(id) ?? []) {
      this.#target.server.put(database, key, value);
      this.#unsure.delete(keyId(database, Buffer.from(key)));
    }
  }
}

const asker = { ask: async (_: number, [words]: readonly (readonly (string | Buffer)[])[]) => [words?.slice(3) ?? []] };

interface Parts {
  readonly random: SeededRandom;
  readonly source: ToySource;
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
  const { random, source, target, repairs, applier } = parts;
  let left = writes;
  const feed = async (): Promise<void> => {
    for (;;) {
      const next = source.stream.find(({ end }) => end > applier.position);
      if (next !== undefined) {
        await applier.take(next.command, applier.position < unsureUpTo);
      } else if (left > 0) {
        left--;
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
    await turn();
    expect(applier.done.position).toBeGreaterThanOrEqual(done);
    done = applier.done.position;
    expectDone(parts);
  }
  await feeding;
}

function partsOf(random: SeededRandom, source: ToySource, server: ToyServer, mishaps: Mishaps): Parts {
  const target = new ScriptedTarget(server, random, mishaps);
  const repairs = new ToyRepairs(source, target);
  const applier = new StreamApplier(asker, target, repairs, new ImportCounts(), true);
  return { random, source, target, repairs, applier };
}

function expectSame({ source, target, repairs }: Parts): void {
  expect(repairs.different).toEqual([]);
  for (const { database, key } of ToySource.keys()) {
    expect([database, key, target.server.get(database, key)]).toEqual([
      database,
      key,
      source.server.get(database, key),
    ]);
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
        const parts = partsOf(random, new ToySource(random, true), new ToyServer(), { lost: 0, uncertain: 0 });
        await follow(parts, writes, 0, true);
        expect(parts.applier.done.position).toBe(parts.source.end);
        expect(parts.source.stream.some(({ command }) => command.name === 'publish')).toBe(false);
        expectSame(parts);
      }),
      { numRuns: 60 },
    );
  });

  it('do so where connections are lost and answers are uncertain, once what is unsure is repaired', {
    timeout: 60_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(seeds, sizes, async (seed, writes) => {
        const random = new SeededRandom(seed, 'lanes');
        const parts = partsOf(random, new ToySource(random, true), new ToyServer(), { lost: 20, uncertain: 30 });
        await follow(parts, writes, 0, true);
        expect(parts.applier.done.position).toBe(parts.source.end);
        expectSame(parts);
      }),
      { numRuns: 60 },
    );
  });

  it('do so after an interruption, from the place up to which all was done', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(seeds, sizes, async (seed, writes) => {
        const random = new SeededRandom(seed, 'lanes');
        const mishaps = { lost: 10, uncertain: 10 };
        const first = partsOf(random, new ToySource(random, false), new ToyServer(), mishaps);
        await follow(first, writes, 0, false);
        const [done, unsure] = [first.applier.done, first.repairs.list()];
        while (first.target.links.length > 0) first.target.loseOne();
        await first.target.quiet();
        const second = partsOf(random, first.source, first.target.server, mishaps);
        second.applier.begin(done);
        for (const { database, key } of unsure) second.repairs.add(database, Buffer.from(key));
        for (const { command, isData, end } of first.source.stream) {
          if (isData && end <= done.position) second.target.settled.add(command.args);
        }
        await follow(second, writes, first.applier.position, true);
        expectSame(second);
      }),
      { numRuns: 60 },
    );
  });
});
