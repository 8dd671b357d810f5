import type { ConnectionOptions } from 'node:tls';
import { type Argument, Link } from './link.ts';
import type { ServerAddress } from './types.ts';

const RECONNECT_FIRST_MS = 50;
const RECONNECT_MOST_MS = 2000;
/** A connection that lived so long was a good one: the next attempt comes soon. */
const GOOD_LIFE_MS = 1000;

export interface PoolOptions {
  readonly addresses: readonly ServerAddress[];
  readonly connectionsPerAddress: number;
  /** Sent on each new connection; an error reply to one of them is a refusal. */
  readonly setup: readonly (readonly [string, ...Argument[]])[];
  /** For connecting, and again for the setup. */
  readonly setupTimeoutMs: number;
  /** Null: plain TCP. */
  readonly tls: ConnectionOptions | null;
  readonly onConnection: (event: 'connected' | 'lost', address: ServerAddress) => void;
}

/** A place for a connection: there is at most one at a time, and after it the next. */
interface Place {
  readonly address: ServerAddress;
  link: Link | null;
  ready: boolean;
  readyAtMs: number;
  failures: number;
  refusal: string | null;
  /** What the last connection failed with; '' if it said nothing. */
  problem: string;
  timer: NodeJS.Timeout | null;
}

/** Error replies that say 'not now' rather than 'not you'. */
const PASSING_REFUSAL = /^(UNAVAILABLE|BUSY|LOADING|UNCERTAIN|ERR max number of clients)\b/;

function hashBytes(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}

/** Mixes all bits (the finalizer of MurmurHash3). */
function mix(hash: number): number {
  const first = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  const second = Math.imul(first ^ (first >>> 13), 0xc2b2ae35);
  return (second ^ (second >>> 16)) >>> 0;
}

/**
 * The connections to all addresses. Each that ends is made anew after a random, doubling delay. A key has its favourite
 * address, the same for every client with the same addresses, so that proxies seldom meet each other on a record.
 */
export class Pool {
  readonly #options: PoolOptions;
  /** By address, then by connection. */
  readonly #places: readonly (readonly Place[])[];
  readonly #addressHashes: readonly number[];
  readonly #waiting = new Set<() => void>();
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#addressHashes = options.addresses.map(({ host, port }) => hashBytes(Buffer.from(`${host}:${port}`)));
    this.#places = options.addresses.map((address) =>
      Array.from({ length: options.connectionsPerAddress }, () => ({
        address,
        link: null,
        ready: false,
        readyAtMs: 0,
        failures: 0,
        refusal: null,
        problem: '',
        timer: null,
      })),
    );
    for (const place of this.#places.flat()) this.#open(place);
  }

  /** A ready connection: to the key's favourite address or, of those that follow it, `skip` ones further on; or null. */
  pick(key: Uint8Array, skip: number): Link | null {
    const keyHash = hashBytes(key);
    const favourite = this.#favourite(keyHash);
    let left = skip;
    // Round and round over the addresses that have a ready connection.
    for (let turn = 0, found = 0; ; turn++) {
      const places = this.#places[(favourite + turn) % this.#places.length] ?? [];
      const link = readyLink(places, keyHash);
      if (link !== null) {
        found++;
        if (left === 0) return link;
        left--;
      }
      if (turn === this.#places.length - 1 && found === 0) return null;
      if ((turn + 1) % this.#places.length === 0 && found > 0) left %= found;
    }
  }

  /** The error reply with which every address refuses this client, if they all do. */
  refusal(): string | null {
    const places = this.#places.flat();
    return places.every(({ refusal }) => refusal !== null) ? (places[0]?.refusal ?? null) : null;
  }

  /** What the addresses that are not ready have said or not, for a message. */
  describe(): string {
    return this.#places
      .map(([place]) => {
        const name = `${place?.address.host}:${place?.address.port}`;
        if (place?.refusal) return `${name} refuses this client: ${place.refusal}`;
        return place?.problem ? `${name} is not reached (${place.problem})` : `${name} is not reached`;
      })
      .join('; ');
  }

  /** Waits until a connection is ready or refused, at most so long. */
  changed(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#waiting.add(done);
    });
  }

  close(): void {
    this.#closed = true;
    for (const place of this.#places.flat()) {
      if (place.timer !== null) clearTimeout(place.timer);
      place.link?.disconnect();
    }
    this.#wake();
  }

  #favourite(keyHash: number): number {
    let best = 0;
    let bestScore = -1;
    for (let index = 0; index < this.#addressHashes.length; index++) {
      const score = mix(keyHash ^ (this.#addressHashes[index] ?? 0));
      if (score > bestScore) [best, bestScore] = [index, score];
    }
    return best;
  }

  #open(place: Place): void {
    place.timer = null;
    const { setup, setupTimeoutMs, tls } = this.#options;
    place.link = new Link(place.address, setup, setupTimeoutMs, tls, {
      onReady: () => {
        place.ready = true;
        place.readyAtMs = performance.now();
        place.refusal = null;
        place.problem = '';
        this.#options.onConnection('connected', place.address);
        this.#wake();
      },
      onEnd: (refusal, problem) => this.#ended(place, refusal, problem),
    });
  }

  #ended(place: Place, refusal: string | null, problem: string): void {
    const wasReady = place.ready;
    if (wasReady && performance.now() - place.readyAtMs >= GOOD_LIFE_MS) place.failures = 0;
    place.ready = false;
    place.link = null;
    place.problem = problem;
    if (refusal !== null) place.refusal = PASSING_REFUSAL.test(refusal) ? null : refusal;
    if (wasReady) this.#options.onConnection('lost', place.address);
    if (!this.#closed) {
      const delayMs = Math.min(RECONNECT_MOST_MS, RECONNECT_FIRST_MS * 2 ** place.failures);
      place.failures = Math.min(place.failures + 1, 16);
      place.timer = setTimeout(() => this.#open(place), delayMs * (0.5 + Math.random() / 2));
    }
    this.#wake();
  }

  #wake(): void {
    for (const done of [...this.#waiting]) done();
  }
}

function readyLink(places: readonly Place[], keyHash: number): Link | null {
  const start = (keyHash >>> 0) % places.length;
  for (let turn = 0; turn < places.length; turn++) {
    const place = places[(start + turn) % places.length];
    if (place?.ready === true) return place.link;
  }
  return null;
}
