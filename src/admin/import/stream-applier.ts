import { limits } from '../../base/limits.ts';
import { libraryName } from '../../record/rdb/library-name.ts';
import { ErrorReply, type Reply } from '../../resp/reply.ts';
import { type ImportCounts, nameOf } from './import-counts.ts';
import { ImportProblem } from './import-problem.ts';
import type { KeyRepairs } from './key-repairs.ts';
import { LinkLost, type RedisLink } from './redis-link.ts';
import type { SourceReader } from './source-reader.ts';
import { isTooLong, keysNamed, mixesKeys, readsByPattern, type StreamCommand } from './stream-commands.ts';
import { isPassing, type TargetLinks } from './target-links.ts';

/** A place in the stream: bytes before it, and the database that is selected there. */
export interface StreamPlace {
  readonly position: number;
  readonly database: number;
}

/** A command, and the database that it is for. */
interface Placed {
  readonly database: number;
  readonly command: StreamCommand;
  readonly keys: readonly Buffer[];
}

/** Not of the data: of the connection, of Pub/Sub, of scripts that have been carried out. */
const IGNORED = new Set(['ping', 'replconf', 'publish', 'spublish', 'script', 'discard']);
const FLUSHES = new Set(['flushall', 'flushdb', 'swapdb']);

/** Of what these concern 0 is the answer where it is not there. */
const LIVES_ON = new Set(['persist', 'pexpireat', 'expireat', 'pexpire', 'expire']);

/** What has been sent together; `isEnded`: and answered. */
interface UnderWay {
  readonly place: StreamPlace;
  isEnded: boolean;
}

/**
 * Carries a source's commands out at the target, over a connection for each database: those of one database in their order, and
 * what concerns several with nothing else under way. Whatever a command fails with, its keys are repaired (`KeyRepairs`).
 */
export class StreamApplier {
  readonly #source: SourceReader;
  readonly #links: TargetLinks;
  readonly #repairs: KeyRepairs;
  readonly #counts: ImportCounts;
  readonly #hasMulti: boolean;
  /** By their databases. */
  readonly #open = new Map<number, RedisLink>();
  #database = 0;
  #transaction: Placed[] | null = null;
  #transactionBytes = 0;
  /** In the order of the stream. */
  readonly #queue: UnderWay[] = [];
  #underWay = 0;
  #underWayBytes = 0;
  /** What was sent last concerns several databases. */
  #isCrossing = false;
  #room: (() => void) | null = null;
  readonly #untaken = new Set<string>();
  /** Commands before it have been answered; and the database that was selected there. */
  #done: StreamPlace = { position: 0, database: 0 };
  #position = 0;
  #failure: unknown = null;

  constructor(source: SourceReader, links: TargetLinks, repairs: KeyRepairs, counts: ImportCounts, hasMulti: boolean) {
    this.#source = source;
    this.#links = links;
    this.#repairs = repairs;
    this.#counts = counts;
    this.#hasMulti = hasMulti;
  }

  /** Commands before this place are done. */
  get done(): StreamPlace {
    return this.#done;
  }

  /** The end of the last command that was taken. */
  get position(): number {
    return this.#position;
  }

  /** From where commands come next. */
  begin(place: StreamPlace): void {
    this.#position = place.position;
    this.#done = place;
    this.#database = place.database;
    this.#transaction = null;
  }

  /** Takes the next command; `isUnsure`: it may have been carried out before. */
  async take(command: StreamCommand, isUnsure: boolean): Promise<void> {
    const start = this.#position;
    this.#position += command.bytes;
    const { name, args } = command;
    if (name === 'select') {
      this.#database = Number(args[1]?.toString());
    } else if (name === 'multi') {
      this.#transaction = [];
      this.#transactionBytes = 0;
    } else if (name === 'exec') {
      const commands = this.#transaction ?? [];
      this.#transaction = null;
      if (commands.length > 0) await this.#send(commands, start);
    } else if (name === 'publish' && (await this.#isRepair(args))) {
      return;
    } else if (name === 'function') {
      this.#counts.skip('changes of functions', changedLibrary(args));
    } else if (!IGNORED.has(name)) {
      await this.#takeChange(command, isUnsure, start);
    }
    if (this.#transaction === null && this.#underWay === 0) this.#isAllDone();
  }

  /** Everything taken so far is done, or its keys are being repaired. */
  async drained(): Promise<void> {
    while (this.#underWay > 0) await this.#change();
    if (this.#failure !== null) throw this.#failure;
    if (this.#transaction === null) this.#isAllDone();
  }

  #isAllDone(): void {
    this.#done = { position: this.#position, database: this.#database };
  }

  close(): void {
    for (const link of this.#open.values()) link.close();
  }

  async #isRepair(args: readonly Buffer[]): Promise<boolean> {
    if (!this.#repairs.isOurs(args)) return false;
    await this.drained();
    await this.#repairs.take(args);
    return true;
  }

  async #takeChange(command: StreamCommand, isUnsure: boolean, start: number): Promise<void> {
    const { name, args } = command;
    if (FLUSHES.has(name)) {
      await this.#flush(command);
      return;
    }
    const database = this.#database;
    const keys = keysNamed(command) ?? (await this.#askForKeys(args));
    this.#counts.commands++;
    if (isUnsure || this.#readsUnsure(database, command, keys)) this.#repairAll([{ database, command, keys }]);
    if (name.startsWith('x') || keys.length === 0) {
      // The stream data type, which is not taken; or nothing that could be.
      this.#passOver(database, name, keys);
      return;
    }
    const placed: Placed = { database, command, keys };
    if (this.#transaction === null) {
      await this.#send([placed], start);
      return;
    }
    this.#transaction.push(placed);
    this.#transactionBytes += command.bytes;
    if (!isTooLong(this.#transaction.length, this.#transactionBytes)) return;
    await this.#send(this.#transaction, start);
    this.#transaction = [];
    this.#transactionBytes = 0;
  }

  /** Whether what a key that is not sure has goes into another one. */
  #readsUnsure(database: number, command: StreamCommand, keys: readonly Buffer[]): boolean {
    if (this.#repairs.count === 0) return false;
    if (readsByPattern(command)) return true;
    const other = otherDatabase(command);
    if (other === null && !mixesKeys(keys)) return false;
    return keys.some(
      (key) => this.#repairs.isUnsure(database, key) || (other !== null && this.#repairs.isUnsure(other, key)),
    );
  }

  #passOver(database: number, name: string, keys: readonly Buffer[]): void {
    if (keys.length === 0) this.#counts.skip(`commands ${name.toUpperCase()}`, '');
    for (const key of keys) {
      const text = nameOf(database, key);
      if (this.#untaken.has(text)) continue;
      if (this.#untaken.size < limits.importUnsureKeys) this.#untaken.add(text);
      this.#counts.skip('stream written to', text);
    }
  }

  /** What concerns all keys of a database: nothing goes past it. */
  async #flush({ name, args }: StreamCommand): Promise<void> {
    const rest = this.#transaction;
    if (rest !== null && rest.length > 0) await this.#send(rest.splice(0), this.#position);
    await this.drained();
    // A flush may be done twice.
    const reply =
      name === 'swapdb'
        ? await this.#links.callOnce(this.#database, args)
        : await this.#links.call(this.#database, args);
    if (reply === null || reply instanceof ErrorReply) {
      const words = reply === null ? 'it is open whether it was done' : reply.text;
      throw new ImportProblem(`the target could not carry out ${args.join(' ')}: ${words}`);
    }
    if (name === 'swapdb') this.#repairs.swapped(Number(args[1]?.toString()), Number(args[2]?.toString()));
    this.#counts.commands++;
  }

  async #askForKeys(args: readonly Buffer[]): Promise<readonly Buffer[]> {
    const [reply] = await this.#source.ask(0, [['COMMAND', 'GETKEYS', ...args]]);
    return Array.isArray(reply) ? (reply as readonly Reply[]).filter((key) => Buffer.isBuffer(key)) : [];
  }

  /** Sends what belongs together when there is room for it. */
  async #send(commands: readonly Placed[], start: number): Promise<void> {
    let bytes = 0;
    for (const { command } of commands) bytes += command.bytes;
    while (
      this.#underWay > 0 &&
      (this.#underWay >= limits.importCommandsAtOnce || this.#underWayBytes + bytes > limits.importBytesAtOnce)
    ) {
      await this.#change();
    }
    const isTransaction = this.#hasMulti && commands.length > 1;
    const first = commands[0]?.database ?? 0;
    const isCrossing = commands.some(({ database, command }) => database !== first || otherDatabase(command) !== null);
    if (isCrossing || this.#isCrossing) await this.drained();
    this.#isCrossing = isCrossing;
    try {
      const calls = isTransaction ? await this.#callTogether(first, commands) : await this.#callEach(commands);
      this.#follow(commands, calls, isTransaction, bytes, start);
    } catch (error) {
      if (!(error instanceof LinkLost)) throw error;
      this.#repairAll(commands);
    }
  }

  /** As a transaction of the target; the last answer is that to EXEC. */
  async #callTogether(first: number, commands: readonly Placed[]): Promise<Promise<Reply>[]> {
    const link = await this.#linkTo(first);
    const calls = [link.call(['MULTI'])];
    let database = first;
    for (const placed of commands) {
      if (placed.database !== database) calls.push(link.call(['SELECT', String(placed.database)]));
      database = placed.database;
      calls.push(link.call(placed.command.args));
    }
    calls.push(link.call(['EXEC']));
    if (database !== first) {
      // Which database it has now depends on the answers.
      this.#open.delete(first);
      Promise.allSettled(calls).then(() => link.close());
    }
    return calls;
  }

  async #callEach(commands: readonly Placed[]): Promise<Promise<Reply>[]> {
    const calls: Promise<Reply>[] = [];
    let last: RedisLink | null = null;
    for (const { database, command } of commands) {
      const link = await this.#linkTo(database);
      if (link !== last) await Promise.allSettled(calls);
      last = link;
      calls.push(link.call(command.args));
    }
    return calls;
  }

  /** Looks at the answers when they come. */
  #follow(
    commands: readonly Placed[],
    calls: readonly Promise<Reply>[],
    isTransaction: boolean,
    bytes: number,
    start: number,
  ): void {
    const place = { position: start, database: this.#database };
    const entry: UnderWay = { place, isEnded: false };
    if (this.#underWay === 0) this.#done = place;
    this.#queue.push(entry);
    this.#underWay++;
    this.#underWayBytes += bytes;
    Promise.all(calls)
      .then(
        (replies) => {
          if (isTransaction) this.#checkTransaction(commands, replies.at(-1) ?? null);
          else for (const [i, placed] of commands.entries()) this.#check(placed, replies[i] ?? null);
        },
        () => this.#repairAll(commands),
      )
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => {
        this.#underWay--;
        this.#underWayBytes -= bytes;
        entry.isEnded = true;
        this.#advance();
        const room = this.#room;
        this.#room = null;
        room?.();
      });
  }

  /** Databases do not wait for each other: done is what has ended without a gap. */
  #advance(): void {
    while (this.#queue[0]?.isEnded === true) {
      const ended = this.#queue.shift();
      if (ended !== undefined) this.#done = this.#queue[0]?.place ?? ended.place;
    }
  }

  async #change(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#room = resolve;
    });
    if (this.#failure !== null) throw this.#failure;
  }

  #checkTransaction(commands: readonly Placed[], reply: Reply): void {
    if (!Array.isArray(reply)) {
      this.#repairAll(commands);
      return;
    }
    const replies = reply as readonly Reply[];
    let at = 0;
    let database = commands[0]?.database ?? 0;
    for (const placed of commands) {
      // The answer to SELECT.
      if (placed.database !== database) at++;
      database = placed.database;
      this.#check(placed, replies[at++] ?? null);
    }
  }

  #check(placed: Placed, reply: Reply): void {
    const { database, command, keys } = placed;
    // The source did it, or it would not have sent it: here the key's time was over before.
    if (reply === 0 && LIVES_ON.has(command.name)) this.#repairAll([placed]);
    if (!(reply instanceof ErrorReply)) return;
    const isKnown = keys.every((key) => this.#repairs.isUnsure(database, key));
    if (!isKnown && !isPassing(reply)) this.#counts.refuse(command.name, reply.text);
    this.#repairAll([placed]);
  }

  #repairAll(commands: readonly Placed[]): void {
    for (const { database, command, keys } of commands) {
      this.#repair(database, keys);
      const other = otherDatabase(command);
      if (other !== null) this.#repair(other, keys);
    }
  }

  #repair(database: number, keys: readonly Buffer[]): void {
    for (const key of keys) this.#repairs.add(database, key);
  }

  async #linkTo(database: number): Promise<RedisLink> {
    const known = this.#open.get(database);
    if (known !== undefined && !known.isLost) return known;
    // What was under way on a lost one is known first.
    await this.drained();
    const link = await this.#links.openPatiently(database);
    this.#open.set(database, link);
    return link;
  }
}

/** The library that FUNCTION changes; '' where it is more than one. */
function changedLibrary(args: readonly Buffer[]): string {
  const last = args.at(-1);
  if (last === undefined) return '';
  const verb = args[1]?.toString('latin1').toLowerCase();
  if (verb === 'load') return libraryName(last);
  return verb === 'delete' ? last.toString() : '';
}

/** The second database that a command writes to; null where there is none. */
function otherDatabase({ name, args }: StreamCommand): number | null {
  if (name === 'move') return Number(args[2]?.toString());
  if (name !== 'copy') return null;
  const place = args.findIndex((arg, i) => i > 2 && arg.toString('latin1').toLowerCase() === 'db');
  return place < 0 ? null : Number(args[place + 1]?.toString());
}
