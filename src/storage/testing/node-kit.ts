import { assert } from '../../base/assert.ts';
import { FileError } from '../../base/files.ts';
import { silentLog } from '../../base/log.ts';
import { ManualClock } from '../../base/testing/manual-clock.ts';
import { createClusterMap } from '../../cluster/cluster-map.ts';
import type { ClusterMap } from '../../cluster/map.ts';
import { type Ballot, NO_BALLOT } from '../../record/ballot.ts';
import { ballotRow } from '../../record/ballot-row.ts';
import type { PageId, PageManifest, RecordId, SealedState } from '../../record/state.ts';
import { StateKind } from '../../record/state.ts';
import {
  type CommitRequest,
  MessageType,
  type PrepareRequest,
  type ReadRequest,
  type RecordAddress,
  type Request,
  type Response,
  Want,
} from '../../rpc/messages.ts';
import type { Call } from '../../rpc/transport.ts';
import { Acceptor } from '../acceptor.ts';
import type { SavedCallback } from '../monotone-saver.ts';
import type { NodeStore } from '../node-store.ts';
import { StorageNode } from '../storage-node.ts';
import type { Fsync } from '../write-pipeline.ts';
import { HeldEngine } from './held-engine.ts';

/** A call of a test: keeps its response. */
export class TestCall implements Call {
  readonly request: Request;
  response: Response | null = null;

  constructor(request: Request) {
    this.request = request;
  }

  respond(response: Response): void {
    assert(this.response === null, 'a call is answered once');
    this.response = response;
  }
}

/** Outlives its node, as a disk does. Saving waits while `held`. */
export class TestStore implements NodeStore {
  ceilingUs = 0;
  map: string | null = null;
  held = false;
  failing = false;
  readonly saved: number[] = [];
  readonly #waiting: (() => void)[] = [];

  saveCeiling(ceilingUs: number, callback: SavedCallback): void {
    this.#run(callback, () => {
      this.ceilingUs = Math.max(this.ceilingUs, ceilingUs);
      this.saved.push(ceilingUs);
    });
  }

  saveMap(text: string, callback: SavedCallback): void {
    this.#run(callback, () => {
      this.map = text;
    });
  }

  /** Lets what waits through, in order. */
  release(): void {
    this.held = false;
    for (const run of this.#waiting.splice(0)) run();
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  #run(callback: SavedCallback, save: () => void): void {
    const run = (): void => {
      if (this.failing) {
        callback(new FileError('EIO', 'told to fail'));
        return;
      }
      save();
      callback(null);
    };
    if (this.held) this.#waiting.push(run);
    else run();
  }
}

export interface NodeKitOptions {
  readonly fsync?: Fsync;
  readonly engine?: HeldEngine;
  readonly store?: TestStore;
  readonly clock?: ManualClock;
  readonly map?: ClusterMap;
  readonly cacheBytes?: number;
  readonly promiseCapacity?: number;
}

export const TEST_MAP: ClusterMap = createClusterMap({
  clusterId: 'test',
  shards: 4,
  zones: [1, 2, 3].map((id) => ({ name: `z${id}`, nodes: [{ id, host: 'h', port: id }] })),
});

/** One storage node over a held engine, a held store and a clock that stands still. */
export class NodeKit {
  readonly clock: ManualClock;
  readonly engine: HeldEngine;
  readonly store: TestStore;
  readonly acceptor: Acceptor;
  readonly node: StorageNode;
  ready = false;

  constructor(options: NodeKitOptions = {}) {
    this.clock = options.clock ?? new ManualClock();
    this.engine = options.engine ?? new HeldEngine();
    this.store = options.store ?? new TestStore();
    this.acceptor = new Acceptor(this.store.ceilingUs, options.promiseCapacity);
    this.node = new StorageNode({
      nodeId: 1,
      incarnation: 'one',
      engine: this.engine,
      store: this.store,
      acceptor: this.acceptor,
      map: options.map ?? TEST_MAP,
      clock: this.clock,
      log: silentLog,
      fsync: options.fsync ?? 'no',
      cacheBytes: options.cacheBytes ?? 1_000_000,
    });
    this.node.start(() => {
      this.ready = true;
    });
    // What a start reads is of no interest.
    this.engine.calls.length = 0;
  }

  /** Hands over calls in one frame and ends the turn. */
  send(...requests: Request[]): TestCall[] {
    const calls = requests.map((request) => new TestCall(request));
    this.node.receive(calls);
    this.clock.flushTurn();
    return calls;
  }

  /** One call; its response, or null if it has none yet. */
  ask(request: Request): Response | null {
    return this.send(request)[0]?.response ?? null;
  }

  /** A ballot at `offsetUs` from the node's clock. */
  ballot(offsetUs = 0, proposer = 1): Ballot {
    return { time: this.clock.wallUs() + offsetUs, proposer };
  }
}

export function addressOf(id: RecordId, change: Partial<RecordAddress> = {}): RecordAddress {
  return { id, shard: 0, shardEpoch: 1, namespace: 0, namespaceEpoch: 1, ...change };
}

export const ID: RecordId = '0123456789abcdef';
export const OTHER_ID: RecordId = 'fedcba9876543210';

export function read(id = ID, want: Want = Want.full, ifAccepted: Ballot | null = null): ReadRequest {
  return { type: MessageType.read, address: addressOf(id), want, ifAccepted };
}

export function prepare(ballot: Ballot, id = ID, want: Want = Want.full): PrepareRequest {
  return { type: MessageType.prepare, address: addressOf(id), ballot, want };
}

export interface CommitOptions {
  readonly id?: RecordId;
  readonly text?: string;
  readonly baseOrigin?: Ballot;
  readonly pages?: PageManifest | null;
  readonly next?: Ballot | null;
  readonly origin?: Ballot;
}

export function stateWith(origin: Ballot, text = 'value', paged = false): SealedState {
  return {
    header: {
      kind: StateKind.live,
      origin,
      lineage: ballotRow([origin]),
      birth: true,
      expiresAtMs: 0,
      sizeBytes: text.length,
      namespace: 0,
      generation: 1,
      paged,
      remembers: false,
    },
    meta: Buffer.from(`meta of ${text}`),
    value: paged ? Buffer.alloc(0) : Buffer.from(text),
  };
}

export function commit(ballot: Ballot, options: CommitOptions = {}): CommitRequest {
  const pages = options.pages ?? null;
  return {
    type: MessageType.commit,
    address: addressOf(options.id ?? ID),
    ballot,
    baseOrigin: options.baseOrigin ?? NO_BALLOT,
    state: stateWith(options.origin ?? ballot, options.text, pages !== null),
    pages,
    next: options.next ?? null,
    encoded: undefined,
  };
}

export function pageIdOf(index: number): PageId {
  return String(index).padStart(16, 'p');
}
