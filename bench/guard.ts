import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Results, ratioOf } from './results.ts';
import { isJunokv, isSystemName, type SystemName } from './systems.ts';

/** A ratio of rates that must not fall below `least`. */
export interface GuardedRatio {
  readonly row: string;
  readonly system: SystemName;
  readonly against: SystemName;
  readonly least: number;
}

export interface GuardReport {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
}

/** What is let go before the guard speaks: other work on the machine, and the spread of short runs. */
const MARGIN = 0.3;
const GUARD_FILE = fileURLToPath(new URL('guard.json', import.meta.url));

/** Ratios to redis-server and, where it was measured, to Redis with replicas. */
export function guardedRatios(results: Results): GuardedRatio[] {
  return results.rows.flatMap((row) =>
    row.systems
      .filter(({ system }) => isJunokv(system))
      .flatMap(({ system }) =>
        (['redis', 'redis-2-replicas'] as const).flatMap((against) => {
          const ratio = ratioOf(row, system, against);
          if (ratio === null) return [];
          return [{ row: row.id, system, against, least: Number((ratio.ratio * MARGIN).toPrecision(2)) }];
        }),
      ),
  );
}

export function checkGuard(results: Results, guarded: readonly GuardedRatio[]): GuardReport {
  const passed: string[] = [];
  const failed: string[] = [];
  for (const { row: id, system, against, least } of guarded) {
    const row = results.rows.find((one) => one.id === id);
    const ratio = row === undefined ? null : ratioOf(row, system, against);
    const errors = row?.systems.find((one) => one.system === system)?.figures.reduce((sum, one) => sum + one.errors, 0);
    const name = `${id}: ${system} to ${against}`;
    if (ratio === null) failed.push(`${name} was not measured`);
    else if (errors !== 0) failed.push(`${name}: ${errors} requests failed`);
    else if (ratio.ratio < least) failed.push(`${name} is ${ratio.ratio.toFixed(3)}, below ${least}`);
    else passed.push(`${name} is ${ratio.ratio.toFixed(3)}, at least ${least}`);
  }
  return { passed, failed };
}

export function readGuard(): GuardedRatio[] {
  return parseGuard(readFileSync(GUARD_FILE, 'utf8'));
}

/** Throws where the text is not what writeGuard writes: a guard that guards nothing must not pass. */
export function parseGuard(text: string): GuardedRatio[] {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list) || list.length === 0) throw new Error('the guard guards nothing');
  return list.map((one: Partial<Record<keyof GuardedRatio, unknown>>) => {
    const { row, system, against, least } = one;
    const isRight =
      typeof row === 'string' && typeof least === 'number' && least > 0 && [system, against].every(isSystem);
    if (!isRight || !isSystem(system) || !isSystem(against)) throw new Error(`no guard: ${JSON.stringify(one)}`);
    return { row, system, against, least };
  });
}

function isSystem(name: unknown): name is SystemName {
  return typeof name === 'string' && isSystemName(name);
}

export function writeGuard(results: Results): void {
  // As the formatter would write it.
  const lines = guardedRatios(results).map(({ row, system, against, least }) => {
    return `  { "row": "${row}", "system": "${system}", "against": "${against}", "least": ${least} }`;
  });
  writeFileSync(GUARD_FILE, `[\n${lines.join(',\n')}\n]\n`);
}
