import { readFileSync } from 'node:fs';
import {
  CompareResult,
  CompareTarget,
  Etcd3,
  EtcdLeaseInvalidError,
  GRPCResourceExhastedError,
  GRPCUnavailableError,
  type IKeyValue,
  type IOptions,
  isRecoverableError,
} from 'etcd3';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { StoreResult } from './config-store.ts';

/** Files of PEM text; '' is none. */
export interface EtcdTlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface EtcdClientOptions {
  /** All http:// or all https://, each a host and a port. */
  readonly urls: readonly string[];
  /** Stands before every key. */
  readonly prefix: string;
  /** Read again whenever etcd cannot be reached, so that renewed certificates need no restart. */
  readonly tls: EtcdTlsFiles;
  readonly auth: { readonly user: string; readonly password: string } | null;
  readonly clock: Clock;
  readonly log: Log;
}

export interface EtcdEntry {
  /** Without the prefix. */
  readonly key: string;
  readonly text: string;
  /** etcd's revision of its last change; '0' where it is only asked for: the key must not be there. */
  readonly modRevision: string;
}

/** `done` false: a condition did not hold; `found` is what the keys of the conditions hold now, in their order. */
export interface ConditionalPut {
  readonly done: boolean;
  readonly found: readonly (EtcdEntry | null)[];
}

export interface EtcdWatch {
  stop(): void;
}

/** Of the library's calls: when to give up. */
interface CallOptions {
  readonly deadline: number;
}

type TryResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string; readonly maybeDone: boolean; readonly isFinal: boolean };

type Policy = ReturnType<NonNullable<NonNullable<IOptions['faultHandling']>['host']>>;

/** Without the library's own retries and circuit breakers, which would hide what became of a call. */
const PLAIN_POLICY = {
  onSuccess: () => ({ dispose() {} }),
  onFailure: () => ({ dispose() {} }),
  execute: async (fn: (context: { signal: AbortSignal }) => unknown) => fn({ signal: new AbortController().signal }),
} as unknown as Policy;

/**
 * etcd as the config store needs it: calls that end in time, on whichever member answers, with their failures as values. It says
 * once in the log that etcd went away, and once that it came back.
 */
export class EtcdClient {
  readonly #options: EtcdClientOptions;
  readonly #place: string;
  #hosts: readonly Etcd3[] = [];
  #tlsText = '';
  #current = 0;
  #downProblem: string | null = null;
  #isClosed = false;

  constructor(options: EtcdClientOptions) {
    this.#options = options;
    this.#place = `etcd ${options.urls.join(',')}`;
  }

  /** The last call of all failed. */
  get isDown(): boolean {
    return this.#downProblem !== null;
  }

  async get(key: string): Promise<StoreResult<EtcdEntry | null>> {
    const result = await this.#call((host, options) => host.kv.range({ key: this.#full(key) }, options));
    if (!result.ok) return result;
    return { ok: true, value: this.#entryOf(result.value.kvs[0]) };
  }

  /** The entries whose keys begin with `start`. */
  async list(start: string, limit: number): Promise<StoreResult<readonly EtcdEntry[]>> {
    const key = this.#full(start);
    const end = Buffer.from(key);
    // Our keys end in ASCII, so the next prefix has a last byte that is one higher.
    end[end.length - 1] = (end.at(-1) ?? 0) + 1;
    const result = await this.#call((host, options) => host.kv.range({ key, range_end: end, limit }, options));
    if (!result.ok) return result;
    return { ok: true, value: result.value.kvs.map((kv) => this.#entryOf(kv)).filter((entry) => entry !== null) };
  }

  /** Stores all of `puts` if each key of `conditions` has the revision that is named there, in one transaction. */
  async putIf(
    conditions: readonly Pick<EtcdEntry, 'key' | 'modRevision'>[],
    puts: readonly Pick<EtcdEntry, 'key' | 'text'>[],
  ): Promise<StoreResult<ConditionalPut>> {
    const result = await this.#call((host, options) =>
      host.kv.txn(
        {
          compare: conditions.map(({ key, modRevision }) => ({
            key: this.#full(key),
            result: CompareResult.Equal,
            target: CompareTarget.Mod,
            mod_revision: modRevision,
          })),
          success: puts.map(({ key, text }) => ({
            request_put: { key: this.#full(key), value: Buffer.from(text) },
          })),
          failure: conditions.map(({ key }) => ({ request_range: { key: this.#full(key) } })),
        },
        options,
      ),
    );
    if (!result.ok) return result;
    const { succeeded, responses } = result.value;
    if (succeeded) return { ok: true, value: { done: true, found: [] } };
    const found = conditions.map((_, index) => this.#entryOf(responses[index]?.response_range.kvs[0]));
    return { ok: true, value: { done: false, found } };
  }

  /** Stores what vanishes with the lease. */
  async putLeased(key: string, text: string, lease: string): Promise<StoreResult<void>> {
    const put = { key: this.#full(key), value: Buffer.from(text), lease };
    const result = await this.#call((host, options) => host.kv.put(put, options));
    return result.ok ? { ok: true, value: undefined } : result;
  }

  /** A new lease's id. */
  async grantLease(seconds: number): Promise<StoreResult<string>> {
    const result = await this.#call((host, options) => host.leaseClient.leaseGrant({ TTL: seconds }, options));
    return result.ok ? { ok: true, value: result.value.ID } : result;
  }

  /** False: the lease is over. */
  async keepLease(lease: string): Promise<StoreResult<boolean>> {
    return this.#call(async (host, options) => {
      const stream = await host.leaseClient.leaseKeepAlive(options);
      try {
        return await new Promise<boolean>((resolve, reject) => {
          stream.on('data', (response) => resolve(Number(response.TTL) > 0));
          stream.on('error', reject);
          stream.on('end', () => reject(new Error('the stream ended')));
          stream.write({ ID: lease });
        });
      } finally {
        stream.end();
      }
    });
  }

  async revokeLease(lease: string): Promise<StoreResult<void>> {
    const result = await this.#call(async (host, options) => {
      try {
        await host.leaseClient.leaseRevoke({ ID: lease }, options);
      } catch (error) {
        if (!(error instanceof EtcdLeaseInvalidError)) throw error;
      }
    });
    return result.ok ? { ok: true, value: undefined } : result;
  }

  /** Calls `onHint` when the key may have changed, and once for each time that the watch begins (again). */
  watch(key: string, onHint: () => void): EtcdWatch {
    let isStopped = false;
    let stop = (): void => {};
    const open = (): void => {
      if (isStopped || this.#isClosed) return;
      let isOver = false;
      const again = (): void => {
        if (isOver) return;
        isOver = true;
        this.#options.clock.after(limits.etcdDownPollMs, open);
      };
      const host = this.#hostsNow()[this.#current];
      if (host === undefined) {
        again();
        return;
      }
      host.watchClient.watch().then((stream) => {
        stop = () => stream.cancel();
        stream.on('data', (response) => {
          if (response.canceled) {
            stream.cancel();
            again();
          } else {
            onHint();
          }
        });
        stream.on('error', again);
        stream.on('end', again);
        if (isStopped || this.#isClosed) stream.cancel();
        else stream.write({ create_request: { key: this.#full(key) } });
      }, again);
    };
    open();
    return {
      stop() {
        isStopped = true;
        stop();
      },
    };
  }

  /** Calls under way fail. Watches must be stopped by themselves. */
  close(): void {
    this.#isClosed = true;
    for (const host of this.#hosts) host.close();
    this.#hosts = [];
  }

  #full(key: string): Buffer {
    return Buffer.from(`${this.#options.prefix}${key}`);
  }

  #entryOf(kv: IKeyValue | undefined): EtcdEntry | null {
    if (kv === undefined) return null;
    const key = kv.key.toString().slice(this.#options.prefix.length);
    return { key, text: kv.value.toString(), modRevision: kv.mod_revision };
  }

  /** Tries every member, again and again until the time is over; while etcd is known to be away each of them once only. */
  async #call<T>(run: (host: Etcd3, options: CallOptions) => Promise<T>): Promise<StoreResult<T>> {
    const { clock } = this.#options;
    const wasDown = this.isDown;
    const endMs = clock.monotonicMs() + limits.etcdCallMs;
    let problem = '';
    let maybeDone = false;
    for (;;) {
      const hosts = this.#hostsNow();
      for (let tries = 0; tries < hosts.length && clock.monotonicMs() < endMs; tries++) {
        const host = hosts[this.#current % hosts.length];
        if (host === undefined) break;
        const result = await this.#try(host, run, Math.min(limits.etcdTryMs, endMs - clock.monotonicMs()));
        if (result.ok) {
          this.#noteUp();
          return result;
        }
        problem = result.problem;
        maybeDone ||= result.maybeDone;
        if (result.isFinal) return this.#failed(problem, maybeDone);
        this.#current = (this.#current + 1) % hosts.length;
      }
      if (this.#isClosed) return this.#failed('closed', maybeDone);
      if (wasDown || clock.monotonicMs() + limits.etcdRetryMs >= endMs) break;
      await new Promise<void>((resolve) => {
        clock.after(limits.etcdRetryMs, resolve);
      });
    }
    if (problem === '') problem = this.#downProblem ?? 'no answer';
    this.#noteDown(problem);
    return this.#failed(problem, maybeDone);
  }

  async #try<T>(
    host: Etcd3,
    run: (host: Etcd3, options: CallOptions) => Promise<T>,
    timeoutMs: number,
  ): Promise<TryResult<T>> {
    const { clock } = this.#options;
    const { promise: late, resolve } = Promise.withResolvers<TryResult<T>>();
    // The library keeps to its deadline, except where it connects and authenticates.
    const timer = clock.after(timeoutMs + limits.etcdRetryMs, () =>
      resolve({ ok: false, problem: 'no answer in time', maybeDone: true, isFinal: false }),
    );
    const asked = run(host, { deadline: clock.wallMs() + timeoutMs }).then(
      (value): TryResult<T> => ({ ok: true, value }),
      (error: unknown): TryResult<T> => failureOf(error),
    );
    const result = await Promise.race([asked, late]);
    timer.cancel();
    return result;
  }

  #failed(problem: string, maybeDone: boolean): StoreResult<never> {
    const text = `${this.#place}: ${problem}`;
    return maybeDone ? { ok: false, problem: text, uncertain: true } : { ok: false, problem: text };
  }

  #noteUp(): void {
    if (this.#downProblem === null) return;
    this.#downProblem = null;
    this.#options.log.warn({}, `${this.#place} answers again`);
  }

  #noteDown(problem: string): void {
    const isNews = this.#downProblem === null;
    this.#downProblem = problem;
    if (!isNews || this.#isClosed) return;
    this.#options.log.error(
      { problem },
      `${this.#place} does not answer: serving goes on with the last cluster map, changes of it wait`,
    );
  }

  /** A client for each member; made anew while etcd is away if the certificates have changed. */
  #hostsNow(): readonly Etcd3[] {
    if (this.#isClosed || (this.#hosts.length > 0 && !this.isDown)) return this.#hosts;
    const tls = readTls(this.#options.tls);
    if (!tls.ok) {
      this.#noteDown(tls.problem);
      return this.#hosts;
    }
    if (this.#hosts.length > 0 && tls.text === this.#tlsText) return this.#hosts;
    for (const host of this.#hosts) host.close();
    this.#tlsText = tls.text;
    this.#hosts = this.#options.urls.map((url) => this.#newHost(url, tls.credentials));
    return this.#hosts;
  }

  #newHost(url: string, credentials: IOptions['credentials']): Etcd3 {
    const { auth, clock } = this.#options;
    return new Etcd3({
      hosts: url,
      ...(credentials === undefined ? {} : { credentials }),
      ...(auth === null ? {} : { auth: { username: auth.user, password: auth.password } }),
      defaultCallOptions: ({ isStream }) => (isStream ? {} : { deadline: clock.wallMs() + limits.etcdTryMs }),
      faultHandling: { host: () => PLAIN_POLICY, global: PLAIN_POLICY },
      grpcOptions: {
        'grpc.keepalive_time_ms': limits.etcdPingMs,
        'grpc.keepalive_timeout_ms': limits.etcdPingAnswerMs,
        'grpc.initial_reconnect_backoff_ms': limits.etcdRetryMs,
        'grpc.max_reconnect_backoff_ms': limits.etcdDownPollMs,
        'grpc.use_local_subchannel_pool': 1,
        'grpc.enable_http_proxy': 0,
      },
    });
  }
}

type ReadTls =
  | { readonly ok: true; readonly credentials: IOptions['credentials']; readonly text: string }
  | { readonly ok: false; readonly problem: string };

function readTls({ ca, cert, key }: EtcdTlsFiles): ReadTls {
  if (ca === '') return { ok: true, credentials: undefined, text: '' };
  try {
    const rootCertificate = readFileSync(ca);
    const own = cert === '' ? {} : { certChain: readFileSync(cert), privateKey: readFileSync(key) };
    const text = [rootCertificate, ...Object.values(own)].map(String).join('\n');
    return { ok: true, credentials: { rootCertificate, ...own }, text };
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : String(error) };
  }
}

function failureOf(error: unknown): TryResult<never> {
  const problem = error instanceof Error ? error.message : String(error);
  // What every member would say: who may not, what is too large, that etcd's room is used up.
  const isFinal =
    error instanceof GRPCResourceExhastedError ||
    (error instanceof Error && !isRecoverableError(error) && problem.includes('etcdserver:'));
  const wasNotSent =
    error instanceof GRPCUnavailableError && /No connection established|Name resolution failed/.test(problem);
  // What the library adds to what the system says.
  const short = problem.replace(
    /^14 UNAVAILABLE: No connection established\. Last error: (Error: )?|\.? Resolution note: $/g,
    '',
  );
  return { ok: false, problem: short, maybeDone: !isFinal && !wasNotSent, isFinal };
}
