import { ErrorReply, type Reply } from '../../../resp/reply.ts';
import type { SeededRandom } from '../../load/seeded-random.ts';
import { type Argument, LinkLost } from '../redis-link.ts';
import type { LaneLink } from '../stream-lanes.ts';
import type { ToyServer } from './toy-server.ts';

interface Call {
  readonly args: readonly Argument[];
  resolve(reply: Reply): void;
  reject(error: LinkLost): void;
}

/** How often it happens, of a thousand steps. */
export interface Mishaps {
  readonly lost: number;
  readonly uncertain: number;
}

class ScriptedLink implements LaneLink {
  readonly calls: Call[] = [];
  database: number;
  isLost = false;
  /** Commands behind a MULTI. */
  queued: (readonly Argument[])[] | null = null;

  constructor(database: number) {
    this.database = database;
  }

  call(args: readonly Argument[]): Promise<Reply> {
    if (this.isLost) return Promise.reject(new LinkLost('lost'));
    return new Promise((resolve, reject) => this.calls.push({ args, resolve, reject }));
  }

  close(): void {
    this.isLost = true;
    for (const { reject } of this.calls.splice(0)) reject(new LinkLost('closed'));
  }
}

/** A target that does one thing at each `step`: opens a connection, answers one call, loses a connection with what is on it. */
export class ScriptedTarget {
  readonly server: ToyServer;
  /** Arguments of the commands that have been answered, or lost. */
  readonly settled = new Set<readonly Argument[]>();
  readonly links: ScriptedLink[] = [];
  losses = 0;
  readonly #random: SeededRandom;
  readonly #mishaps: Mishaps;
  readonly #openings: (() => void)[] = [];
  /** What lost calls asked for, and may still do. */
  #ghosts: (() => void)[] = [];

  constructor(server: ToyServer, random: SeededRandom, mishaps: Mishaps) {
    this.server = server;
    this.#random = random;
    this.#mishaps = mishaps;
  }

  openPatiently(database: number): Promise<LaneLink> {
    return new Promise((resolve) => {
      this.#openings.push(() => {
        const link = new ScriptedLink(database);
        this.links.push(link);
        resolve(link);
      });
    });
  }

  async call(database: number, args: readonly Argument[]): Promise<Reply> {
    return this.#run(database, args);
  }

  callOnce(database: number, args: readonly Argument[]): Promise<Reply> {
    return this.call(database, args);
  }

  /** Does one of the things that are due. */
  step(): void {
    this.#sometimes(this.#mishaps.lost, () => this.loseOne());
    const due = [
      ...this.#openings.map((_, i) => () => this.#openings.splice(i, 1)[0]?.()),
      ...this.links.filter(({ calls }) => calls.length > 0).map((link) => () => this.answer(link)),
      ...this.#ghosts.map((_, i) => () => this.#ghosts.splice(i, 1)[0]?.()),
    ];
    due[this.#random.below(due.length)]?.();
  }

  /** Opens the connections that are waited for. */
  open(): void {
    for (const opening of this.#openings.splice(0)) opening();
  }

  /** What is under way, by connections in the order in which they were opened. */
  get underWay(): string[][] {
    return this.links.map(({ calls }) => calls.map(({ args }) => args.join(' ')));
  }

  /** Answers the first call of a connection. */
  answer(link: ScriptedLink): void {
    const call = link.calls.shift();
    const name = String(call?.args[0]);
    if (call === undefined) return;
    if (name === 'MULTI') {
      link.queued = [];
      call.resolve('OK');
    } else if (name !== 'EXEC' && link.queued !== null) {
      link.queued.push(call.args);
      call.resolve('QUEUED');
    } else {
      const commands = link.queued ?? [call.args];
      link.queued = null;
      call.resolve(this.#carryOut(link, commands, name === 'EXEC'));
    }
  }

  /** What was under way on it may be done, at once, later or never. */
  loseOne(): void {
    const link = this.links.splice(this.#random.below(this.links.length), 1)[0];
    if (link === undefined) return;
    let queued: (readonly Argument[])[] | null = link.queued;
    for (const { args } of link.calls) {
      const name = String(args[0]);
      if (name === 'MULTI') queued = [];
      else if (name !== 'EXEC' && queued !== null) queued.push(args);
      else {
        this.#leave(link, queued ?? [args]);
        queued = null;
      }
    }
    link.close();
  }

  noteLost(): void {
    this.losses++;
  }

  /** Nothing of what was lost comes any more. */
  async quiet(): Promise<void> {
    for (const ghost of this.#ghosts.splice(0)) ghost();
  }

  #carryOut(link: ScriptedLink, commands: readonly (readonly Argument[])[], isTransaction: boolean): Reply {
    let reply: Reply = null;
    this.#sometimes(this.#mishaps.uncertain, () => {
      this.#leave(link, commands);
      reply = new ErrorReply('UNCERTAIN by chance');
    });
    if (reply !== null) return reply;
    const replies = commands.map((args) => this.#runOn(link, args));
    return isTransaction ? replies : (replies[0] ?? null);
  }

  /** Each as a whole; they may come in another order. */
  #leave(link: ScriptedLink, commands: readonly (readonly Argument[])[]): void {
    for (const args of commands) this.settled.add(args);
    const later = new ScriptedLink(link.database);
    const ghost = (): void => {
      for (const args of commands) this.#runOn(later, args);
    };
    if (this.#random.below(2) === 0) this.#ghosts.push(ghost);
  }

  #runOn(link: ScriptedLink, args: readonly Argument[]): Reply {
    if (String(args[0]) !== 'SELECT') return this.#run(link.database, args);
    link.database = Number(String(args[1]));
    return 'OK';
  }

  #run(database: number, args: readonly Argument[]): Reply {
    this.settled.add(args);
    return this.server.run(database, args.map(String));
  }

  #sometimes(ofThousand: number, use: () => void): void {
    if (this.#random.below(1_000) < ofThousand) use();
  }
}
