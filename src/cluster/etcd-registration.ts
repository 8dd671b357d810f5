import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { StoreResult } from './config-store.ts';
import type { EtcdClient } from './etcd-client.ts';

/** What a process tells of itself. */
export interface Registration {
  readonly role: 'proxy' | 'storage';
  /** Of a storage node; null of a proxy. */
  readonly node: number | null;
  /** Where it listens, as HOST:PORT. */
  readonly addresses: readonly string[];
  readonly version: string;
  readonly pid: number;
  /** Wall clock, milliseconds. */
  readonly startedMs: number;
}

export interface EtcdRegistrationOptions {
  readonly client: EtcdClient;
  readonly registration: Registration;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const MEMBERS = 'members/';
const ID_BYTES = 8;
const RENEW_MS = (limits.etcdLeaseSeconds * 1_000) / 3;

/** Keeps a process registered in etcd, under a lease that ends with it; again as soon as etcd is back after it was away. */
export class EtcdRegistration {
  readonly #options: EtcdRegistrationOptions;
  readonly #key: string;
  #lease: string | null = null;
  #timer: Timer | null = null;
  #turn: Promise<void> = Promise.resolve();
  #isStopped = false;
  #isToldOf = false;

  constructor(options: EtcdRegistrationOptions) {
    this.#options = options;
    const id = Buffer.alloc(ID_BYTES);
    options.random.fill(id);
    this.#key = `${MEMBERS}${id.toString('hex')}`;
  }

  start(): void {
    this.#turn = this.#renew().then(() => {
      if (this.#isStopped) return;
      const pauseMs = this.#lease === null ? limits.etcdDownPollMs : RENEW_MS;
      this.#timer = this.#options.clock.after(pauseMs, () => this.start());
    });
  }

  /** Takes the registration back, where etcd answers; else it ends by itself. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#turn;
    if (this.#lease !== null && !this.#options.client.isDown) await this.#options.client.revokeLease(this.#lease);
  }

  async #renew(): Promise<void> {
    const { client } = this.#options;
    if (this.#lease !== null) {
      const kept = await client.keepLease(this.#lease);
      if (kept.ok && kept.value) return;
      if (!kept.ok && kept.uncertain === true) return;
      this.#lease = null;
    }
    if (this.#isStopped) return;
    const granted = await client.grantLease(limits.etcdLeaseSeconds);
    const put = granted.ok ? await client.putLeased(this.#key, this.#text(), granted.value) : granted;
    if (granted.ok && put.ok) this.#lease = granted.value;
    // What etcd refuses although it answers: the client tells when it does not.
    if (!put.ok && !client.isDown && !this.#isToldOf) {
      this.#isToldOf = true;
      this.#options.log.warn({ problem: put.problem }, 'this process could not be registered');
    }
  }

  #text(): string {
    return JSON.stringify(this.#options.registration);
  }
}

/** Who is registered, proxies first, storage nodes by their ids. */
export async function readRegistrations(client: EtcdClient): Promise<StoreResult<readonly Registration[]>> {
  const listed = await client.list(MEMBERS, limits.etcdRegistrations);
  if (!listed.ok) return listed;
  const found = listed.value.map(({ text }) => registrationOf(text)).filter((one) => one !== null);
  const place = ({ node, addresses }: Registration): string =>
    `${String(node ?? 0).padStart(10, '0')} ${addresses.join()}`;
  return { ok: true, value: found.toSorted((a, b) => (place(a) < place(b) ? -1 : 1)) };
}

/** Null for what no version of this program wrote. */
function registrationOf(text: string): Registration | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof json !== 'object' || json === null) return null;
  const { role, node, addresses, version, pid, startedMs } = json as Partial<Record<keyof Registration, unknown>>;
  if ((role !== 'proxy' && role !== 'storage') || !Array.isArray(addresses)) return null;
  return {
    role,
    node: typeof node === 'number' ? node : null,
    addresses: addresses.map(String),
    version: String(version),
    pid: Number(pid),
    startedMs: Number(startedMs),
  };
}
