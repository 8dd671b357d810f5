import { parseInteger } from '../../resp/integer.ts';
import { ErrorReply, NOT_AN_INTEGER, type Reply } from '../../resp/reply.ts';
import type { CommandRow } from '../command.ts';
import type { Session } from '../session.ts';
import { argument } from './keyed-row.ts';

const NOT_A_TIMEOUT = new ErrorReply('ERR timeout is not an integer or out of range');
const NEGATIVE_TIMEOUT = new ErrorReply('ERR timeout is negative');

/** WAIT numreplicas timeout: a write is answered when a majority has it, so there is nothing to wait for. */
async function wait(session: Session, args: readonly Buffer[]): Promise<Reply> {
  if (parseInteger(argument(args, 1)) === null) return NOT_AN_INTEGER;
  const timeout = parseInteger(argument(args, 2));
  if (timeout === null) return NOT_A_TIMEOUT;
  if (timeout < 0) return NEGATIVE_TIMEOUT;
  return Math.floor(session.proxy.cluster.map().zones.length / 2);
}

/** WAIT. */
export const waitCommand: CommandRow = {
  name: 'wait',
  group: 'generic',
  summary:
    'Wait for the synchronous replication of all the write commands sent in the context of the current connection',
  since: '3.0.0',
  complexity: 'O(1)',
  arity: 3,
  flags: ['noscript'],
  categories: ['@slow', '@connection'],
  keys: null,
  docArguments: [
    { name: 'numreplicas', type: 'integer' },
    { name: 'timeout', type: 'integer' },
  ],
  // A barrier: what came before on the connection has been answered.
  handler: { kind: 'waiting', run: wait },
  difference:
    'Answers at once: of the replicas beside the first how many have acknowledged every write that was answered, a majority less one; no more are waited for.',
};
