import { createHash } from 'node:crypto';
import { limits } from '../../base/limits.ts';
import type { System } from '../system.ts';
import { type ChainLink, readChain } from './backup-chain.ts';
import type { PageEntry, Position, RecordEntry } from './backup-format.ts';
import { type BackupLink, bytesOf } from './backup-link.ts';
import { liveTotal } from './backup-manifest.ts';
import { BackupProblem } from './backup-problem.ts';
import { BackupProgress } from './backup-progress.ts';
import { CallWindow } from './call-window.ts';
import type { ClusterRecords } from './cluster-records.ts';
import { type BackupOpener, type OpenedBackupRecord, placeOf } from './opened-record.ts';
import { checkFiles, namespaceNumbers, recordArguments, shareOf } from './restore-run.ts';
import { takePieces, type ValuePiece } from './value-pieces.ts';

/** What a check found; `problems` are in words, as many as limits.backupProblemsShown. */
export interface CheckResult {
  /** Records that were opened, or compared. */
  records: number;
  /** Of them, those that are past their expiry by now. */
  expired: number;
  problems: string[];
  problemCount: number;
}

function noProblems(): CheckResult {
  return { records: 0, expired: 0, problems: [], problemCount: 0 };
}

function add(result: CheckResult, problem: string): void {
  result.problemCount++;
  if (result.problems.length < limits.backupProblemsShown) result.problems.push(problem);
}

/**
 * Reads a whole chain: the checksum of every file, the seal of every record and page, and that no live record is missing.
 * Throws BackupProblem where the files are damaged so that they cannot be read on.
 */
export async function verifyChain(
  links: readonly ChainLink[],
  opener: BackupOpener,
  system: System,
): Promise<CheckResult> {
  await checkFiles(links, system, 'verify');
  const result = noProblems();
  const progress = new BackupProgress(system, 'verify');
  const shards = links[0]?.manifest.shards ?? 1;
  const openAll = async (entry: RecordEntry, nextPage: () => Promise<PageEntry | null>): Promise<void> => {
    result.records++;
    const record = opener.record(entry);
    if (typeof record === 'string') {
      add(result, `${placeOf(entry)} ${record}`);
      return;
    }
    try {
      for await (const _piece of opener.pieces(record, nextPage));
    } catch (error) {
      if (!(error instanceof BackupProblem)) throw error;
      add(result, `${placeOf(entry)}: ${error.message}`);
    }
  };
  let live = 0;
  try {
    for await (const item of readChain(links, openAll)) {
      if (item.kind !== 'dead') live++;
      if (item.kind === 'missing') add(result, `the chain lacks ${placeOf(item.entry)}, which was live`);
      if (item.kind === 'live') await openAll(item.record, item.nextPage);
      progress.show(shareOf(item, shards), `${result.records} records`);
    }
  } finally {
    progress.end();
  }
  const promised = links[0] === undefined ? 0 : liveTotal(links[0].manifest);
  if (live !== promised) add(result, `the manifest tells of ${promised} live records, and there are ${live}`);
  return result;
}

/**
 * Compares every record of a chain with a running cluster: value, expiry, version and times; and looks for records that
 * the cluster has beyond them. Throws BackupProblem.
 */
export async function compareChain(
  links: readonly ChainLink[],
  opener: BackupOpener,
  link: BackupLink,
  cluster: ClusterRecords,
  system: System,
): Promise<CheckResult> {
  const [newest] = links;
  if (newest === undefined) throw new BackupProblem('there is no backup');
  const result = noProblems();
  const progress = new BackupProgress(system, 'compare');
  const numbers = await namespaceNumbers(newest.manifest, cluster);
  const window = new CallWindow(system.clock, limits.backupCallsAtOnce, limits.backupBytesAtOnce, 0);
  const check = async (record: OpenedBackupRecord, { offset, length, bytes }: ValuePiece): Promise<string> => {
    const sha256 = createHash('sha256').update(bytes).digest();
    const args = recordArguments(record, numbers);
    return bytesOf(await link.backup('CHECK', ...args, offset, length, sha256)).toString('latin1');
  };
  let live = 0;
  const note = (place: Position, words: ReadonlySet<string>): void => {
    result.records++;
    if (words.has('expired')) result.expired++;
    for (const word of words) {
      if (word === 'absent') add(result, `${placeOf(place)} is not in the cluster`);
      else if (word !== 'same' && word !== 'expired') add(result, `${placeOf(place)} differs: ${word}`);
    }
    if (!words.has('absent') && !words.has('expired')) live++;
  };
  try {
    for await (const item of readChain(links)) {
      if (item.kind === 'missing') add(result, `the chain lacks ${placeOf(item.entry)}, which was live`);
      if (item.kind !== 'live') continue;
      const record = opener.record(item.record);
      if (typeof record === 'string') throw new BackupProblem(`${placeOf(item.record)} ${record}`);
      const pieces = opener.pieces(record, item.nextPage);
      const first = await takePieces(pieces, limits.backupPieceBytes);
      const words = new Set<string>();
      const checkFirst = async (): Promise<void> => {
        for (const piece of first.pieces) words.add(await check(record, piece));
        if (first.isAll) note(item.record, words);
      };
      await window.start(first.bytes, checkFirst);
      if (!first.isAll) {
        await window.drained();
        for await (const piece of pieces) words.add(await check(record, piece));
        note(item.record, words);
      }
      progress.show(shareOf(item, newest.manifest.shards), `${result.records} records`);
    }
    await window.drained();
  } catch (error) {
    await window.drained().catch(() => {});
    throw error;
  } finally {
    progress.end();
  }
  const held = await countLive(cluster);
  if (held !== live) add(result, `the cluster has ${held} live records, and ${live} of them are in the backup`);
  return result;
}

async function countLive(cluster: ClusterRecords): Promise<number> {
  const { shards } = await cluster.info();
  let count = 0;
  for await (const part of cluster.parts({ shard: 0, id: '' }, shards)) count += part.entries.length;
  return count;
}
