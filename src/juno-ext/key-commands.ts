import { limits } from '../base/limits.ts';
import { ClusterFailure, type KeysPort } from '../proxy/cluster-port.ts';
import type { CommandRow } from '../proxy/command.ts';
import { argument } from '../proxy/commands/keyed-row.ts';
import type { Session } from '../proxy/session.ts';
import type { KeyUsePlace } from '../quorum/resealer.ts';
import { ID_BYTES } from '../record/record-id.ts';
import { parseInteger } from '../resp/integer.ts';
import { ErrorReply, type Reply } from '../resp/reply.ts';

/* What `junokv keys` asks a proxy for (docs/operations.md). A proxy keeps nothing between two calls. */

const SINCE = '0.1.0';
const NO_STORE = new ErrorReply('ERR this server has no stored records, and no keys');
const BOUND = new ErrorReply('NOPERM this user belongs to one namespace; keys are for all');
const BAD = new ErrorReply('BADPARAM malformed argument');
const MAX_REPLICAS = 16;

type Run = (keys: KeysPort, session: Session, args: readonly Buffer[]) => Promise<Reply>;

function run(work: Run): CommandRow['handler'] {
  return {
    kind: 'waiting',
    run: async (session, args) => {
      const { keys } = session.proxy.cluster;
      if (keys === undefined) return NO_STORE;
      return session.namespaceBound ? BOUND : work(keys, session, args);
    },
  };
}

/** JUNO.KEYS VERSIONS: what this proxy has, as JSON. No key is in it. */
const versions: Run = async (keys, session) => {
  const { shards, moves } = session.proxy.cluster.map();
  const { fingerprint, activeVersion } = keys;
  return JSON.stringify({ fingerprint, activeVersion, versions: keys.versions, shards, moves: moves.length });
};

function placeOf(session: Session, args: readonly Buffer[]): KeyUsePlace | null {
  const shard = parseInteger(argument(args, 2));
  const replica = parseInteger(argument(args, 3));
  const part = argument(args, 4).toString('latin1').toLowerCase();
  const [afterId, afterPage] = [argument(args, 5), argument(args, 6)];
  const isId = (bytes: Buffer): boolean => bytes.length === 0 || bytes.length === ID_BYTES;
  if (typeof shard !== 'number' || shard < 0 || shard >= session.proxy.cluster.map().shards) return null;
  if (typeof replica !== 'number' || replica < 0 || replica >= MAX_REPLICAS) return null;
  if (!isId(afterId) || !isId(afterPage) || (part !== 'records' && part !== 'pages')) return null;
  return {
    shard,
    replica,
    pages: part === 'pages',
    afterId: afterId.toString('latin1'),
    afterPage: afterPage.toString('latin1'),
  };
}

/**
 * JUNO.KEYS USE|RESEAL shard replica RECORDS|PAGES after-id after-page: counts in a part of what one node holds, and with RESEAL
 * seals anew what the active version does not seal. Answers the node, how many nodes there are, where it stopped (id and page),
 * whether that was the end, what was sealed anew, what could not be, what is unreadable, and of each version: version, number,
 * bytes.
 */
function looking(limit: number): Run {
  return async (keys, session, args) => {
    const place = placeOf(session, args);
    if (place === null) return BAD;
    const looked = await keys.look(place, limit);
    if (!looked.ok) throw new ClusterFailure(looked.failure);
    const { nodeId, replicas, used, resealed, failed } = looked.value;
    return [
      nodeId,
      replicas,
      Buffer.from(used.lastId, 'latin1'),
      Buffer.from(used.lastPage, 'latin1'),
      used.exhausted ? 1 : 0,
      resealed,
      failed,
      used.unreadable,
      used.uses.flatMap(({ keyVersion, count, bytes }) => [keyVersion, count, bytes]),
    ];
  };
}

function row(name: string, arity: number, writes: boolean, summary: string, work: Run): CommandRow {
  return {
    name: `juno.keys|${name}`,
    group: 'juno',
    summary,
    since: SINCE,
    complexity: arity === 2 ? 'O(1)' : 'O(N) where N is the number of records looked at',
    arity,
    flags: [writes ? 'write' : 'readonly', 'admin', 'noscript'],
    categories: [writes ? '@write' : '@read', '@admin', '@slow', '@dangerous'],
    keys: null,
    docArguments: [{ name: 'argument', type: 'string', optional: true, multiple: true }],
    handler: run(work),
  };
}

/** What `junokv keys` asks for. */
export const keyCommands: readonly CommandRow[] = [
  {
    name: 'juno.keys',
    group: 'juno',
    summary: "A container for what 'junokv keys' asks for",
    since: SINCE,
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    categories: ['@slow'],
    keys: null,
    docArguments: [],
    handler: null,
    difference: 'For junokv keys; its arguments may change with the version. Needs a user with admin rights.',
    subcommands: [
      row('versions', 2, false, 'The versions of the encryption key that this proxy has', versions),
      row('use', 7, false, 'What each key version seals, in a part of what one node holds', looking(0)),
      row('reseal', 7, true, 'Seals anew what old key versions seal there', looking(limits.resealsPerCall)),
    ],
  },
];
