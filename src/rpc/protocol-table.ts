import { MessageType } from './messages.ts';

/** Which versions of the protocol a program speaks: all from `min` to `max`. */
export interface ProtocolVersions {
  readonly min: number;
  readonly max: number;
}

/** What this program speaks. A change of the table below is a new version, never an edit of a published one. */
export const PROTOCOL_VERSIONS: ProtocolVersions = { min: 1, max: 1 };

export interface ProtocolRow {
  readonly name: keyof typeof MessageType;
  readonly number: number;
  readonly direction: 'request' | 'response';
  /** First protocolVersion that has it. */
  readonly since: number;
  /** Fields in order, in the notation of message-codec.ts. */
  readonly body: string;
}

function request(name: keyof typeof MessageType, body: string, since = 1): ProtocolRow {
  return { name, number: MessageType[name], direction: 'request', since, body };
}

function response(name: keyof typeof MessageType, body: string, since = 1): ProtocolRow {
  return { name, number: MessageType[name], direction: 'response', since, body };
}

/**
 * Every message on the wire. A later version may add messages, with itself as `since`: who sends one to an older node gets TOO_NEW
 * (node-peer.ts). It may add fields at the end of a body, which the codecs write and read from their version on
 * (`protocolVersion` of WireWriter and WireReader). The codecs repeat their row above each function; tests check that they agree, and hold the
 * table's hash. LOST is not here: it is never sent.
 */
export const protocolTable: readonly ProtocolRow[] = [
  request('read', 'address want ballot?'),
  request('prepare', 'address ballot want'),
  request('commit', 'address ballot baseOrigin:ballot next:ballot? manifest? state'),
  request('putPages', 'address page*'),
  request('getPages', 'address id*'),
  request('listPages', 'address ifOrigin:ballot'),
  request('missingPages', 'address id*'),
  request('pinPages', 'address'),
  request('scan', 'shard:u16 epoch:u32 namespace:u32 epoch:u32 generation:u32 afterId:id? limit:u32 want'),
  request('adoptMap', 'map:text'),
  request('nodeStatus', '-'),
  request('readMany', 'load:flag (address want)*'),
  request('prepareMany', 'load:flag ballot (address want)*'),
  request('commitMany', 'load:flag (address ballot next:ballot? state)*'),
  request('listRecords', 'shard:u16 epoch:u32 afterId:id? untilId:id? limit:u32 want'),
  request('getMap', 'above:u32'),
  request('digest', 'shard:u16 epoch:u32 afterId:id? untilId:id?'),
  request('purge', 'shard:u16 epoch:u32 (id accepted:ballot)*'),
  request('sweepShard', 'shard:u16 epoch:u32 afterId:id?'),
  request('sweepStatus', '-'),
  request('keyUse', 'shard:u16 epoch:u32 pages:flag afterId:id? afterPage:id? keepVersion:u32 limit:u32'),
  request('replacePages', 'shard:u16 epoch:u32 placed*'),
  request('countRecords', 'shard:u16 epoch:u32 afterId:id? untilId:id? nowMs:u64 namespace*'),
  response('state', 'accepted:ballot state?'),
  response('promise', 'accepted:ballot state?'),
  response('ack', 'nextRecorded:flag'),
  response('reject', 'ballot floor:ballot'),
  response('clock', 'clockUs:u64 ceiling:ballot'),
  response('stale', '-'),
  response('epoch', 'mapEpoch:u32'),
  response('fault', 'kind:u8 detail:text'),
  response('pagesStored', '-'),
  response('pages', 'blob?*'),
  response('pageIds', '(id*)?'),
  response('scanned', 'lastId:id? exhausted:flag entry*'),
  response('mapAdopted', 'mapEpoch:u32'),
  response(
    'status',
    'nodeId:u32 mapEpoch:u32 engine:text fsync:text dataBytes:u64 corrupt:u64 unsyncedMs:f64 incarnation:text ceilingUs:u64 learning:u32 distrusted:flag liveBytes:u64 expiring:u64',
  ),
  response('statesMany', '(accepted:ballot? state?)*'),
  response('promisesMany', '(accepted:ballot? state?)*'),
  response('acksMany', 'u8*'),
  response('recordsListed', 'lastId:id? exhausted:flag (id accepted:ballot state?)*'),
  response('mapText', 'mapEpoch:u32 map:text'),
  response('digested', 'records:u32 digest:id'),
  response('purged', 'u32'),
  response('shardSwept', 'findings lastId:id? exhausted:flag'),
  response('sweepTold', 'findings (shard:u16 ageMs:u64)*'),
  response('keyUsed', 'use* unreadable:u32 entry* placed* lastId:id? lastPage:id? exhausted:flag'),
  response('pagesReplaced', 'u32'),
  response('recordsCounted', 'lastId:id? exhausted:flag counted*'),
];

const sinceByType = new Uint16Array(256);
for (const row of protocolTable) sinceByType[row.number] = row.since;

/** The first protocolVersion that has a message of this type. */
export function sinceVersion(type: number): number {
  return sinceByType[type] ?? 0;
}
