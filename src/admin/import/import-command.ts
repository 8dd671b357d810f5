import { resolve } from 'node:path';
import { limits } from '../../base/limits.ts';
import { bytesText, durationText } from '../backup/backup-progress.ts';
import type { Command } from '../command-input.ts';
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE } from '../serve.ts';
import type { System } from '../system.ts';
import { ImportCounts, talliesText } from './import-counts.ts';
import { ImportProblem } from './import-problem.ts';
import { ImportRun } from './import-run.ts';
import { isRedisUrl } from './source-place.ts';

/** `junokv import FILE|redis://HOST:PORT` */
export const importCommand: Command = async (input) => {
  const { config, words, system } = input;
  const [from = ''] = words;
  const hold = system.hold();
  const counts = new ImportCounts();
  const startedMs = system.clock.monotonicMs();
  try {
    const isServer = isRedisUrl(from);
    if (!isServer && (config.follow || config.importVerify)) {
      return usage(system, '--follow and --verify need a running source: redis://HOST:PORT');
    }
    if (config.untilCaughtUp && !config.follow) return usage(system, '--until-caught-up needs --follow');
    if (config.follow && config.sourceDatabases === 'one') {
      return usage(system, '--follow takes all databases: a replica is sent all of them');
    }
    const run = new ImportRun(input, isServer ? from : resolve(from), counts);
    const { verified, problem, isStopped } = await run.run();
    const tookMs = system.clock.monotonicMs() - startedMs;
    const isFine = problem === null && counts.failures === 0 && (verified?.different ?? 0) === 0;
    if (config.json) {
      const result = { ok: isFine, stopped: isStopped, tookMs: Math.round(tookMs), ...counts.toJson() };
      system.print(JSON.stringify({ ...result, ...(verified === null ? {} : { verified }), problem }));
    } else {
      const text = linesOf(counts, tookMs, isStopped, verified, problem).join('\n');
      if (isFine) system.print(text);
      else system.complain(text);
    }
    return isFine ? EXIT_OK : EXIT_FAILED;
  } catch (error) {
    if (!(error instanceof ImportProblem)) throw error;
    if (config.json) {
      system.print(JSON.stringify({ ok: false, error: { message: error.message }, ...counts.toJson() }));
    } else {
      system.complain(`junokv: ${error.message}`);
      if (counts.keys > 0) system.complain(`${counts.keys} keys were written; the same command goes on from there`);
    }
    return EXIT_FAILED;
  } finally {
    hold.cancel();
  }
};

function usage(system: System, text: string): number {
  system.complain(`junokv: ${text}`);
  return EXIT_USAGE;
}

type Result = Awaited<ReturnType<ImportRun['run']>>;

function linesOf(
  counts: ImportCounts,
  tookMs: number,
  isStopped: boolean,
  verified: Result['verified'],
  problem: string | null,
): string[] {
  const lines = [`imported ${counts.keys} keys, ${bytesText(counts.bytes)}, in ${durationText(tookMs)}`];
  if (counts.commands > 0) {
    lines.push(`and ${counts.commands} commands that came meanwhile; ${counts.repaired} keys were copied once more`);
  }
  if (counts.expired > 0) lines.push(`${counts.expired} keys had expired`);
  if (counts.skipped.size > 0) lines.push(`not taken: ${talliesText(counts.skipped)}`);
  if (counts.refused.size > 0) {
    lines.push(`commands refused, their keys copied instead: ${talliesText(counts.refused)}`);
  }
  if (counts.failed.size > 0) lines.push(`FAILED: ${talliesText(counts.failed)}`);
  if (verified !== null) {
    lines.push(
      verified.different === 0
        ? `compared ${verified.compared} keys: all of them are the same`
        : `compared ${verified.compared} keys: ${verified.different} are DIFFERENT`,
      ...verified.problems.map((text) => `  ${text}`),
    );
    const more = verified.different - verified.problems.length;
    if (more > 0 && verified.problems.length >= limits.importNamesShown) lines.push(`  and ${more} more`);
  }
  if (problem !== null) lines.push(problem);
  if (isStopped) lines.push('stopped; the same command goes on from here');
  return lines;
}
