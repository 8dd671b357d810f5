import { ErrorReply, OK, type Reply, SimpleString, SYNTAX_ERROR } from '../../resp/reply.ts';
import type { CommandRow } from '../command.ts';
import type { BackupKeeper } from '../process-port.ts';
import type { Session } from '../session.ts';
import { argument, optionName } from './keyed-row.ts';

const NO_DIRECTORY = new ErrorReply(
  "ERR this proxy was given no directory for backups: start it with --backup-dir, or run 'junokv backup'",
);
const IN_PROGRESS = new ErrorReply('ERR Background save already in progress');
const BOUND = new ErrorReply('NOPERM this user belongs to one namespace; a backup is of all');
const STARTED = new SimpleString('Background saving started');
const DIFFERENCE =
  'Makes a backup of the whole cluster (docs/backup.md) in a new directory within that of --backup-dir; without one it is an error. No write needs it: what was acknowledged is in the logs of the storage nodes.';

function keeperOf(session: Session): BackupKeeper | ErrorReply {
  const { backups } = session.proxy.process;
  if (session.namespaceBound) return BOUND;
  if (backups === null) return NO_DIRECTORY;
  return backups.isSaving ? IN_PROGRESS : backups;
}

function failed(problem: string): ErrorReply {
  return new ErrorReply(`ERR the backup failed: ${problem.replaceAll(/[\r\n]/g, ' ')}`);
}

/** SAVE: answers when the backup is complete. */
export async function save(session: Session): Promise<Reply> {
  const keeper = keeperOf(session);
  if (keeper instanceof ErrorReply) return keeper;
  const problem = await keeper.save();
  return problem === null ? OK : failed(problem);
}

/** BGSAVE [SCHEDULE] */
function backgroundSave(session: Session, args: readonly Buffer[]): Reply {
  if (args.length > 2 || (args.length === 2 && optionName(argument(args, 1)) !== 'schedule')) return SYNTAX_ERROR;
  const keeper = keeperOf(session);
  if (keeper instanceof ErrorReply) return keeper;
  const { log } = session.proxy;
  void keeper.save().then((problem) => {
    if (problem !== null) log.error({ problem }, 'the backup that BGSAVE began failed');
  });
  return STARTED;
}

function lastSave(session: Session): Reply {
  const { backups } = session.proxy.process;
  return Math.floor((backups?.lastSaveMs ?? session.proxy.info.identity.startedAtMs) / 1000);
}

/** SAVE, BGSAVE and LASTSAVE: backups. */
export const savingCommands: readonly CommandRow[] = [
  {
    name: 'save',
    group: 'server',
    summary: 'Synchronously save the dataset to disk',
    since: '1.0.0',
    complexity: 'O(N) where N is the total number of keys in all databases',
    arity: 1,
    flags: ['admin', 'noscript', 'no_async_loading', 'no_multi'],
    categories: ['@admin', '@slow', '@dangerous'],
    keys: null,
    docArguments: [],
    handler: { kind: 'waiting', run: save },
    difference: DIFFERENCE,
  },
  {
    name: 'bgsave',
    group: 'server',
    summary: 'Asynchronously save the dataset to disk',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: -1,
    flags: ['admin', 'noscript', 'no_async_loading'],
    categories: ['@admin', '@slow', '@dangerous'],
    keys: null,
    docArguments: [{ name: 'schedule', type: 'pure-token', token: 'SCHEDULE', since: '3.2.2', optional: true }],
    handler: { kind: 'session', run: backgroundSave },
    difference: DIFFERENCE,
  },
  {
    name: 'lastsave',
    group: 'server',
    summary: 'Get the UNIX time stamp of the last successful save to disk',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 1,
    flags: ['loading', 'stale', 'fast'],
    categories: ['@admin', '@fast', '@dangerous'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: lastSave },
    difference: 'When the last backup was made through this proxy, or when the proxy was started.',
  },
];
