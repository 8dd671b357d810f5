import { ClusterFailure } from '../proxy/cluster-port.ts';
import type { CommandRow } from '../proxy/command.ts';
import { argument } from '../proxy/commands/keyed-row.ts';
import type { Session } from '../proxy/session.ts';
import { ID_BYTES } from '../record/record-id.ts';
import { parseInteger } from '../resp/integer.ts';
import { ErrorReply, type Reply } from '../resp/reply.ts';

const NO_STORE = new ErrorReply('ERR this server has no stored records to sweep');
const BAD = new ErrorReply('BADPARAM malformed argument');

/**
 * JUNO.SWEEP SHARD shard after-id: sweeps a part of a shard now. Answers the last id looked at, 1 if the shard's end was
 * reached, the node that swept, and the counts of `SweepFindings` by name.
 */
async function sweepShard(session: Session, args: readonly Buffer[]): Promise<Reply> {
  const { cluster } = session.proxy;
  if (cluster.verify === undefined) return NO_STORE;
  const shard = parseInteger(argument(args, 2));
  const after = argument(args, 3);
  const { shards } = cluster.map();
  if (typeof shard !== 'number' || shard < 0 || shard >= shards) return BAD;
  if (after.length !== 0 && after.length !== ID_BYTES) return BAD;
  const verified = await cluster.verify(shard, after.toString('latin1'));
  if (!verified.ok) throw new ClusterFailure(verified.failure);
  const { findings, lastId, exhausted } = verified.swept;
  const counts: Reply = Object.entries(findings).flat();
  return [Buffer.from(lastId, 'latin1'), exhausted ? 1 : 0, verified.nodeId, counts];
}

/** JUNO.SWEEP SHARDS: how many there are. */
async function shardCount(session: Session): Promise<Reply> {
  return session.proxy.cluster.map().shards;
}

function row(name: string, arity: number, summary: string, run: typeof sweepShard): CommandRow {
  return {
    name: `juno.sweep|${name}`,
    group: 'juno',
    summary,
    since: '0.1.0',
    complexity: 'O(N) where N is the number of records looked at',
    arity,
    flags: ['readonly', 'admin', 'noscript'],
    categories: ['@read', '@admin', '@slow', '@dangerous'],
    keys: null,
    docArguments: [{ name: 'argument', type: 'string', optional: true, multiple: true }],
    handler: { kind: 'waiting', run },
  };
}

/** What `junokv cluster verify` asks for. */
export const sweepCommands: readonly CommandRow[] = [
  {
    name: 'juno.sweep',
    group: 'juno',
    summary: "A container for what 'junokv cluster verify' asks for",
    since: '0.1.0',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    categories: ['@slow'],
    keys: null,
    docArguments: [],
    handler: null,
    difference: 'For junokv cluster verify; its arguments may change with the version. Needs a user with admin rights.',
    subcommands: [
      row('shard', 4, 'Sweeps a part of a shard now: compares its replicas and repairs what differs', sweepShard),
      row('shards', 2, 'How many shards there are', shardCount),
    ],
  },
];
