import { limits } from '../../base/limits.ts';
import type { Reply } from '../../resp/reply.ts';
import { eachKey, isOfSeveralDatabases, keyId, type PlacedCommand } from './placed-command.ts';
import type { Argument, RedisLink } from './redis-link.ts';
import { goesBesideOthers } from './stream-commands.ts';
import type { TargetLinks } from './target-links.ts';

/** A connection to the target, as lanes use it. */
export type LaneLink = Pick<RedisLink, 'call' | 'isLost' | 'close'>;

/** What opens connections to the target for a database, and is told when one is lost with something under way on it. */
export interface LaneLinks extends Pick<TargetLinks, 'noteLost'> {
  openPatiently(database: number): Promise<LaneLink>;
}

/** The replies to the commands; null where it is open what became of them. */
export type Ended = (replies: readonly Reply[] | null) => void;

/**
 * A proxy carries commands of one key out side by side, also those of one connection; while it does anything else, what is behind
 * that on the connection waits. `once`: for one step, for which database it has then depends on the answers.
 */
type LaneKind = 'side by side' | 'one by one' | 'once';

/** A connection to one database, opened when something is there for it, and again after it was lost. */
interface Lane {
  readonly database: number;
  readonly kind: LaneKind;
  link: LaneLink | null;
  isOpening: boolean;
  /** Steps that have not ended, and the one that came last. */
  steps: number;
  last: Step | null;
  /** They go when it is open. */
  readonly unsent: Step[];
}

/** Of one database. */
interface Lanes {
  readonly sideBySide: Lane;
  readonly oneByOne: Lane[];
}

/** What goes together. */
interface Step {
  readonly commands: readonly PlacedCommand[];
  readonly database: number;
  /** The lane that it needs where nothing is before it. */
  readonly kind: LaneKind;
  readonly ids: readonly string[];
  /** Steps that must have their effects first, and have not ended. */
  readonly before: Set<Step>;
  /** And those for which this is one of them. */
  readonly after: Step[];
  /** Null: it waits. */
  lane: Lane | null;
  readonly ended: Ended;
}

/**
 * Carries commands out over several connections for each database. Those that share a key have their effects in the order in
 * which they came; others go past each other. What shares keys with what is under way goes behind it on its connection, if it
 * waits for nothing else there, or waits until that has ended.
 */
export class StreamLanes {
  readonly #links: LaneLinks;
  readonly #hasMulti: boolean;
  readonly #onFailure: (error: unknown) => void;
  /** By their databases. */
  readonly #lanes = new Map<number, Lanes>();
  /** By the ids of keys: the last step that has the key, while it has not ended. */
  readonly #last = new Map<string, Step>();
  #isClosed = false;

  /** `hasMulti`: the target knows transactions; `onFailure`: there is no connection, and what waits for one does not end. */
  constructor(links: LaneLinks, hasMulti: boolean, onFailure: (error: unknown) => void) {
    this.#links = links;
    this.#hasMulti = hasMulti;
    this.#onFailure = onFailure;
  }

  /** Carries commands out together, as a transaction if there are several; `ended` is called later, once. */
  carryOut(commands: readonly PlacedCommand[], ended: Ended): void {
    const ids: string[] = [];
    for (const placed of commands) eachKey(placed, (database, key) => ids.push(keyId(database, key)));
    const step: Step = {
      commands,
      database: commands[0]?.database ?? 0,
      kind: kindFor(commands),
      ids,
      before: new Set(),
      after: [],
      lane: null,
      ended,
    };
    for (const id of ids) {
      const last = this.#last.get(id);
      this.#last.set(id, step);
      if (last === undefined || last === step || step.before.has(last)) continue;
      step.before.add(last);
      last.after.push(step);
    }
    this.#sendWhatMay([step]);
  }

  close(): void {
    this.#isClosed = true;
    for (const { sideBySide, oneByOne } of this.#lanes.values()) {
      sideBySide.link?.close();
      for (const { link } of oneByOne) link?.close();
    }
  }

  /** Sends those of these steps that need not wait any more, and what may go behind them then. */
  #sendWhatMay(steps: readonly Step[]): void {
    const due = [...steps];
    for (let step = due.pop(); step !== undefined; step = due.pop()) {
      const lane = step.lane === null ? this.#laneFor(step) : null;
      if (lane === null) continue;
      step.lane = lane;
      lane.steps++;
      lane.last = step;
      this.#send(step, lane);
      due.push(...step.after);
    }
  }

  /** Null: it has to wait. */
  #laneFor({ database, kind, before }: Step): Lane | null {
    let lane: Lane | null = null;
    for (const step of before) {
      if (step.lane === null || step.database !== database || step.lane !== (lane ?? step.lane)) return null;
      lane = step.lane;
    }
    if (lane === null) return this.#freest(database, kind);
    if (lane.kind === 'side by side') return kind === lane.kind ? lane : null;
    // Behind anything else it would wait for more than it has to.
    const isNext = lane.last !== null && before.has(lane.last);
    return isNext && lane.kind !== 'once' && kind !== 'once' ? lane : null;
  }

  #freest(database: number, kind: LaneKind): Lane {
    if (kind === 'once') return newLane(database, kind);
    let lanes = this.#lanes.get(database);
    if (lanes === undefined) {
      lanes = { sideBySide: newLane(database, 'side by side'), oneByOne: [] };
      this.#lanes.set(database, lanes);
    }
    if (kind === 'side by side') return lanes.sideBySide;
    let freest: Lane | null = null;
    for (const lane of lanes.oneByOne) {
      if (freest === null || lane.steps < freest.steps) freest = lane;
    }
    if (freest !== null && (freest.steps === 0 || lanes.oneByOne.length >= limits.importLanes)) return freest;
    const lane = newLane(database, kind);
    lanes.oneByOne.push(lane);
    return lane;
  }

  #send(step: Step, lane: Lane): void {
    if (lane.link !== null && !lane.link.isLost) {
      this.#call(step, lane.link);
      return;
    }
    lane.unsent.push(step);
    if (!lane.isOpening) this.#open(lane);
  }

  #open(lane: Lane): void {
    lane.isOpening = true;
    this.#links.openPatiently(lane.database).then((link) => {
      lane.isOpening = false;
      lane.link = link;
      if (this.#isClosed) link.close();
      for (const step of lane.unsent.splice(0)) this.#call(step, link);
    }, this.#onFailure);
  }

  #call(step: Step, link: LaneLink): void {
    const isTransaction = this.#hasMulti && step.commands.length > 1;
    const calls = callsOf(step, isTransaction);
    const replies: Reply[] = [];
    for (const [i, args] of calls.entries()) {
      const isLast = i === calls.length - 1;
      // Not by Promise.all, which would be later than what ends behind it on the same connection.
      link.call(args).then(
        (reply) => {
          replies.push(reply);
          if (isLast) this.#end(step, isTransaction ? reply : replies);
        },
        () => {
          this.#links.noteLost();
          if (isLast) this.#end(step, null);
        },
      );
    }
  }

  #end(step: Step, replies: Reply): void {
    for (const id of step.ids) {
      if (this.#last.get(id) === step) this.#last.delete(id);
    }
    if (step.lane !== null) {
      step.lane.steps--;
      if (step.lane.last === step) step.lane.last = null;
      if (step.lane.kind === 'once') step.lane.link?.close();
    }
    step.ended(repliesTo(step, replies));
    for (const next of step.after) next.before.delete(step);
    this.#sendWhatMay(step.after);
  }
}

function kindFor(commands: readonly PlacedCommand[]): LaneKind {
  if (isOfSeveralDatabases(commands)) return 'once';
  const [first] = commands;
  return commands.length === 1 && first !== undefined && goesBesideOthers(first.command)
    ? 'side by side'
    : 'one by one';
}

function newLane(database: number, kind: LaneKind): Lane {
  return { database, kind, link: null, isOpening: false, steps: 0, last: null, unsent: [] };
}

function callsOf({ commands, database }: Step, isTransaction: boolean): readonly (readonly Argument[])[] {
  const calls: (readonly Argument[])[] = isTransaction ? [['MULTI']] : [];
  let selected = database;
  for (const placed of commands) {
    if (placed.database !== selected) calls.push(['SELECT', String(placed.database)]);
    selected = placed.database;
    calls.push(placed.command.args);
  }
  if (isTransaction) calls.push(['EXEC']);
  return calls;
}

/** Without those to SELECT; null where they are not an array: a transaction was not carried out, or it is open whether it was. */
function repliesTo({ commands, database }: Step, replies: Reply): readonly Reply[] | null {
  if (!Array.isArray(replies)) return null;
  const all = replies as readonly Reply[];
  let at = 0;
  let selected = database;
  return commands.map((placed) => {
    if (placed.database !== selected) at++;
    selected = placed.database;
    return all[at++] ?? null;
  });
}
