import type { Audit, AuditOutcome } from '../base/audit.ts';
import { limits } from '../base/limits.ts';
import { ErrorReply, type Reply } from '../resp/reply.ts';
import { ClusterFailure } from './cluster-port.ts';
import type { CommandRow, Handler } from './command.ts';
import { withoutSecrets } from './redact.ts';
import type { Session } from './session.ts';

/**
 * What changes users, limits, keys, members or the configuration, destroys all of something, or lets somebody see what others
 * do. Of a backup only its beginning, as it is thousands of calls.
 */
const AUDITED: ReadonlySet<string> = new Set([
  'acl|deluser',
  'acl|load',
  'acl|save',
  'acl|setuser',
  'bgsave',
  'client|kill',
  'client|pause',
  'config|resetstat',
  'config|rewrite',
  'config|set',
  'debug',
  'flushall',
  'flushdb',
  'juno.backup|flush',
  'juno.backup|info',
  'juno.limits|set',
  'juno.namespaces|create',
  'monitor',
  'save',
  'shutdown',
  'slowlog|reset',
  'swapdb',
]);

/**
 * The same commands, of which those that an operator must be able to account for are entered in `audit`: who, from where, what,
 * and what became of it. What waits for the cluster is answered when its entry is on the disk.
 */
export function auditedCommands(rows: readonly CommandRow[], audit: Audit): CommandRow[] {
  return rows.map((row) => {
    const { subcommands } = row;
    const own = AUDITED.has(row.name) ? auditedRow(row, audit) : row;
    return subcommands === undefined ? own : { ...own, subcommands: auditedCommands(subcommands, audit) };
  });
}

function auditedRow(row: CommandRow, audit: Audit): CommandRow {
  const note = (session: Session, args: readonly Buffer[], outcome: AuditOutcome, detail = ''): Promise<void> =>
    audit.note({
      user: session.user,
      address: session.remoteAddress,
      action: row.name.replace('|', ' ').toUpperCase(),
      arguments: shownArguments(row, args),
      outcome,
      ...(detail === '' ? {} : { detail }),
    });
  return {
    ...row,
    handler: auditedHandler(row.handler, note),
    onDenied: (session, args) => {
      void note(session, args, 'denied');
    },
  };
}

type Note = (session: Session, args: readonly Buffer[], outcome: AuditOutcome, detail?: string) => Promise<void>;

function auditedHandler(handler: Handler | null, note: Note): Handler | null {
  if (handler?.kind === 'session') {
    const run = (session: Session, args: readonly Buffer[]): Reply | undefined => {
      const reply = handler.run(session, args);
      void noteReply(note, session, args, reply);
      return reply;
    };
    return { kind: 'session', run };
  }
  if (handler?.kind !== 'waiting') return handler;
  return {
    kind: 'waiting',
    async run(session, args) {
      try {
        const reply = await handler.run(session, args);
        await noteReply(note, session, args, reply);
        return reply;
      } catch (error) {
        const detail =
          error instanceof ClusterFailure ? `${error.failure.kind}: ${error.failure.detail}` : 'internal error';
        await note(session, args, 'failed', detail);
        throw error;
      }
    },
  };
}

function noteReply(note: Note, session: Session, args: readonly Buffer[], reply: Reply | undefined): Promise<void> {
  return reply instanceof ErrorReply ? note(session, args, 'failed', reply.text) : note(session, args, 'done');
}

/** Without the command's name, without passwords, and cut. */
function shownArguments(row: CommandRow, args: readonly Buffer[]): string[] {
  const shown = withoutSecrets(args).slice(row.name.includes('|') ? 2 : 1);
  const texts = shown.slice(0, limits.auditArguments).map((argument) => {
    const text = argument.subarray(0, limits.auditArgumentBytes).toString('utf8');
    return argument.length > limits.auditArgumentBytes ? `${text}...` : text;
  });
  return shown.length > limits.auditArguments ? [...texts, `... ${shown.length - limits.auditArguments} more`] : texts;
}
