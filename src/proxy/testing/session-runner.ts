import { assert } from '../../base/assert.ts';
import { silentLog } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import { ManualClock } from '../../base/testing/manual-clock.ts';
import type { Outcome } from '../../quorum/operation.ts';
import {
  BooleanReply,
  BulkItems,
  BulkPieces,
  DoubleReply,
  ErrorReply,
  MapReply,
  NullArray,
  PushReply,
  type Reply,
  SetReply,
  SimpleString,
  VerbatimReply,
} from '../../resp/reply.ts';
import { ReplyParser } from '../../resp/reply-parser.ts';
import { ReplyWriter } from '../../resp/reply-writer.ts';
import { AccessLevel } from '../access.ts';
import { ClientRegistry } from '../client-registry.ts';
import { ClusterFailure } from '../cluster-port.ts';
import type { AtomicStep, Handler, KeyedStep } from '../command.ts';
import { CommandTable } from '../command-table.ts';
import { allCommands } from '../commands/all-commands.ts';
import type { ConfigValues } from '../config-values.ts';
import { failureReply } from '../failure-reply.ts';
import { KeyUse } from '../key-use.ts';
import { LatencyMonitor } from '../latency-monitor.ts';
import { MemoryLimit } from '../memory/memory-limit.ts';
import { MonitorHub } from '../monitor-hub.ts';
import { Namespaces } from '../namespaces.ts';
import { NO_PROCESS, type ProcessPort } from '../process-port.ts';
import type { ProxyContext } from '../proxy-context.ts';
import { ProxyInfo } from '../proxy-info.ts';
import { ProxyStats } from '../proxy-stats.ts';
import { RuntimeConfig } from '../runtime-config.ts';
import { namespaceNumber, type Session } from '../session.ts';
import { SlowLog } from '../slow-log.ts';
import { runPlan, TransactionPlan } from '../transaction-plan.ts';
import type { TransactionState } from '../transaction-state.ts';
import { type User, Users } from '../users.ts';
import { LocalCluster } from './local-cluster.ts';

/** A reply as tests compare it: `+text`, `-error`, maps as objects, sets as arrays, verbatim strings as their text. */
export type ShownReply = number | bigint | boolean | string | null | ShownReply[] | { [name: string]: ShownReply };

function shownMap(reply: MapReply): ShownReply {
  return Object.fromEntries(reply.entries.map(([key, value]) => [String(shown(key)), shown(value)]));
}

/** As sent under RESP3, and read again. */
function shownItems(reply: BulkItems): ShownReply {
  const writer = new ReplyWriter();
  writer.protocol = 3;
  writer.write(reply);
  const parser = new ReplyParser();
  parser.push(Buffer.concat(writer.takeChunks()));
  return shown(parser.next() ?? null);
}

export function shown(reply: Reply): ShownReply {
  if (Array.isArray(reply)) return reply.map(shown);
  if (Buffer.isBuffer(reply)) return reply.toString('latin1');
  if (reply instanceof SimpleString) return `+${reply.text}`;
  if (reply instanceof ErrorReply) return `-${reply.text}`;
  if (reply instanceof MapReply) return shownMap(reply);
  if (reply instanceof SetReply || reply instanceof PushReply) return reply.items.map(shown);
  if (reply instanceof VerbatimReply) return reply.text;
  if (reply instanceof DoubleReply || reply instanceof BooleanReply) return reply.value;
  if (reply instanceof NullArray) return null;
  if (reply instanceof BulkItems) return shownItems(reply);
  if (reply instanceof BulkPieces) return Buffer.concat(reply.pieces).toString('latin1');
  assert(reply === null || typeof reply !== 'object', 'every kind of reply is shown');
  return reply;
}

/** Counts up: the same in every run. */
class CountingRandom implements Random {
  #next = 0;
  fill(target: Uint8Array): void {
    for (let i = 0; i < target.length; i++) target[i] = this.#next++ & 0xff;
  }
  unit(): number {
    return this.below(1000) / 1000;
  }
  below(below: number): number {
    return this.#next++ % below;
  }
}

/** A proxy without sockets: all commands, a LocalCluster, a ManualClock. */
export class TestProxy implements ProxyContext {
  readonly clock = new ManualClock();
  readonly random = new CountingRandom();
  readonly log = silentLog;
  readonly cluster = new LocalCluster(this.clock);
  readonly table = new CommandTable(allCommands);
  readonly stats = new ProxyStats(this.table);
  readonly clients = new ClientRegistry();
  readonly monitors = new MonitorHub(this.clock);
  readonly info = new ProxyInfo(this.clock, this.random, this.cluster);
  readonly namespaces = new Namespaces(this.cluster, this.clock);
  readonly config: RuntimeConfig;
  readonly keyUse: KeyUse;
  readonly memory: MemoryLimit;
  process: ProcessPort = NO_PROCESS;
  readonly tracer = null;
  readonly users: Users;
  readonly slowLog: SlowLog;
  readonly latency: LatencyMonitor;

  constructor(config: Partial<ConfigValues> = {}, users: readonly User[] = []) {
    this.config = new RuntimeConfig(config);
    this.keyUse = new KeyUse(this.config, this.random);
    this.memory = new MemoryLimit({ ...this, port: null });
    this.users = new Users(this.config, users);
    this.slowLog = new SlowLog(this.config, this.clock);
    this.latency = new LatencyMonitor(this.clock, this.config);
  }
}

/** One client without a socket. `run` finds the handler as the dispatcher does, without its checks, and awaits the reply. */
export class SessionRunner implements Session {
  readonly id: number;
  readonly proxy: TestProxy;
  readonly createdAtMs: number;
  readonly remoteAddress = '10.0.0.9:50000';
  localAddress = '10.0.0.1:6379';
  database = 0;
  namespaceGroup = 0;
  namespaceBound = false;
  access: AccessLevel = AccessLevel.admin;
  protocol: 2 | 3 = 2;
  name = '';
  libName = '';
  libVersion = '';
  user = 'default';
  transaction: TransactionState | null = null;
  authenticated = true;
  replyMode: Session['replyMode'] = 'on';
  noEvict = false;
  noTouch = false;
  monitoring = false;
  readonly clusterEnabled: boolean;
  encrypted = false;
  readonly pushed: Reply[] = [];

  constructor(proxy: TestProxy = new TestProxy()) {
    this.proxy = proxy;
    this.id = proxy.clients.nextId();
    this.createdAtMs = proxy.clock.wallMs();
    this.clusterEnabled = proxy.config.clusterEnabled;
    proxy.clients.add(this);
  }

  push(reply: Reply): void {
    this.pushed.push(reply);
  }
  closeAfterReplies(): void {
    this.destroy();
  }
  destroy(): void {
    this.proxy.monitors.remove(this);
    this.proxy.clients.remove(this);
  }
  reset(): void {
    this.proxy.monitors.remove(this);
  }
  describe(): string {
    return `id=${this.id}`;
  }

  /** The reply of a command line: words between single spaces; '' in quotes is an empty argument. Undefined: none. */
  async run(line: string): Promise<ShownReply | undefined> {
    const reply = await this.runArguments(line.split(' ').map((word) => Buffer.from(word === "''" ? '' : word)));
    return reply === undefined ? undefined : shown(reply);
  }

  async runArguments(args: readonly Buffer[]): Promise<Reply | undefined> {
    const handler = this.#handler(args);
    try {
      switch (handler.kind) {
        case 'session':
        case 'waiting':
          return await handler.run(this, args);
        case 'record': {
          const step = handler.parse(args, this);
          return step instanceof ErrorReply ? step : await this.#submit(step);
        }
        case 'records': {
          const multi = handler.parse(args);
          if (multi instanceof ErrorReply) return multi;
          return multi.combine(await Promise.all(multi.steps.map((step) => this.#submit(step))));
        }
        case 'atomic': {
          const step = handler.parse(args, this);
          return step instanceof ErrorReply ? step : await this.#transact(step);
        }
      }
    } catch (error) {
      if (error instanceof ClusterFailure) return failureReply(error.failure);
      throw error;
    }
  }

  #handler(args: readonly Buffer[]): Handler {
    const [name = Buffer.alloc(0), second] = args;
    const entry = this.proxy.table.find(name);
    const sub = second === undefined ? undefined : entry?.subcommands?.find(second);
    const handler = (sub ?? entry)?.row.handler;
    assert(handler !== undefined && handler !== null, `there is a command ${name.toString()}`);
    return handler;
  }

  #transact(step: AtomicStep): Promise<Reply> {
    const plan = new TransactionPlan();
    const run = plan.addAtomic(this, step, null);
    return new Promise((resolve) => {
      const done = (outcome: Outcome<Reply>): void =>
        resolve(outcome.ok ? outcome.reply : failureReply(outcome.failure));
      runPlan(this.proxy.cluster, plan, run, done);
    });
  }

  #submit({ key, step }: KeyedStep): Promise<Reply> {
    return new Promise((resolve) => {
      const done = (outcome: Outcome<Reply>): void =>
        resolve(outcome.ok ? outcome.reply : failureReply(outcome.failure));
      this.proxy.cluster.submit({ namespace: namespaceNumber(this), key, step, done });
    });
  }
}
