import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { libraryName } from '../../record/rdb/library-name.ts';
import { ErrorReply, type Reply } from '../../resp/reply.ts';
import { type ImportCounts, nameOf } from './import-counts.ts';
import { ImportProblem } from './import-problem.ts';
import type { KeyExpiries } from './key-expiries.ts';
import type { KeyRepairs } from './key-repairs.ts';
import { eachKey, isOfSeveralDatabases, type PlacedCommand } from './placed-command.ts';
import type { SourceReader } from './source-reader.ts';
import { isTooLong, keysNamed, readsByPattern, type StreamCommand } from './stream-commands.ts';
import { type LaneLinks, StreamLanes } from './stream-lanes.ts';
import { isPassing, type TargetLinks } from './target-links.ts';

/** A place in the stream: bytes before it, and the database that is selected there. */
export interface StreamPlace {
  readonly position: number;
  readonly database: number;
}

/** Not of the data: of the connection, of Pub/Sub, of scripts that have been carried out. */
const IGNORED = new Set(['ping', 'replconf', 'publish', 'spublish', 'script', 'discard']);
const FLUSHES = new Set(['flushall', 'flushdb', 'swapdb']);

/** Of what these concern 0 is the answer where it is not there. */
const LIVES_ON = new Set(['persist', 'pexpireat', 'expireat', 'pexpire', 'expire']);

/** What goes together, as far as it has come, from `place` on: a transaction, or one command. */
interface Transaction {
  place: StreamPlace;
  bytes: number;
  readonly commands: PlacedCommand[];
}

/** What has been handed out to be carried out, up to a place. */
interface UnderWay {
  readonly end: StreamPlace;
  readonly bytes: number;
  isEnded: boolean;
}

/** What of a source and of a target is asked here, and what of repairs. */
type Source = Pick<SourceReader, 'ask'>;
type Links = LaneLinks & Pick<TargetLinks, 'call' | 'callOnce' | 'quiet'>;
type Repairs = Pick<KeyRepairs, 'count' | 'isUnsure' | 'add' | 'isOurs' | 'take' | 'swapped'>;

/**
 * Carries a source's commands out at the target, several at once (`StreamLanes`); what concerns keys that are not known with
 * nothing else under way. Whatever a command fails with, its keys are repaired (`KeyRepairs`).
 */
export class StreamApplier {
  readonly #source: Source;
  readonly #links: Links;
  readonly #repairs: Repairs;
  readonly #expiries: KeyExpiries;
  readonly #counts: ImportCounts;
  readonly #clock: Clock;
  readonly #lanes: StreamLanes;
  #database = 0;
  #transaction: Transaction | null = null;
  /** In the order of the stream. */
  readonly #queue: UnderWay[] = [];
  #underWay = 0;
  #underWayBytes = 0;
  #room: (() => void) | null = null;
  readonly #untaken = new Set<string>();
  /** Commands before it have been answered; and the database that was selected there. */
  #done: StreamPlace = { position: 0, database: 0 };
  #position = 0;
  #failure: unknown = null;

  /** `hasMulti`: the target knows transactions. */
  constructor(
    source: Source,
    links: Links,
    repairs: Repairs,
    expiries: KeyExpiries,
    counts: ImportCounts,
    hasMulti: boolean,
    clock: Clock,
  ) {
    this.#source = source;
    this.#links = links;
    this.#repairs = repairs;
    this.#expiries = expiries;
    this.#counts = counts;
    this.#clock = clock;
    this.#lanes = new StreamLanes(links, hasMulti, (error) => this.#failed(error));
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
    const start = this.#here;
    this.#position += command.bytes;
    const { name, args } = command;
    if (name === 'select') {
      this.#database = Number(args[1]?.toString());
    } else if (name === 'multi') {
      this.#transaction = newTransaction(start);
    } else if (name === 'exec') {
      const transaction = this.#transaction;
      this.#transaction = null;
      if (transaction !== null) await this.#sendTransaction(transaction, this.#here);
    } else if (name === 'publish' && (await this.#isRepair(args))) {
      return;
    } else if (name === 'function') {
      this.#counts.skip('changes of functions', changedLibrary(args));
    } else if (!IGNORED.has(name)) {
      await this.#takeChange(command, isUnsure, start);
    }
    if (this.#transaction === null && this.#underWay === 0) this.#done = this.#here;
  }

  /** Everything taken so far is done, or its keys are being repaired. */
  async drained(): Promise<void> {
    await this.#settled();
    if (this.#transaction === null) this.#done = this.#here;
  }

  close(): void {
    this.#lanes.close();
  }

  get #here(): StreamPlace {
    return { position: this.#position, database: this.#database };
  }

  async #isRepair(args: readonly Buffer[]): Promise<boolean> {
    if (!this.#repairs.isOurs(args)) return false;
    await this.#settled();
    // What comes late of lost connections comes before what is written now; and what of that comes late, before what follows.
    await this.#links.quiet();
    await this.#repairs.take(args);
    await this.#links.quiet();
    return true;
  }

  async #takeChange(command: StreamCommand, isUnsure: boolean, start: StreamPlace): Promise<void> {
    const { name, args } = command;
    if (FLUSHES.has(name)) {
      await this.#flush(command, start);
      return;
    }
    const named = keysNamed(command);
    const keys = named ?? (await this.#askForKeys(args));
    const readsOthers = named === null || readsByPattern(command);
    const unwatched = { database: this.#database, command, keys, readsOthers, expiresAtMs: 0 };
    const placed: PlacedCommand = {
      ...unwatched,
      expiresAtMs: this.#expiries.take(unwatched, this.#clock.wallMs()),
    };
    this.#counts.commands++;
    if (isUnsure) this.#repair(placed);
    if (name.startsWith('x') || keys.length === 0) {
      // The stream data type, which is not taken; or nothing that could be.
      this.#passOver(placed);
      return;
    }
    const transaction = this.#transaction ?? newTransaction(start);
    transaction.commands.push(placed);
    transaction.bytes += command.bytes;
    if (transaction !== this.#transaction || isTooLong(transaction.commands.length, transaction.bytes)) {
      await this.#sendTransaction(transaction, this.#here);
    }
  }

  /** Whether what a key that is not sure has may have gone into another one; asked when everything before it has ended. */
  #readsUnsure(placed: PlacedCommand): boolean {
    if (this.#repairs.count === 0) return false;
    if (placed.readsOthers) return true;
    let keys = 0;
    let isUnsure = false;
    eachKey(placed, (database, key) => {
      keys++;
      isUnsure ||= this.#repairs.isUnsure(database, key);
    });
    return keys > 1 && isUnsure;
  }

  /** Whether a key that the source had may have expired at the target before this was carried out there. */
  #mayHaveExpired({ expiresAtMs }: PlacedCommand): boolean {
    return expiresAtMs !== 0 && expiresAtMs <= this.#clock.wallMs() + limits.maxClockSkewMs;
  }

  #passOver({ database, command, keys }: PlacedCommand): void {
    if (keys.length === 0) this.#counts.skip(`commands ${command.name.toUpperCase()}`, '');
    for (const key of keys) {
      const text = nameOf(database, key);
      if (this.#untaken.has(text)) continue;
      if (this.#untaken.size < limits.importUnsureKeys) this.#untaken.add(text);
      this.#counts.skip('stream written to', text);
    }
  }

  /** What concerns all keys of a database: nothing goes past it. */
  async #flush({ name, args }: StreamCommand, start: StreamPlace): Promise<void> {
    if (this.#transaction !== null) await this.#sendTransaction(this.#transaction, start);
    await this.#settled();
    // A flush may be done twice, but not again behind what follows.
    const reply =
      name === 'swapdb'
        ? await this.#links.callOnce(this.#database, args)
        : await this.#links.call(this.#database, args);
    if (reply === null || reply instanceof ErrorReply) {
      const words = reply === null ? 'it is open whether it was done' : reply.text;
      throw new ImportProblem(`the target could not carry out ${args.join(' ')}: ${words}`);
    }
    await this.#links.quiet();
    if (name === 'swapdb') {
      const [one, other] = [Number(args[1]?.toString()), Number(args[2]?.toString())];
      this.#repairs.swapped(one, other);
      this.#expiries.swapped(one, other);
    } else {
      this.#expiries.flushed(name === 'flushall' ? null : this.#database);
    }
    this.#counts.commands++;
    this.#done = this.#here;
    if (this.#transaction !== null) this.#transaction.place = this.#done;
  }

  async #askForKeys(args: readonly Buffer[]): Promise<readonly Buffer[]> {
    const [reply] = await this.#source.ask(0, [['COMMAND', 'GETKEYS', ...args]]);
    return Array.isArray(reply) ? (reply as readonly Reply[]).filter((key) => Buffer.isBuffer(key)) : [];
  }

  /** Sends what has come of it, up to a place, when there is room for it; more may come. */
  async #sendTransaction(transaction: Transaction, end: StreamPlace): Promise<void> {
    const { place, bytes } = transaction;
    const commands = transaction.commands.splice(0);
    transaction.place = end;
    transaction.bytes = 0;
    if (commands.length === 0) return;
    while (
      this.#underWay > 0 &&
      (this.#underWay >= limits.importCommandsAtOnce || this.#underWayBytes + bytes > limits.importBytesAtOnce)
    ) {
      await this.#change();
    }
    const hasToBeAlone = commands.some(({ readsOthers }) => readsOthers) || isOfSeveralDatabases(commands);
    if (hasToBeAlone) await this.#settled();
    if (this.#failure !== null) throw this.#failure;
    const underWay: UnderWay = { end, bytes, isEnded: false };
    if (this.#underWay === 0) this.#done = place;
    this.#queue.push(underWay);
    this.#underWay++;
    this.#underWayBytes += bytes;
    this.#lanes.carryOut(commands, (replies) => this.#ended(underWay, commands, replies));
    if (hasToBeAlone) await this.#settled();
  }

  #ended(underWay: UnderWay, commands: readonly PlacedCommand[], replies: readonly Reply[] | null): void {
    try {
      for (const [i, placed] of commands.entries()) {
        if (replies === null) this.#repair(placed);
        else this.#check(placed, replies[i] ?? null);
      }
    } catch (error) {
      this.#failure ??= error;
    }
    this.#underWay--;
    this.#underWayBytes -= underWay.bytes;
    underWay.isEnded = true;
    this.#advance();
    this.#wake();
  }

  /** They do not wait for each other: done is what has ended without a gap. */
  #advance(): void {
    while (this.#queue[0]?.isEnded === true) {
      const ended = this.#queue.shift();
      if (ended !== undefined) this.#done = ended.end;
    }
  }

  #failed(error: unknown): void {
    this.#failure ??= error;
    this.#wake();
  }

  #wake(): void {
    const room = this.#room;
    this.#room = null;
    room?.();
  }

  async #change(): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    await new Promise<void>((resolve) => {
      this.#room = resolve;
    });
    if (this.#failure !== null) throw this.#failure;
  }

  /** Nothing is under way. */
  async #settled(): Promise<void> {
    while (this.#underWay > 0) await this.#change();
    if (this.#failure !== null) throw this.#failure;
  }

  #check(placed: PlacedCommand, reply: Reply): void {
    const { database, command, keys } = placed;
    const hasReadUnsure = this.#readsUnsure(placed) || this.#mayHaveExpired(placed);
    if (reply instanceof ErrorReply && !isPassing(reply) && !hasReadUnsure) {
      const isKnown = keys.every((key) => this.#repairs.isUnsure(database, key));
      if (!isKnown) this.#counts.refuse(command.name, reply.text);
    }
    // It did something at the source, or it would not have been sent: here the key's time was over before.
    const wasGone = reply === 0 && LIVES_ON.has(command.name);
    if (hasReadUnsure || wasGone || reply instanceof ErrorReply) this.#repair(placed);
  }

  #repair(placed: PlacedCommand): void {
    eachKey(placed, (database, key) => this.#repairs.add(database, key));
  }
}

function newTransaction(place: StreamPlace): Transaction {
  return { place, bytes: 0, commands: [] };
}

/** The library that FUNCTION changes; '' where it is more than one. */
function changedLibrary(args: readonly Buffer[]): string {
  const last = args.at(-1);
  if (last === undefined) return '';
  const verb = args[1]?.toString('latin1').toLowerCase();
  if (verb === 'load') return libraryName(last);
  return verb === 'delete' ? last.toString() : '';
}
