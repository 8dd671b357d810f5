import { type MemoryResult, measureLargerThanMemory } from './larger-than-memory.ts';
import { type LatencyResult, measureLatency } from './latency.ts';
import { Filler, measureRow } from './measure.ts';
import type { BenchOptions } from './options.ts';
import type { Plan } from './plan.ts';
import type { Results, RowResult } from './results.ts';
import { type System, type SystemName, startSystem } from './systems.ts';

/** A host that stops the machine for seconds can make a request of any system fail, and with it the row. */
const TRIES = 2;

interface Step {
  readonly id: string;
  readonly needs: readonly SystemName[];
  readonly run: () => Promise<void>;
}

/** Systems that run now. Each is started when first needed and ended when no row is left for it. */
class RunningSystems {
  readonly #running = new Map<SystemName, System>();

  async get(names: readonly SystemName[]): Promise<System[]> {
    const systems: System[] = [];
    for (const name of names) {
      let system = this.#running.get(name);
      if (system === undefined) {
        console.error(`starting ${name}`);
        system = await startSystem(name);
        this.#running.set(name, system);
      }
      systems.push(system);
    }
    return systems;
  }

  /** Ends all but these. */
  async keep(names: ReadonlySet<SystemName>): Promise<void> {
    for (const [name, system] of this.#running) {
      if (names.has(name)) continue;
      this.#running.delete(name);
      try {
        await system.stop();
      } catch (error) {
        console.error(`${name} did not stop well:`, error);
      }
    }
  }
}

/**
 * Measures everything that is planned. What cannot be measured on this machine is said in `skipped`; what went wrong in
 * `failed`, and the rest goes on.
 */
export async function runPlan(plan: Plan, options: BenchOptions): Promise<Omit<Results, 'machine'>> {
  const systems = new RunningSystems();
  const filler = new Filler(options);
  const rows: RowResult[] = [];
  const latency: LatencyResult[] = [];
  const memory: MemoryResult[] = [];
  const skipped: string[] = [];
  const failed: string[] = [];
  const steps: readonly Step[] = [
    ...plan.rows.map((spec) => ({
      id: spec.id,
      needs: spec.systems,
      run: async () => void rows.push(await measureRow(spec, await systems.get(spec.systems), options, filler)),
    })),
    ...plan.latency.map((spec) => ({
      id: spec.id,
      needs: spec.systems,
      run: async () => void latency.push(await measureLatency(spec, await systems.get(spec.systems), options, filler)),
    })),
    ...plan.memory.map((spec) => ({
      id: spec.id,
      needs: [],
      run: async () => {
        const result = await measureLargerThanMemory(spec, options);
        if ('skipped' in result) skipped.push(result.skipped);
        else memory.push(result);
      },
    })),
  ];
  try {
    for (const [i, { id, run }] of steps.entries()) {
      const needed = new Set(steps.slice(i).flatMap(({ needs }) => needs));
      for (let tries = 1; tries <= TRIES; tries++) {
        try {
          await systems.keep(needed);
          await run();
          break;
        } catch (error) {
          console.error(error);
          if (tries === TRIES) failed.push(`${id}: ${error instanceof Error ? error.message : String(error)}`);
          // Whatever state they are in: what comes next starts them anew.
          await systems.keep(new Set());
        }
      }
    }
  } finally {
    await systems.keep(new Set());
  }
  return {
    rounds: options.rounds,
    runMs: options.runMs,
    warmUpMs: options.warmUpMs,
    rows,
    latency,
    memory,
    skipped,
    failed,
  };
}
