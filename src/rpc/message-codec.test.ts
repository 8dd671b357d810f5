import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { NO_BALLOT } from '../record/ballot.ts';
import { ballotRow } from '../record/ballot-row.ts';
import { type SealedState, StateKind } from '../record/state.ts';
import { FrameKind, FrameWriter, readMessages } from './message-codec.ts';
import { Ack, LOST, MessageType, type RecordAddress, type Request, type Response, Want } from './messages.ts';
import { protocolTable } from './protocol-table.ts';
import { readRequest, requestLength } from './request-codec.ts';
import { readResponse, responseLength } from './response-codec.ts';
import { WireReader } from './wire-reader.ts';

const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u64 = fc.maxSafeNat();
const id = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const ids = fc.array(id, { maxLength: 5 });
const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array));
const text = fc.string({ unit: 'grapheme', maxLength: 30 });
const ballot = fc.oneof(fc.constant(NO_BALLOT), fc.record({ time: u64, proposer: u32 }));
const optionalBallot = fc.option(ballot, { nil: null });
const want = fc.constantFrom(Want.nothing, Want.meta, Want.full);
const address = fc.record({ id, shard: u16, shardEpoch: u32, namespace: u32, namespaceEpoch: u32 });
const state: fc.Arbitrary<SealedState> = fc.record({
  header: fc.record({
    kind: fc.constantFrom(StateKind.dead, StateKind.live),
    origin: ballot,
    lineage: fc.array(ballot, { maxLength: limits.lineageLength }).map(ballotRow),
    birth: fc.boolean(),
    expiresAtMs: u64,
    sizeBytes: u64,
    namespace: u32,
    generation: u32,
    paged: fc.boolean(),
    remembers: fc.boolean(),
  }),
  meta: bytes,
  value: fc.option(bytes, { nil: null }),
});
const optionalState = fc.option(state, { nil: null });
const type = <T extends number>(value: T): fc.Arbitrary<T> => fc.constant(value);

const wanted = fc.array(fc.record({ address, want }), { maxLength: 5 });
const columns = (records: readonly { readonly address: RecordAddress; readonly want: Want }[]) => ({
  addresses: records.map((record) => record.address),
  wants: records.map((record) => record.want),
});
const manyStates = fc
  .array(fc.record({ accepted: optionalBallot, state: optionalState }), { maxLength: 5 })
  .map((records) => ({
    accepted: records.map((record) => record.accepted),
    states: records.map((record) => record.state),
  }));

const requests: Readonly<Record<string, fc.Arbitrary<Request>>> = {
  read: fc.record({ type: type(MessageType.read), address, want, ifAccepted: optionalBallot }),
  prepare: fc.record({ type: type(MessageType.prepare), address, ballot, want }),
  commit: fc.record({
    type: type(MessageType.commit),
    address,
    ballot,
    baseOrigin: ballot,
    state,
    pages: fc.option(fc.record({ complete: fc.boolean(), added: ids, dropped: ids }), { nil: null }),
    next: optionalBallot,
  }),
  putPages: fc.record({
    type: type(MessageType.putPages),
    address,
    pages: fc.array(fc.record({ pageId: id, sealed: bytes }), { maxLength: 4 }),
  }),
  getPages: fc.record({ type: type(MessageType.getPages), address, pageIds: ids }),
  listPages: fc.record({ type: type(MessageType.listPages), address, ifOrigin: ballot }),
  missingPages: fc.record({ type: type(MessageType.missingPages), address, pageIds: ids }),
  pinPages: fc.record({ type: type(MessageType.pinPages), address }),
  scan: fc.record({
    type: type(MessageType.scan),
    shard: u16,
    shardEpoch: u32,
    namespace: u32,
    namespaceEpoch: u32,
    generation: u32,
    afterId: fc.oneof(fc.constant(''), id),
    limit: u32,
    want,
  }),
  listRecords: fc.record({
    type: type(MessageType.listRecords),
    shard: u16,
    shardEpoch: u32,
    afterId: fc.oneof(fc.constant(''), id),
    untilId: fc.oneof(fc.constant(''), id),
    limit: u32,
    want,
  }),
  digest: fc.record({
    type: type(MessageType.digest),
    shard: u16,
    shardEpoch: u32,
    afterId: fc.oneof(fc.constant(''), id),
    untilId: fc.oneof(fc.constant(''), id),
  }),
  purge: fc.record({
    type: type(MessageType.purge),
    shard: u16,
    shardEpoch: u32,
    records: fc.array(fc.record({ id, accepted: ballot }), { maxLength: 4 }),
  }),
  countRecords: fc.record({
    type: type(MessageType.countRecords),
    shard: u16,
    shardEpoch: u32,
    afterId: fc.oneof(fc.constant(''), id),
    untilId: fc.oneof(fc.constant(''), id),
    nowMs: u64,
    namespaces: fc.array(fc.record({ namespace: u32, namespaceEpoch: u32, generation: u32 }), { maxLength: 3 }),
  }),
  sweepShard: fc.record({
    type: type(MessageType.sweepShard),
    shard: u16,
    shardEpoch: u32,
    afterId: fc.oneof(fc.constant(''), id),
  }),
  sweepStatus: fc.record({ type: type(MessageType.sweepStatus) }),
  keyUse: fc.record({
    type: type(MessageType.keyUse),
    shard: u16,
    shardEpoch: u32,
    pages: fc.boolean(),
    afterId: fc.oneof(fc.constant(''), id),
    afterPage: fc.oneof(fc.constant(''), id),
    keepVersion: u32,
    limit: u32,
  }),
  replacePages: fc.record({
    type: type(MessageType.replacePages),
    shard: u16,
    shardEpoch: u32,
    pages: fc.array(fc.record({ id, pageId: id, sealed: bytes }), { maxLength: 4 }),
  }),
  adoptMap: fc.record({ type: type(MessageType.adoptMap), map: text }),
  nodeStatus: fc.record({ type: type(MessageType.nodeStatus) }),
  getMap: fc.record({ type: type(MessageType.getMap), above: u32 }),
  readMany: wanted.map((records) => ({ type: MessageType.readMany, load: records.length > 2, ...columns(records) })),
  prepareMany: fc.tuple(ballot, wanted).map(([at, records]) => ({
    type: MessageType.prepareMany,
    load: records.length > 2,
    ballot: at,
    ...columns(records),
  })),
  commitMany: fc.record({
    type: type(MessageType.commitMany),
    load: fc.boolean(),
    items: fc.array(fc.record({ address, ballot, state, next: optionalBallot }), { maxLength: 4 }),
  }),
};

const findings = fc.record({
  ranges: u64,
  records: u64,
  bytes: u64,
  differing: u64,
  repaired: u64,
  killed: u64,
  purged: u64,
  pagesPurged: u64,
  unreadable: u64,
  unanswered: u64,
  killedFromQueue: u64,
  purgedFromQueue: u64,
  notesDropped: u64,
});

const responses: Readonly<Record<string, fc.Arbitrary<Response>>> = {
  state: fc.record({ type: type(MessageType.state), accepted: ballot, state: optionalState }),
  promise: fc.record({ type: type(MessageType.promise), accepted: ballot, state: optionalState }),
  ack: fc.record({ type: type(MessageType.ack), nextRecorded: fc.boolean() }),
  reject: fc.record({ type: type(MessageType.reject), ballot, floor: ballot }),
  clock: fc.record({ type: type(MessageType.clock), clockUs: u64, ceiling: ballot }),
  stale: fc.record({ type: type(MessageType.stale) }),
  epoch: fc.record({ type: type(MessageType.epoch), mapEpoch: u32 }),
  fault: fc.record({
    type: type(MessageType.fault),
    fault: fc.constantFrom('corrupt', 'io', 'busy', 'incarnation', 'malformed', 'full'),
    detail: text,
  }),
  pagesStored: fc.record({ type: type(MessageType.pagesStored) }),
  pages: fc.record({
    type: type(MessageType.pages),
    pages: fc.array(fc.option(bytes, { nil: null }), { maxLength: 5 }),
  }),
  pageIds: fc.record({ type: type(MessageType.pageIds), pageIds: fc.option(ids, { nil: null }) }),
  scanned: fc.record({
    type: type(MessageType.scanned),
    entries: fc.array(fc.record({ id, accepted: ballot, state }), { maxLength: 3 }),
    lastId: fc.oneof(fc.constant(''), id),
    exhausted: fc.boolean(),
  }),
  recordsListed: fc.record({
    type: type(MessageType.recordsListed),
    entries: fc.array(fc.record({ id, accepted: ballot, state: optionalState }), { maxLength: 3 }),
    lastId: fc.oneof(fc.constant(''), id),
    exhausted: fc.boolean(),
  }),
  digested: fc.record({ type: type(MessageType.digested), records: u32, digest: id }),
  recordsCounted: fc.record({
    type: type(MessageType.recordsCounted),
    lastId: fc.oneof(fc.constant(''), id),
    exhausted: fc.boolean(),
    counts: fc.array(fc.record({ keys: u32, expires: u32, digest: id, isSettled: fc.boolean() }), { maxLength: 3 }),
  }),
  purged: fc.record({ type: type(MessageType.purged), purged: u32 }),
  shardSwept: fc.record({
    type: type(MessageType.shardSwept),
    findings,
    lastId: fc.oneof(fc.constant(''), id),
    exhausted: fc.boolean(),
  }),
  sweepTold: fc.record({
    type: type(MessageType.sweepTold),
    findings,
    shards: fc.array(fc.record({ shard: u16, ageMs: u64 }), { maxLength: 3 }),
  }),
  keyUsed: fc.record({
    type: type(MessageType.keyUsed),
    uses: fc.array(fc.record({ keyVersion: u32, count: u64, bytes: u64 }), { maxLength: 3 }),
    unreadable: u32,
    records: fc.array(fc.record({ id, accepted: ballot, state }), { maxLength: 3 }),
    pages: fc.array(fc.record({ id, pageId: id, sealed: bytes }), { maxLength: 3 }),
    lastId: fc.oneof(fc.constant(''), id),
    lastPage: fc.oneof(fc.constant(''), id),
    exhausted: fc.boolean(),
  }),
  pagesReplaced: fc.record({ type: type(MessageType.pagesReplaced), replaced: u32 }),
  mapText: fc.record({ type: type(MessageType.mapText), mapEpoch: u32, map: text }),
  mapAdopted: fc.record({ type: type(MessageType.mapAdopted), mapEpoch: u32 }),
  status: fc.record({
    type: type(MessageType.status),
    status: fc.record({
      nodeId: u32,
      mapEpoch: u32,
      engine: text,
      fsync: text,
      dataBytes: u64,
      corruptRecords: u64,
      unsyncedMs: fc.double({ min: 0, max: 1e9, noNaN: true }).map((value) => value + 0),
      incarnation: text,
      ceilingUs: u64,
      learningShards: u32,
      distrusted: fc.boolean(),
      liveBytes: u64,
      expiringRecords: u64,
    }),
  }),
  statesMany: manyStates.map((columns) => ({ type: MessageType.statesMany, ...columns })),
  promisesMany: manyStates.map((columns) => ({ type: MessageType.promisesMany, ...columns })),
  acksMany: fc.record({
    type: type(MessageType.acksMany),
    acks: fc.array(fc.constantFrom(...Object.values(Ack)), { maxLength: 5 }),
  }),
};

const anyRequest = fc.oneof(...Object.values(requests));
const anyResponse = fc.oneof(...Object.values(responses));

type Received = { correlationId: number; message: Request | Response | null };

function readFrame(frame: Buffer): Received[] | null {
  const read = frame.readUInt8(4) === FrameKind.requests ? readRequest : readResponse;
  const received: Received[] = [];
  const whole = readMessages(frame, 5, frame.length, new WireReader(), {
    onMessage(correlationId, messageType, reader) {
      received.push({ correlationId, message: read(reader, messageType) });
      return true;
    },
  });
  return whole ? received : null;
}

function frameOf(kind: 'requests' | 'responses', messages: readonly (Request | Response)[]): Buffer {
  const writer = new FrameWriter(FrameKind[kind]);
  messages.forEach((message, i) => {
    const added =
      kind === 'requests' ? writer.addRequest(i, message as Request) : writer.addResponse(i, message as Response);
    expect(added).toBe(true);
  });
  return writer.finish();
}

describe('message codec', () => {
  it('has a sample generator for every row of the table', () => {
    const names = (direction: string) => protocolTable.filter((row) => row.direction === direction).map((r) => r.name);
    expect(Object.keys(requests).sort()).toEqual(names('request').sort());
    expect(Object.keys(responses).sort()).toEqual(names('response').sort());
  });

  it.each(Object.keys(requests))('request %s comes back as it was', (name) => {
    fc.assert(
      fc.property(requests[name] ?? fc.constant(null), (request) => {
        if (request === null) return;
        const frame = frameOf('requests', [request]);
        expect(frame.length).toBe(14 + requestLength(request));
        expect(readFrame(frame)).toEqual([{ correlationId: 0, message: request }]);
      }),
      { numRuns: 60 },
    );
  });

  it.each(Object.keys(responses))('response %s comes back as it was', (name) => {
    fc.assert(
      fc.property(responses[name] ?? fc.constant(null), (response) => {
        if (response === null) return;
        const frame = frameOf('responses', [response]);
        expect(frame.length).toBe(14 + responseLength(response));
        expect(readFrame(frame)).toEqual([{ correlationId: 0, message: response }]);
      }),
      { numRuns: 60 },
    );
  });

  it('carries many messages in a frame', () => {
    fc.assert(
      fc.property(fc.array(anyResponse, { minLength: 2, maxLength: 20 }), (many) => {
        const received = readFrame(frameOf('responses', many));
        expect(received).toEqual(many.map((message, correlationId) => ({ correlationId, message })));
      }),
      { numRuns: 50 },
    );
  });

  it('refuses to write a message above the bound, and goes on with the next', () => {
    const writer = new FrameWriter(FrameKind.responses);
    const page = Buffer.alloc(limits.messageBytes);
    expect(writer.addResponse(1, { type: MessageType.pages, pages: [page] })).toBe(false);
    expect(writer.bytes()).toBe(0);
    expect(writer.addResponse(2, { type: MessageType.stale })).toBe(true);
    expect(() => writer.addResponse(3, LOST)).toThrow('never sent');
  });

  it('holds a maximal message in a frame', () => {
    expect(limits.messageBytes + limits.frameTargetBytes + 14).toBeLessThanOrEqual(limits.frameBytes);
    const page = Buffer.alloc(limits.messageBytes - 9, 7);
    const frame = frameOf('responses', [{ type: MessageType.pages, pages: [page] }]);
    expect(frame.length).toBeLessThanOrEqual(limits.frameBytes);
    const message = readFrame(frame)?.[0]?.message;
    const received = message?.type === MessageType.pages ? message.pages[0] : null;
    expect(received?.equals(page)).toBe(true);
  });
});

describe('decoders', () => {
  const decodeBoth = (bodyType: number, body: Buffer): void => {
    const reader = new WireReader();
    for (const read of [readRequest, readResponse]) {
      reader.reset(body, 0, body.length);
      const message = read(reader, bodyType);
      if (message !== null) expect(message.type).toBe(bodyType);
    }
  };

  it('give a message or null for any bytes', () => {
    const types = fc.oneof(fc.constantFrom(...protocolTable.map((row) => row.number)), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(types, fc.uint8Array({ maxLength: 300 }), (bodyType, body) =>
        decodeBoth(bodyType, Buffer.from(body)),
      ),
      { numRuns: 3_000 },
    );
  });

  const mutate = (frame: Buffer, changes: readonly (readonly [number, number])[], cut: number): Buffer => {
    const changed = Buffer.from(frame);
    for (const [at, value] of changes) changed[5 + (at % (changed.length - 5))] = value;
    return changed.subarray(0, Math.max(5, changed.length - cut));
  };
  const changes = fc.array(fc.tuple(fc.nat({ max: 2_000 }), fc.nat({ max: 255 })), { maxLength: 4 });
  const cut = fc.nat({ max: 40 });

  it('survive changed and cut frames of requests and of responses', () => {
    fc.assert(
      fc.property(fc.array(anyRequest, { minLength: 1, maxLength: 3 }), changes, cut, (many, change, cutBytes) => {
        expect(() => readFrame(mutate(frameOf('requests', many), change, cutBytes))).not.toThrow();
      }),
      { numRuns: 1_500 },
    );
    fc.assert(
      fc.property(fc.array(anyResponse, { minLength: 1, maxLength: 3 }), changes, cut, (many, change, cutBytes) => {
        expect(() => readFrame(mutate(frameOf('responses', many), change, cutBytes))).not.toThrow();
      }),
      { numRuns: 1_500 },
    );
  });

  it('refuse a body that is cut anywhere, or followed by more', () => {
    fc.assert(
      fc.property(fc.oneof(anyRequest, anyResponse), (message) => {
        const isRequest = message.type < 64;
        const frame = frameOf(isRequest ? 'requests' : 'responses', [message]);
        const body = Buffer.concat([frame.subarray(14), Buffer.alloc(1)]);
        const read = isRequest ? readRequest : readResponse;
        const reader = new WireReader();
        for (let length = 0; length <= body.length; length++) {
          reader.reset(body, 0, length);
          const decoded = read(reader, message.type);
          expect(decoded !== null).toBe(length === body.length - 1);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('take no memory for an announced count', () => {
    const reader = new WireReader();
    const counts = Buffer.alloc(64, 0xff);
    for (const bodyType of [MessageType.pages, MessageType.pageIds, MessageType.scanned]) {
      const body = Buffer.concat([Buffer.from(bodyType === MessageType.pages ? '' : '\x01', 'latin1'), counts]);
      reader.reset(body, 0, body.length);
      expect(readResponse(reader, bodyType)).toBeNull();
    }
    const getPages = Buffer.concat([Buffer.alloc(30), counts]);
    reader.reset(getPages, 0, getPages.length);
    expect(readRequest(reader, MessageType.getPages)).toBeNull();
  });
});
