import { limits } from '../../base/limits.ts';
import { numberInGroup } from '../../cluster/namespace-groups.ts';
import type { Outcome, RunContext, Step, StepResult } from '../../quorum/operation.ts';
import { openDump } from '../../record/rdb/dump-payload.ts';
import { RdbFileEncoder } from '../../record/rdb/rdb-file-encoder.ts';
import type { LiveRecord } from '../../record/state.ts';
import { ErrorReply, OK, RawBytes, type Reply } from '../../resp/reply.ts';
import type { ScanPage } from '../cluster-port.ts';
import type { CommandRow } from '../command.ts';
import type { ProxyContext } from '../proxy-context.ts';
import type { Session } from '../session.ts';
import { DUMP_STEP } from './generic-dump.ts';
import { argument, optionName } from './keyed-row.ts';

const BUSY = new ErrorReply('BUSY another client is being sent all keys by this proxy; only one at a time is');
const NEEDS_EOF = new ErrorReply('ERR SYNC needs a client that can take a dump of unknown length: REPLCONF capa eof');
const NO_STREAM = new ErrorReply(
  'ERR a proxy has no stream of changes for replicas; SYNC, as redis-cli --rdb sends it, gives all keys once',
);
const MARK_BYTES = 40;

/** Clients that said that they take a dump that ends with a mark. */
const takesMark = new WeakSet<Session>();
/** Proxies that are sending one. */
const sending = new WeakSet<ProxyContext>();

function replconf(session: Session, args: readonly Buffer[]): Reply | undefined {
  for (let i = 1; i + 1 < args.length; i += 2) {
    const option = optionName(argument(args, i));
    if (option === 'ack') return undefined;
    if (option === 'capa' && optionName(argument(args, i + 1)) === 'eof') takesMark.add(session);
  }
  return args.length % 2 === 0 ? new ErrorReply('ERR syntax error') : OK;
}

function sync(session: Session): Reply | undefined {
  if (!takesMark.has(session)) return NEEDS_EOF;
  if (sending.has(session.proxy)) return BUSY;
  sending.add(session.proxy);
  const dump = new DumpOfAll(session);
  dump
    .run()
    .then(
      () => session.closeAfterReplies(),
      (error: unknown) => {
        // A dump that is not whole has no mark at its end: the client knows.
        session.proxy.log.warn({ client: session.id, err: error }, 'a dump for SYNC was not finished');
        session.destroy();
      },
    )
    .finally(() => sending.delete(session.proxy));
  return undefined;
}

/** The key of a live record, its expiry and its payload; only for `DumpOfAll`. */
class WholeRecordStep implements Step<Reply> {
  readonly access = 'read';
  readonly needs = 'value';
  expiresAtMs = 0;

  run(record: LiveRecord | null, context: RunContext): StepResult<Reply> {
    this.expiresAtMs = record?.expiresAtMs ?? 0;
    return DUMP_STEP.run(record, context);
  }
}

/** All keys of a session's namespace as an RDB, sent as fast as the client reads, and within a rate. */
class DumpOfAll {
  readonly #session: Session;
  readonly #encoder = new RdbFileEncoder();
  readonly #startedMs: number;
  #sentBytes = 0;

  constructor(session: Session) {
    this.#session = session;
    this.#startedMs = session.proxy.clock.monotonicMs();
  }

  async run(): Promise<void> {
    const { proxy, namespaceGroup } = this.#session;
    const random = Buffer.alloc(MARK_BYTES / 2);
    proxy.random.fill(random);
    const mark = random.toString('hex');
    this.#session.push(new RawBytes(Buffer.from(`$EOF:${mark}\r\n`)));
    this.#encoder.begin(proxy.clock.wallMs());
    for (let database = 0; database < proxy.config.databases; database++) {
      await this.#database(numberInGroup(namespaceGroup, database), database);
    }
    await this.#send(this.#encoder.end());
    await this.#send(Buffer.from(mark));
  }

  async #database(namespace: number, database: number): Promise<void> {
    let cursor = '0';
    let isBegun = false;
    do {
      const page = await this.#scan(namespace, cursor);
      cursor = page.cursor;
      for (let from = 0; from < page.keys.length; from += limits.syncKeysAtOnce) {
        const keys = page.keys.slice(from, from + limits.syncKeysAtOnce);
        for (const { key, expiresAtMs, payload } of await Promise.all(
          keys.map(({ key }) => this.#read(namespace, key)),
        )) {
          const opened = payload === null ? null : openDump(payload);
          if (opened === null) continue;
          if (!isBegun) this.#encoder.database(database, 0);
          isBegun = true;
          this.#encoder.key(key, expiresAtMs, opened.type, opened.value);
          if (this.#encoder.pendingBytes >= limits.syncPieceBytes) await this.#send(this.#encoder.take());
        }
      }
    } while (cursor !== '0');
  }

  /** Throws where the value cannot be read: then there is no dump. */
  async #read(
    namespace: number,
    key: Buffer,
  ): Promise<{ readonly key: Buffer; readonly expiresAtMs: number; readonly payload: Buffer | null }> {
    const step = new WholeRecordStep();
    let outcome = await this.#submit(namespace, key, step);
    for (let tries = 1; !outcome.ok && tries < limits.backupValueTries; tries++) {
      await this.#pause(limits.backupRetryMs);
      outcome = await this.#submit(namespace, key, step);
    }
    if (!outcome.ok) throw new Error(`a key could not be read: ${outcome.failure.kind}`);
    if (outcome.reply instanceof ErrorReply) throw new Error(outcome.reply.text);
    return { key, expiresAtMs: step.expiresAtMs, payload: Buffer.isBuffer(outcome.reply) ? outcome.reply : null };
  }

  #submit(namespace: number, key: Buffer, step: Step<Reply>): Promise<Outcome<Reply>> {
    return new Promise((done) => this.#session.proxy.cluster.submit({ namespace, key, step, done }));
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#session.proxy.clock.after(delayMs, resolve);
    });
  }

  /** A page of a scan; what a busy cluster does not answer is asked again. */
  async #scan(namespace: number, cursor: string): Promise<ScanPage> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#session.proxy.cluster.scan(namespace, cursor, limits.syncScanKeys);
      } catch (error) {
        if (tries >= limits.backupValueTries) throw error;
        await this.#pause(limits.backupRetryMs);
      }
    }
  }

  /** Hands bytes to the client once it has taken most of those before, and the rate allows it. */
  async #send(bytes: Buffer): Promise<void> {
    const { clock, clients } = this.#session.proxy;
    const stalledMs = clock.monotonicMs() + limits.streamStallMs;
    for (;;) {
      if (clients.get(this.#session.id) !== this.#session) throw new Error('the client has gone');
      const nowMs = clock.monotonicMs();
      const dueMs = this.#startedMs + (this.#sentBytes / limits.syncBytesPerSecond) * 1_000;
      if (unreadBytes(this.#session) <= limits.syncPieceBytes && nowMs >= dueMs) break;
      if (nowMs > stalledMs) throw new Error('the client does not read');
      await this.#pause(limits.syncLookMs);
    }
    this.#sentBytes += bytes.length;
    this.#session.push(new RawBytes(bytes));
  }
}

/** What the client has not taken yet, as CLIENT LIST shows it. */
function unreadBytes(session: Session): number {
  return Number(/ omem=(\d+)/.exec(session.describe())?.[1] ?? 0);
}

/** What redis-cli --rdb sends. */
export const syncCommands: readonly CommandRow[] = [
  {
    name: 'replconf',
    group: 'server',
    summary: 'An internal command for configuring the replication stream',
    since: '3.0.0',
    complexity: 'O(1)',
    arity: -1,
    flags: ['admin', 'noscript', 'loading', 'stale', 'allow_busy'],
    categories: ['@admin', '@slow', '@dangerous'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: replconf },
    difference: 'For SYNC: remembers "capa eof", and answers OK to everything else.',
  },
  {
    name: 'sync',
    group: 'server',
    summary: 'Internal command used for replication',
    since: '1.0.0',
    complexity: '',
    arity: 1,
    flags: ['admin', 'noscript', 'no_async_loading', 'no_multi'],
    categories: ['@admin', '@slow', '@dangerous'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: sync },
    difference:
      'Sends all keys of the namespace as an RDB, each as it was when it was read, and closes the connection: no stream of changes follows. For redis-cli --rdb; one client of a proxy at a time, and at most 32 MiB a second. A collection of more than 64 MiB ends it: junokv export writes those, too.',
  },
  {
    name: 'psync',
    group: 'server',
    summary: 'Internal command used for replication',
    since: '2.8.0',
    complexity: '',
    arity: -3,
    flags: ['admin', 'noscript', 'no_async_loading', 'no_multi'],
    categories: ['@admin', '@slow', '@dangerous'],
    keys: null,
    docArguments: [
      { name: 'replicationid', type: 'string' },
      { name: 'offset', type: 'integer' },
    ],
    handler: { kind: 'session', run: () => NO_STREAM },
    difference: 'Answers an error: there is no stream of changes for replicas.',
  },
];
