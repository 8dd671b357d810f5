import type { KeyLocation, KeyReplica } from '../proxy/cluster-port.ts';
import { argument } from '../proxy/commands/keyed-row.ts';
import { namespaceNumber, type Session } from '../proxy/session.ts';
import { type Ballot, isNoBallot } from '../record/ballot.ts';
import { rowLength } from '../record/ballot-row.ts';
import { MapReply, type Reply } from '../resp/reply.ts';

/** JUNO.LOCATE */
export async function locate(session: Session, args: readonly Buffer[]): Promise<Reply> {
  const { cluster, namespaces } = session.proxy;
  const location = await cluster.locate(namespaceNumber(session), argument(args, 1));
  return locationReply(namespaces.nameOf(session), session.database, location);
}

/** JUNO.INSPECT */
export async function inspect(session: Session, args: readonly Buffer[]): Promise<Reply> {
  const replicas = await session.proxy.cluster.inspect(namespaceNumber(session), argument(args, 1));
  return replicas.map(replicaReply);
}

function locationReply(namespace: string, database: number, location: KeyLocation): Reply {
  const { slot, shard, shardEpoch, mapEpoch, nodes } = location;
  return new MapReply([
    ['slot', slot],
    ['shard', shard],
    ['shardEpoch', shardEpoch],
    ['mapEpoch', mapEpoch],
    ['namespace', namespace],
    ['database', database],
    [
      'nodes',
      nodes.map(
        ({ zone, nodeId, host, port, up }) =>
          new MapReply([
            ['zone', zone],
            ['nodeId', nodeId],
            ['host', host],
            ['port', port],
            ['up', up ? 1 : 0],
          ]),
      ),
    ],
  ]);
}

/** All fields always; nil where the replica has, or tells, nothing of the kind. */
function replicaReply({ zone, nodeId, replica }: KeyReplica): Reply {
  const held = replica.kind === 'live' || replica.kind === 'dead' ? replica : null;
  const header = held?.header ?? null;
  const content = held?.content ?? null;
  return new MapReply([
    ['zone', zone],
    ['nodeId', nodeId],
    ['state', replica.kind],
    ['ballot', held === null ? null : ballotText(held.accepted)],
    ['origin', header === null ? null : ballotText(header.origin)],
    ['recordVersion', content?.recordVersion ?? null],
    ['creationTime', content?.creationTimeMs ?? null],
    ['lastModified', content?.lastModifiedMs ?? null],
    ['expiresAt', header?.expiresAtMs ?? null],
    ['sizeBytes', header?.sizeBytes ?? null],
    ['generation', header?.generation ?? null],
    ['paged', header === null ? null : header.paged ? 1 : 0],
    ['lineage', header === null ? null : rowLength(header.lineage)],
    ['requests', content?.requests.entries.length ?? null],
  ]);
}

/** `time.proposer`, the time in microseconds; `none` of a tombstone made from nothing. */
function ballotText(ballot: Ballot): string {
  return isNoBallot(ballot) ? 'none' : `${ballot.time}.${ballot.proposer}`;
}
