import { ErrorReply, type Reply, SYNTAX_ERROR } from '../../resp/reply.ts';
import type { CommandRow } from '../command.ts';
import type { Session } from '../session.ts';
import { argument, optionName } from './keyed-row.ts';
import { save } from './server-saving.ts';

const NOT_STOPPING = new ErrorReply('ERR No shutdown in progress.');
const CANNOT = new ErrorReply('ERR this process cannot be ended by a client: send it a signal');
const BOUND = new ErrorReply('NOPERM this user belongs to one namespace; a proxy serves all');
const OPTIONS: readonly string[] = ['nosave', 'save', 'now', 'force', 'abort'];

/** Redis's rules of what goes with what. */
function parseOptions(args: readonly Buffer[]): ReadonlySet<string> | null {
  const options = new Set<string>();
  for (let i = 1; i < args.length; i++) {
    const name = optionName(argument(args, i));
    if (!OPTIONS.includes(name)) return null;
    options.add(name);
  }
  const isContradiction = (options.has('abort') && args.length > 2) || (options.has('nosave') && options.has('save'));
  return isContradiction ? null : options;
}

/** SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]: this process stops in order; the connection is closed without a reply. */
async function shutDown(session: Session, args: readonly Buffer[]): Promise<Reply> {
  const options = parseOptions(args);
  if (options === null) return SYNTAX_ERROR;
  if (session.namespaceBound) return BOUND;
  if (options.has('abort')) return NOT_STOPPING;
  const { stop } = session.proxy.process;
  if (stop === null) return CANNOT;
  if (options.has('save')) {
    const saved = await save(session);
    if (saved instanceof ErrorReply && !options.has('force')) return saved;
  }
  session.proxy.log.warn({ client: session.id, user: session.user }, 'a client asked this process to stop');
  session.destroy();
  stop();
  return null;
}

/** SHUTDOWN. */
export const shutdownCommand: CommandRow = {
  name: 'shutdown',
  group: 'server',
  summary: 'Synchronously save the dataset to disk and then shut down the server',
  since: '1.0.0',
  complexity: 'O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise O(1)',
  arity: -1,
  flags: ['admin', 'noscript', 'loading', 'stale', 'no_multi', 'allow_busy'],
  categories: ['@admin', '@slow', '@dangerous'],
  keys: null,
  docArguments: [
    {
      name: 'nosave_save',
      type: 'oneof',
      optional: true,
      arguments: [
        { name: 'nosave', type: 'pure-token', token: 'NOSAVE' },
        { name: 'save', type: 'pure-token', token: 'SAVE' },
      ],
    },
    { name: 'now', type: 'pure-token', token: 'NOW', since: '7.0.0', optional: true },
    { name: 'force', type: 'pure-token', token: 'FORCE', since: '7.0.0', optional: true },
    { name: 'abort', type: 'pure-token', token: 'ABORT', since: '7.0.0', optional: true },
  ],
  handler: { kind: 'waiting', run: shutDown },
  difference:
    'Ends the process that the client is connected to, no other of the cluster; it lets commands under way end, NOW or not, and cannot be aborted. SAVE makes a backup first; without it there is nothing to save. A proxy of several workers ends with all of them.',
};
