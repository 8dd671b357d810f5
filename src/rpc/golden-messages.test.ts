import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { NO_BALLOT } from '../record/ballot.ts';
import { ballotRow } from '../record/ballot-row.ts';
import { type SealedState, StateKind } from '../record/state.ts';
import { FrameKind, FrameWriter } from './message-codec.ts';
import { Ack, MessageType, type RecordAddress, type Request, type Response, Want } from './messages.ts';
import { protocolTable } from './protocol-table.ts';
import { readRequest } from './request-codec.ts';
import { readResponse } from './response-codec.ts';
import { WireReader } from './wire-reader.ts';

const ID = 'abcdefghijklmnop';
const PAGE = '0123456789ABCDEF';
const BALLOT = { time: 0x0001_0203_0405, proposer: 0x0a0b0c0d };
const OTHER = { time: 7, proposer: 9 };
const ADDRESS: RecordAddress = { id: ID, shard: 0x0102, shardEpoch: 3, namespace: 4, namespaceEpoch: 5 };
const STATE: SealedState = {
  header: {
    kind: StateKind.live,
    origin: OTHER,
    lineage: ballotRow([OTHER]),
    birth: true,
    expiresAtMs: 0x10,
    sizeBytes: 0x11,
    namespace: 4,
    generation: 6,
    paged: false,
    remembers: false,
  },
  meta: Buffer.from('meta'),
  value: Buffer.from('val'),
};
const NO_VALUE: SealedState = { ...STATE, value: null };

const id = '6162636465666768696a6b6c6d6e6f70';
const page = '30313233343536373839414243444546';
const ballot = '00000001020304050a0b0c0d';
const other = '000000000000000700000009';
const address = `${id}0102000000030000000400000005`;
const stateHead = (flags: string) =>
  `${flags}${other}01${other}00000000000000100000000000000011000000040000000600000004`;
const state = `${stateHead('0a')}6d6574610000000376616c`;
const noValue = `${stateHead('2a')}6d657461`;

const FINDINGS = {
  ranges: 1,
  records: 2,
  bytes: 3,
  differing: 4,
  repaired: 5,
  killed: 6,
  purged: 7,
  pagesPurged: 8,
  unreadable: 9,
  unanswered: 10,
  killedFromQueue: 11,
  purgedFromQueue: 12,
  notesDropped: 13,
};
const findings = Object.values(FINDINGS)
  .map((count) => count.toString(16).padStart(16, '0'))
  .join('');

const golden: readonly (readonly [string, Request | Response, string])[] = [
  [
    'read',
    { type: MessageType.read, address: ADDRESS, want: Want.full, ifAccepted: BALLOT },
    `${address}0201${ballot}`,
  ],
  ['read', { type: MessageType.read, address: ADDRESS, want: Want.nothing, ifAccepted: null }, `${address}0000`],
  [
    'prepare',
    { type: MessageType.prepare, address: ADDRESS, ballot: BALLOT, want: Want.meta },
    `${address}${ballot}01`,
  ],
  [
    'commit',
    {
      type: MessageType.commit,
      address: ADDRESS,
      ballot: BALLOT,
      baseOrigin: NO_BALLOT,
      next: OTHER,
      pages: { complete: true, added: [PAGE], dropped: [] },
      state: STATE,
    },
    `${address}${ballot}${'00'.repeat(12)}01${other}010100000001${page}00000000${state}`,
  ],
  [
    'commit',
    {
      type: MessageType.commit,
      address: ADDRESS,
      ballot: BALLOT,
      baseOrigin: OTHER,
      next: null,
      pages: null,
      state: STATE,
    },
    `${address}${ballot}${other}0000${state}`,
  ],
  [
    'putPages',
    { type: MessageType.putPages, address: ADDRESS, pages: [{ pageId: PAGE, sealed: Buffer.from('xy') }] },
    `${address}00000001${page}000000027879`,
  ],
  ['getPages', { type: MessageType.getPages, address: ADDRESS, pageIds: [PAGE] }, `${address}00000001${page}`],
  ['listPages', { type: MessageType.listPages, address: ADDRESS, ifOrigin: OTHER }, `${address}${other}`],
  ['missingPages', { type: MessageType.missingPages, address: ADDRESS, pageIds: [] }, `${address}00000000`],
  ['pinPages', { type: MessageType.pinPages, address: ADDRESS }, address],
  [
    'scan',
    {
      type: MessageType.scan,
      shard: 1,
      shardEpoch: 2,
      namespace: 3,
      namespaceEpoch: 4,
      generation: 5,
      afterId: ID,
      limit: 6,
      want: Want.meta,
    },
    `00010000000200000003000000040000000501${id}0000000601`,
  ],
  ['digest', { type: MessageType.digest, shard: 1, shardEpoch: 2, afterId: ID, untilId: '' }, `00010000000201${id}00`],
  [
    'purge',
    { type: MessageType.purge, shard: 1, shardEpoch: 2, records: [{ id: ID, accepted: OTHER }] },
    `00010000000200000001${id}${other}`,
  ],
  ['sweepShard', { type: MessageType.sweepShard, shard: 1, shardEpoch: 2, afterId: '' }, '00010000000200'],
  ['sweepStatus', { type: MessageType.sweepStatus }, ''],
  [
    'keyUse',
    {
      type: MessageType.keyUse,
      shard: 1,
      shardEpoch: 2,
      pages: true,
      afterId: ID,
      afterPage: '',
      keepVersion: 3,
      limit: 4,
    },
    `0001000000020101${id}000000000300000004`,
  ],
  [
    'countRecords',
    {
      type: MessageType.countRecords,
      shard: 1,
      shardEpoch: 2,
      afterId: '',
      untilId: ID,
      nowMs: 3,
      namespaces: [{ namespace: 4, namespaceEpoch: 5, generation: 6 }],
    },
    `0001000000020001${id}000000000000000300000001000000040000000500000006`,
  ],
  [
    'replacePages',
    {
      type: MessageType.replacePages,
      shard: 1,
      shardEpoch: 2,
      pages: [{ id: ID, pageId: PAGE, sealed: Buffer.from('xy') }],
    },
    `00010000000200000001${id}${page}000000027879`,
  ],
  [
    'keyUsed',
    {
      type: MessageType.keyUsed,
      uses: [{ keyVersion: 1, count: 2, bytes: 3 }],
      unreadable: 4,
      records: [],
      pages: [{ id: ID, pageId: PAGE, sealed: Buffer.from('xy') }],
      lastId: ID,
      lastPage: PAGE,
      exhausted: true,
    },
    `0000000100000001000000000000000200000000000000030000000400000000` +
      `00000001${id}${page}00000002787901${id}01${page}01`,
  ],
  ['pagesReplaced', { type: MessageType.pagesReplaced, replaced: 5 }, '00000005'],
  ['digested', { type: MessageType.digested, records: 3, digest: ID }, `00000003${id}`],
  ['purged', { type: MessageType.purged, purged: 3 }, '00000003'],
  [
    'shardSwept',
    { type: MessageType.shardSwept, findings: FINDINGS, lastId: ID, exhausted: true },
    `${findings}01${id}01`,
  ],
  [
    'sweepTold',
    { type: MessageType.sweepTold, findings: FINDINGS, shards: [{ shard: 1, ageMs: 2 }] },
    `${findings}0000000100010000000000000002`,
  ],
  [
    'listRecords',
    {
      type: MessageType.listRecords,
      shard: 1,
      shardEpoch: 2,
      afterId: '',
      untilId: ID,
      limit: 6,
      want: Want.full,
    },
    `0001000000020001${id}0000000602`,
  ],
  ['adoptMap', { type: MessageType.adoptMap, map: '{é}' }, '000000047bc3a97d'],
  ['nodeStatus', { type: MessageType.nodeStatus }, ''],
  ['getMap', { type: MessageType.getMap, above: 7 }, '00000007'],
  [
    'readMany',
    { type: MessageType.readMany, load: true, addresses: [ADDRESS, ADDRESS], wants: [Want.full, Want.nothing] },
    `0100000002${address}02${address}00`,
  ],
  [
    'prepareMany',
    { type: MessageType.prepareMany, load: false, ballot: BALLOT, addresses: [ADDRESS], wants: [Want.meta] },
    `00${ballot}00000001${address}01`,
  ],
  [
    'commitMany',
    {
      type: MessageType.commitMany,
      load: true,
      items: [
        { address: ADDRESS, ballot: BALLOT, state: STATE, next: OTHER },
        { address: ADDRESS, ballot: OTHER, state: STATE, next: null },
      ],
    },
    `0100000002${address}${ballot}01${other}${state}${address}${other}00${state}`,
  ],
  ['state', { type: MessageType.state, accepted: BALLOT, state: STATE }, `${ballot}01${state}`],
  ['state', { type: MessageType.state, accepted: NO_BALLOT, state: null }, '00'.repeat(13)],
  ['promise', { type: MessageType.promise, accepted: BALLOT, state: NO_VALUE }, `${ballot}01${noValue}`],
  ['ack', { type: MessageType.ack, nextRecorded: true }, '01'],
  [
    'statesMany',
    { type: MessageType.statesMany, accepted: [BALLOT, null, OTHER], states: [NO_VALUE, null, null] },
    `0000000301${ballot}01${noValue}000001${other}00`,
  ],
  [
    'promisesMany',
    { type: MessageType.promisesMany, accepted: [NO_BALLOT], states: [null] },
    `0000000101${'00'.repeat(12)}00`,
  ],
  [
    'acksMany',
    { type: MessageType.acksMany, acks: [Ack.passed, Ack.refused, Ack.accepted, Ack.acceptedAndNext] },
    '0000000400010203',
  ],
  ['reject', { type: MessageType.reject, ballot: BALLOT, floor: OTHER }, `${ballot}${other}`],
  ['clock', { type: MessageType.clock, clockUs: 2 ** 53 - 1, ceiling: OTHER }, `001fffffffffffff${other}`],
  ['stale', { type: MessageType.stale }, ''],
  ['epoch', { type: MessageType.epoch, mapEpoch: 12 }, '0000000c'],
  ['fault', { type: MessageType.fault, fault: 'busy', detail: 'no' }, '03000000026e6f'],
  ['fault', { type: MessageType.fault, fault: 'full', detail: '' }, '0600000000'],
  ['pagesStored', { type: MessageType.pagesStored }, ''],
  ['pages', { type: MessageType.pages, pages: [Buffer.from('p'), null] }, '0000000201000000017000'],
  ['pageIds', { type: MessageType.pageIds, pageIds: [PAGE] }, `0100000001${page}`],
  ['pageIds', { type: MessageType.pageIds, pageIds: null }, '00'],
  [
    'scanned',
    {
      type: MessageType.scanned,
      entries: [{ id: ID, accepted: OTHER, state: NO_VALUE }],
      lastId: ID,
      exhausted: false,
    },
    `01${id}0000000001${id}${other}${noValue}`,
  ],
  ['scanned', { type: MessageType.scanned, entries: [], lastId: '', exhausted: true }, '000100000000'],
  [
    'recordsCounted',
    {
      type: MessageType.recordsCounted,
      counts: [{ keys: 1, expires: 2, digest: ID, isSettled: true }],
      lastId: ID,
      exhausted: false,
    },
    `01${id}00000000010000000100000002${id}01`,
  ],
  ['mapText', { type: MessageType.mapText, mapEpoch: 14, map: '{é}' }, '0000000e000000047bc3a97d'],
  ['mapAdopted', { type: MessageType.mapAdopted, mapEpoch: 13 }, '0000000d'],
  [
    'recordsListed',
    {
      type: MessageType.recordsListed,
      entries: [
        { id: ID, accepted: OTHER, state: STATE },
        { id: ID, accepted: BALLOT, state: null },
      ],
      lastId: ID,
      exhausted: false,
    },
    `01${id}0000000002${id}${other}01${state}${id}${ballot}00`,
  ],
  [
    'status',
    {
      type: MessageType.status,
      status: {
        nodeId: 1,
        mapEpoch: 2,
        engine: 'rocksdb',
        fsync: 'no',
        dataBytes: 3,
        corruptRecords: 4,
        unsyncedMs: 1.5,
        incarnation: 'i1',
        ceilingUs: 5,
        learningShards: 6,
        distrusted: true,
        liveBytes: 7,
        expiringRecords: 8,
      },
    },
    `000000010000000200000007${Buffer.from('rocksdb').toString('hex')}000000026e6f000000000000000300000000000000043ff80000000000000000000269310000000000000005000000060100000000000000070000000000000008`,
  ],
];

const isRequest = (message: Request | Response): message is Request => message.type < 64;

function encode(message: Request | Response): string {
  const writer = new FrameWriter(isRequest(message) ? FrameKind.requests : FrameKind.responses);
  if (isRequest(message)) writer.addRequest(0x01020304, message);
  else writer.addResponse(0x01020304, message);
  return writer.finish().toString('hex');
}

const hex = (value: number, bytes: number): string => value.toString(16).padStart(2 * bytes, '0');

describe('golden bytes', () => {
  it.each(golden)('%s', (_name, message, body) => {
    const bodyBytes = body.length / 2;
    const kind = isRequest(message) ? '10' : '11';
    const header = `${hex(bodyBytes + 10, 4)}${kind}${hex(bodyBytes + 5, 4)}01020304${hex(message.type, 1)}`;
    expect(encode(message)).toBe(header + body);
    const reader = new WireReader();
    const bytes = Buffer.from(body, 'hex');
    reader.reset(bytes, 0, bytes.length);
    expect(isRequest(message) ? readRequest(reader, message.type) : readResponse(reader, message.type)).toEqual(
      message,
    );
  });

  it('exist for every message', () => {
    const names = new Set(golden.map(([name]) => name));
    expect([...names].sort()).toEqual(protocolTable.map((row) => row.name).sort());
    for (const [name, message] of golden) expect(MessageType[name as keyof typeof MessageType]).toBe(message.type);
  });

  it('of several messages in one frame', () => {
    const writer = new FrameWriter(FrameKind.responses);
    writer.addResponse(1, { type: MessageType.stale });
    writer.addResponse(2, { type: MessageType.ack, nextRecorded: false });
    expect(writer.finish().toString('hex')).toBe('000000141100000005000000014600000006000000024300');
  });
});

describe('protocol table', () => {
  it('agrees with the MessageType constants', () => {
    const numbers = Object.fromEntries(protocolTable.map((row) => [row.name, row.number]));
    expect({ ...numbers, lost: MessageType.lost }).toEqual(MessageType);
    expect(new Set(Object.values(MessageType)).size).toBe(Object.keys(MessageType).length);
    for (const row of protocolTable) expect(row.number < 64).toBe(row.direction === 'request');
  });

  it('is repeated above the codecs', () => {
    const source = ['request-codec.ts', 'response-codec.ts', 'sweep-codec.ts', 'key-codec.ts', 'count-codec.ts']
      .map((file) => readFileSync(new URL(file, import.meta.url), 'utf8'))
      .join('\n');
    for (const row of protocolTable) expect(source).toContain(`// ${row.name} := ${row.body}\n`);
  });

  it('changes only on purpose: a change needs a new protocolVersion', () => {
    const rows = protocolTable.map((row) => `${row.number} ${row.since} ${row.name} := ${row.body}`).join('\n');
    expect(createHash('sha256').update(rows).digest('hex').slice(0, 16)).toBe('96dde32ab0e328a3');
  });
});
