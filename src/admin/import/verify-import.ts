import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { registersOf } from '../../proxy/values/hyperloglog.ts';
import { readDump } from '../../record/rdb/dump-payload.ts';
import type { RdbValue } from '../../record/rdb/rdb-format.ts';
import { pause } from '../backup/backup-link.ts';
import { nameOf } from './import-counts.ts';
import { type KeyAndValue, pageOf, type SourceReader } from './source-reader.ts';

/** Rounds in which keys that differed are looked at again, in case that they were written just then; the pause before each. */
const ROUNDS = 10;
const PAUSE_MS = 200;

/** What a comparison of every key found. */
export interface Verified {
  /** Keys of the source that were compared; those that are not taken, such as streams, are left out. */
  compared: number;
  /** Keys that differ, are missing, or that only the target has. */
  different: number;
  /** The first of them, each with what is different. */
  readonly problems: string[];
}

interface Suspect {
  readonly database: number;
  readonly key: Buffer;
  readonly what: string;
}

/**
 * Reads these keys of the source, and calls `use` at a moment at which the target should have the same. Where that is not to be
 * had, keys are looked at again and again.
 */
export type AtOnePlace = (
  database: number,
  keys: readonly Buffer[],
  use: (values: readonly KeyAndValue[]) => Promise<void>,
) => Promise<void>;

/** Compares every key of the source's databases with the target's, and the other way round, by decoded content and expiry. */
export async function verifyImport(
  source: SourceReader,
  target: SourceReader,
  databases: readonly number[],
  clock: Clock,
  atOnePlace: AtOnePlace | null,
  onCompared: (compared: number) => void,
): Promise<Verified> {
  const verified: Verified = { compared: 0, different: 0, problems: [] };
  const again = (some: readonly Suspect[], rounds: number): Promise<Suspect[]> =>
    atOnePlace === null
      ? lookAgain(source, target, some, clock, rounds)
      : lookExactly(source, target, some, atOnePlace);
  let suspects: Suspect[] = [];
  const hold = async (found: readonly Suspect[]): Promise<void> => {
    suspects.push(...found);
    if (suspects.length <= limits.importSuspects) return;
    suspects = await again(suspects, 1);
    // So many are no keys that are being written just now.
    if (suspects.length > limits.importSuspects / 2) report(verified, suspects.splice(0));
  };
  for (const database of databases) {
    for await (const keys of pagesOf(source, database)) {
      await hold(await compare(source, target, database, keys, verified));
      onCompared(verified.compared);
    }
    for await (const keys of pagesOf(target, database)) {
      const replies = await source.ask(
        database,
        keys.map((key) => ['EXISTS', key]),
      );
      const extra = keys.filter((_, i) => replies[i] === 0);
      await hold(extra.map((key) => ({ database, key, what: 'is not in the source' })));
      onCompared(verified.compared);
    }
  }
  report(verified, await again(suspects, ROUNDS));
  return verified;
}

function report(verified: Verified, suspects: readonly Suspect[]): void {
  verified.different += suspects.length;
  const room = limits.importNamesShown - verified.problems.length;
  for (const { database, key, what } of suspects.slice(0, room))
    verified.problems.push(`${nameOf(database, key)} ${what}`);
}

async function* pagesOf(reader: SourceReader, database: number): AsyncGenerator<readonly Buffer[]> {
  let cursor = '0';
  do {
    const [reply] = await reader.ask(database, [['SCAN', cursor, 'COUNT', String(limits.importScanKeys)]]);
    const page = pageOf(reply);
    yield page.keys;
    cursor = page.cursor;
  } while (cursor !== '0');
}

/** Those that differ where both should be the same. */
async function lookExactly(
  source: SourceReader,
  target: SourceReader,
  suspects: readonly Suspect[],
  atOnePlace: AtOnePlace,
): Promise<Suspect[]> {
  const found: Suspect[] = [];
  for (const database of new Set(suspects.map((one) => one.database))) {
    const keys = suspects.filter((one) => one.database === database).map((one) => one.key);
    await atOnePlace(database, keys, async (values) => {
      found.push(...(await compareValues(source, target, database, values, null)));
    });
  }
  return found;
}

/** Those that still differ after so many rounds. */
async function lookAgain(
  source: SourceReader,
  target: SourceReader,
  suspects: readonly Suspect[],
  clock: Clock,
  rounds: number,
): Promise<Suspect[]> {
  let left = [...suspects];
  for (let round = 0; round < rounds && left.length > 0; round++) {
    await pause(clock, PAUSE_MS);
    const still: Suspect[] = [];
    for (const database of new Set(left.map((one) => one.database))) {
      const keys = left.filter((one) => one.database === database).map((one) => one.key);
      for (let i = 0; i < keys.length; i += limits.importScanKeys) {
        still.push(...(await compare(source, target, database, keys.slice(i, i + limits.importScanKeys), null)));
      }
    }
    left = still;
  }
  return left;
}

async function compare(
  source: SourceReader,
  target: SourceReader,
  database: number,
  keys: readonly Buffer[],
  verified: Verified | null,
): Promise<Suspect[]> {
  const suspects: Suspect[] = [];
  for await (const theirs of source.values(database, keys)) {
    suspects.push(...(await compareValues(source, target, database, theirs, verified)));
  }
  return suspects;
}

async function compareValues(
  source: SourceReader,
  target: SourceReader,
  database: number,
  theirs: readonly KeyAndValue[],
  verified: Verified | null,
): Promise<Suspect[]> {
  const suspects: Suspect[] = [];
  const ours = new Map<string, KeyAndValue['value']>();
  const names = theirs.map(({ key }) => key);
  for await (const some of target.values(database, names)) {
    for (const { key, value } of some) ours.set(key.toString('latin1'), value);
  }
  for (const { key, value } of theirs) {
    const what = difference(value, ours.get(key.toString('latin1')) ?? null, source.expiryToleranceMs);
    if (what === 'not taken') continue;
    if (verified !== null) verified.compared++;
    if (what !== null) suspects.push({ database, key, what });
  }
  return suspects;
}

function difference(source: KeyAndValue['value'], target: KeyAndValue['value'], toleranceMs: number): string | null {
  if (source === null) return target === null ? null : 'is not in the source';
  if (typeof source === 'string') return `cannot be compared: the source answers ${source}`;
  const theirs = readDump(source.payload);
  if (theirs === 'unsupported') return 'not taken';
  if (target === null) return 'is missing';
  if (typeof target === 'string') return `cannot be compared: the target answers ${target}`;
  const ours = readDump(target.payload);
  if (typeof theirs === 'string' || typeof ours === 'string') return 'cannot be compared: a value is not understood';
  if (theirs.kind !== ours.kind) return `is a ${ours.kind}, and a ${theirs.kind} in the source`;
  if (!sameValue(theirs, ours)) return 'has another value';
  const lifeMs = Math.abs(source.expiresAtMs - target.expiresAtMs);
  const isForever = source.expiresAtMs === 0 || target.expiresAtMs === 0;
  return lifeMs > (isForever ? 0 : toleranceMs) ? 'expires at another time' : null;
}

/** Whether two values of one kind have the same content; the order of what has none does not count. */
export function sameValue(a: RdbValue, b: RdbValue): boolean {
  if (a.kind === 'string') return b.kind === 'string' && (a.bytes.equals(b.bytes) || sameRegisters(a.bytes, b.bytes));
  if (b.kind === 'string' || a.items.length !== b.items.length) return false;
  if (a.kind === 'list') return a.items.every((item, i) => b.items[i]?.equals(item) === true);
  const left = elementTexts(a);
  const right = elementTexts(b);
  return left.every((text, i) => right[i] === text);
}

/** Whether both are HyperLogLogs of the same registers: a server may keep them, and the count that it caches, in its own way. */
function sameRegisters(a: Buffer, b: Buffer): boolean {
  const left = registersOf(a);
  const right = registersOf(b);
  return typeof left !== 'string' && typeof right !== 'string' && Buffer.compare(left, right) === 0;
}

function elementTexts(value: Exclude<RdbValue, { kind: 'string' }>): string[] {
  const texts: string[] = [];
  const step = value.kind === 'hash' ? 2 : 1;
  for (let i = 0; i < value.items.length; i += step) {
    const name = value.items[i]?.toString('latin1') ?? '';
    // Score and field's value come after the name's length, and the field's time, so that no two elements have one text.
    const rest = value.kind === 'hash' ? (value.items[i + 1]?.toString('latin1') ?? '') : '';
    const score = value.kind === 'zset' ? String(value.scores[i]) : '';
    const timeMs = value.kind === 'hash' ? (value.times?.[i / 2] ?? 0) : 0;
    texts.push(`${name.length} ${timeMs} ${name}${rest}${score}`);
  }
  return texts.sort();
}
