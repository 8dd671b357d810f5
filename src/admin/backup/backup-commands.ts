import type { Command, CommandInput } from '../command-input.ts';
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE } from '../serve.ts';
import { openChain } from './backup-chain.ts';
import { BackupLink } from './backup-link.ts';
import { liveTotal, totalBytes } from './backup-manifest.ts';
import { BackupProblem } from './backup-problem.ts';
import { bytesText, durationText } from './backup-progress.ts';
import { runBackup } from './backup-run.ts';
import { type CheckResult, compareChain, verifyChain } from './check-run.ts';
import { ClusterRecords } from './cluster-records.ts';
import { BackupOpener } from './opened-record.ts';
import { type RestoreMode, runRestore } from './restore-run.ts';

/** What a command prints; a check that found something ends with EXIT_FAILED. */
interface Answer {
  readonly text: string;
  readonly json: object;
  readonly exitCode: number;
}

const MIB = 1_048_576;

/** `junokv backup DIR` */
export const backupCommand = command(async ({ config, words: [dir = ''], system }) => {
  const link = new BackupLink(config, system.clock);
  try {
    const request = { dir, since: config.since, bytesPerSecond: config.backupRate * MIB };
    const result = await runBackup(request, new ClusterRecords(link), system);
    const { manifest, stored, resumed, tookMs } = result;
    const live = liveTotal(manifest);
    const kind = manifest.base === null ? 'full' : 'incremental';
    const bytes = totalBytes(manifest);
    return {
      text: `${kind} backup of ${live} records in ${dir}: ${stored} of them stored here, ${bytesText(bytes)}, in ${durationText(tookMs)}${resumed ? ', gone on with' : ''}`,
      json: { backupId: manifest.backupId, kind, records: live, stored, bytes, files: manifest.files.length, resumed },
      exitCode: EXIT_OK,
    };
  } finally {
    link.close();
  }
});

/** `junokv restore DIR` */
export const restoreCommand = command(async ({ config, words: [dir = ''], system }) => {
  if (config.merge && config.replace) throw new UsageProblem('--merge and --replace exclude one another');
  const mode: RestoreMode = config.merge ? 'merge' : config.replace ? 'replace' : 'empty';
  const links = openChain(dir);
  const opener = openerOf(links, config.keystore, system);
  const link = new BackupLink(config, system.clock);
  try {
    const request = { links, mode, bytesPerSecond: config.backupRate * MIB };
    const startedMs = system.clock.monotonicMs();
    const counts = await runRestore(request, opener, link, new ClusterRecords(link), system);
    const { written, same, kept, expired, deleted } = counts;
    const took = durationText(system.clock.monotonicMs() - startedMs);
    const others = [
      [same, 'there already'],
      [kept, 'kept as the cluster has them'],
      [expired, 'expired by now'],
      [deleted, 'deleted'],
    ].flatMap(([count, what]) => (count === 0 ? [] : [`, ${count} ${what}`]));
    return {
      text: `restored ${written} records${others.join('')}, in ${took}`,
      json: { ...counts },
      exitCode: EXIT_OK,
    };
  } finally {
    link.close();
  }
});

/** `junokv backup verify DIR` */
export const backupVerifyCommand = command(async ({ config, words: [dir = ''], system }) => {
  const links = openChain(dir);
  const result = await verifyChain(links, openerOf(links, config.keystore, system), system);
  return checked(result, `${result.records} records in ${links.length} backups open, and none is missing`);
});

/** `junokv backup compare DIR` */
export const backupCompareCommand = command(async ({ config, words: [dir = ''], system }) => {
  const links = openChain(dir);
  const opener = openerOf(links, config.keystore, system);
  const link = new BackupLink(config, system.clock);
  try {
    const result = await compareChain(links, opener, link, new ClusterRecords(link), system);
    return checked(result, `the cluster has the ${result.records} records of the backup, and no others`);
  } finally {
    link.close();
  }
});

function openerOf(links: ReturnType<typeof openChain>, keystore: string, system: CommandInput['system']): BackupOpener {
  const [newest] = links;
  if (newest === undefined) throw new BackupProblem('there is no backup');
  return BackupOpener.open(keystore, newest.manifest, system.random);
}

function checked(result: CheckResult, fine: string): Answer {
  const { records, expired, problems, problemCount } = result;
  const json = { records, expired, problems, problemCount };
  if (problemCount === 0) {
    return { text: expired === 0 ? fine : `${fine}; ${expired} have expired by now`, json, exitCode: EXIT_OK };
  }
  const more = problemCount - problems.length;
  const lines = [...problems, ...(more > 0 ? [`and ${more} more`] : [])];
  return { text: `${problemCount} problems\n  ${lines.join('\n  ')}`, json, exitCode: EXIT_FAILED };
}

class UsageProblem extends Error {
  override readonly name = 'UsageProblem';
}

function command(work: (input: CommandInput) => Promise<Answer>): Command {
  return async (input) => {
    const { config, system } = input;
    const hold = system.hold();
    try {
      const { text, json, exitCode } = await work(input);
      const isFine = exitCode === EXIT_OK;
      if (config.json) system.print(JSON.stringify({ ok: isFine, ...json }));
      else if (isFine) system.print(text);
      else system.complain(`junokv: ${text}`);
      return exitCode;
    } catch (error) {
      if (!(error instanceof BackupProblem || error instanceof UsageProblem)) throw error;
      if (config.json) system.print(JSON.stringify({ ok: false, error: { message: error.message } }));
      else system.complain(`junokv: ${error.message}`);
      return error instanceof UsageProblem ? EXIT_USAGE : EXIT_FAILED;
    } finally {
      hold.cancel();
    }
  };
}
