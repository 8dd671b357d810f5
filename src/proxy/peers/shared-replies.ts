import { limits } from '../../base/limits.ts';
import { parseInteger } from '../../resp/integer.ts';
import { ErrorReply, type Reply, VerbatimReply } from '../../resp/reply.ts';
import type { Session } from '../session.ts';
import type { KeptSetting } from './peers.ts';

/** How one command reaches the clients, logs and settings of all workers. */
export interface SharedCommand {
  /** Whose turn is first. An error of this worker's own, if it is first, is the reply, and nobody else is asked. */
  readonly first: 'own' | 'others';
  /** The one reply. `others` may lack some. */
  combine(own: Reply, others: readonly Reply[], session: Session, args: readonly Buffer[]): Reply;
  /** What it changed, for workers to come; absent: nothing. */
  kept?(session: Session, args: readonly Buffer[]): KeptSetting;
}

/** Every worker does the same: the reply is this one's. */
const everywhere: SharedCommand = { first: 'own', combine: (own) => own };

function added(own: Reply, others: readonly Reply[]): Reply {
  return [own, ...others].reduce<number>((sum, reply) => (typeof reply === 'number' ? sum + reply : sum), 0);
}

/** The old form succeeds where one worker had the client; the new one counts. */
function killed(own: Reply, others: readonly Reply[]): Reply {
  const done = [own, ...others].filter((reply) => !(reply instanceof ErrorReply));
  const first = done[0];
  if (first === undefined) return own;
  return typeof first === 'number' ? added(first, done.slice(1)) : first;
}

const ID = /^id=(\d+)\b/;

function idOf(line: string): number {
  return Number(ID.exec(line)?.[1] ?? 0);
}

/** Oldest first; those that were asked for by id, in the order in which they were. */
function listed(own: Reply, others: readonly Reply[], _session: Session, args: readonly Buffer[]): Reply {
  const texts = [own, ...others].flatMap((reply) => (reply instanceof VerbatimReply ? reply.text : []));
  const lines = texts.flatMap((text) => text.split('\n')).filter((line) => line !== '');
  if (args[2]?.toString('latin1').toLowerCase() === 'id') {
    const byId = new Map(lines.map((line) => [idOf(line), line]));
    const wanted = args.slice(3).map((id) => byId.get(Number(parseInteger(id) ?? 0)));
    return listOf(wanted.filter((line) => line !== undefined));
  }
  return listOf(lines.sort((a, b) => idOf(a) - idOf(b)));
}

function listOf(lines: readonly string[]): VerbatimReply {
  return new VerbatimReply('txt', lines.map((line) => `${line}\n`).join(''));
}

/** Entries are [id, Unix seconds, ...]. Newest first, as many as were asked for and as one worker alone would keep. */
function slowest(own: Reply, others: readonly Reply[], session: Session, args: readonly Buffer[]): Reply {
  const isLater = (a: Reply, b: Reply): number => part(b, 1) - part(a, 1) || part(b, 0) - part(a, 0);
  const entries = [own, ...others].flatMap((reply) => (Array.isArray(reply) ? reply : []));
  const asked = Number(args[2]?.toString('latin1') ?? limits.slowLogGetDefault);
  const kept = Math.min(session.proxy.config.slowlogMaxLen, limits.slowLogEntries);
  return entries.sort(isLater).slice(0, asked < 0 ? kept : Math.min(asked, kept));
}

function part(entry: Reply, index: number): number {
  const value: unknown = Array.isArray(entry) ? entry[index] : 0;
  return typeof value === 'number' ? value : 0;
}

/** As they are now: a value may name only a part of what its parameter holds. */
function configNow({ proxy: { config } }: Session, args: readonly Buffer[]): KeptSetting {
  const names = args.filter((_word, index) => index >= 2 && index % 2 === 0);
  return { kind: 'config', pairs: names.flatMap((name) => config.get([Buffer.from(String(name).toLowerCase())])) };
}

/** What CLIENT PAUSE has left here: a running pause may have been longer. */
function pauseNow({ proxy: { clients, clock } }: Session): KeptSetting {
  const pause = clients.currentPause;
  if (pause === null) return { kind: 'pause', pause: null };
  const untilMs = clock.wallMs() + (pause.untilMonotonicMs - clock.monotonicMs());
  return { kind: 'pause', pause: { mode: pause.mode, untilMs } };
}

/** Commands that every worker carries out, by name. */
export const sharedCommands: ReadonlyMap<string, SharedCommand> = new Map<string, SharedCommand>([
  ['client|list', { first: 'own', combine: listed }],
  // The caller may kill itself: then it has to have its reply first.
  ['client|kill', { first: 'others', combine: killed }],
  ['client|pause', { ...everywhere, kept: pauseNow }],
  ['client|unpause', { ...everywhere, kept: pauseNow }],
  ['client|unblock', { first: 'own', combine: added }],
  ['config|set', { ...everywhere, kept: configNow }],
  ['config|resetstat', everywhere],
  ['slowlog|get', { first: 'own', combine: slowest }],
  [
    'slowlog|len',
    {
      first: 'own',
      combine(own, others, { proxy: { config } }) {
        return Math.min(Number(added(own, others)), config.slowlogMaxLen, limits.slowLogEntries);
      },
    },
  ],
  ['slowlog|reset', everywhere],
  ['latency|reset', { first: 'own', combine: (own, others) => Math.max(0, ...[own, ...others].map(Number)) }],
]);

/** Commands that only look at figures, and see those of all workers. */
export const figureCommands: ReadonlySet<string> = new Set([
  'info',
  'memory|stats',
  'latency|latest',
  'latency|history',
  'latency|graph',
  'latency|doctor',
  'latency|histogram',
  'juno.namespaces',
  'juno.namespaces|list',
]);
