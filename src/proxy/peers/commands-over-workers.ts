import { assert } from '../../base/assert.ts';
import { ErrorReply, type Reply } from '../../resp/reply.ts';
import type { CommandRow, Handler } from '../command.ts';
import type { CommandTable } from '../command-table.ts';
import type { ProxyContext } from '../proxy-context.ts';
import type { Session } from '../session.ts';
import type { PeerAnswer, PeerQuestion, Peers } from './peers.ts';
import { fromPlainReply, toPlainReply } from './plain-reply.ts';
import { figureCommands, type SharedCommand, sharedCommands } from './shared-replies.ts';
import { callerFacts, VisitingSession } from './visiting-session.ts';
import { overWorkers, workerFigures } from './worker-figures.ts';

type LooksOrActs = Extract<Handler, { kind: 'session' | 'waiting' }>;

/**
 * The same commands, of which those about clients, settings, logs and figures reach over all workers of the proxy. They then
 * wait for the other workers, so that a connection's later commands wait for them.
 */
export function commandsOverWorkers(rows: readonly CommandRow[], peers: Peers): CommandRow[] {
  return rows.map((row) => {
    const { subcommands } = row;
    const own = rowOverWorkers(row, peers);
    return subcommands === undefined ? own : { ...own, subcommands: commandsOverWorkers(subcommands, peers) };
  });
}

function rowOverWorkers(row: CommandRow, peers: Peers): CommandRow {
  const { handler, name } = row;
  if (handler === null) return row;
  const shared = sharedCommands.get(name);
  if (shared !== undefined) return { ...row, handler: sharedHandler(plainHandler(handler), shared, peers) };
  return figureCommands.has(name) ? { ...row, handler: figuresHandler(name, plainHandler(handler), peers) } : row;
}

function plainHandler(handler: Handler): LooksOrActs {
  assert(handler.kind === 'session' || handler.kind === 'waiting', 'commands over keys are not shared');
  return handler;
}

function sharedHandler(handler: LooksOrActs, shared: SharedCommand, peers: Peers): Handler {
  const ask = async (session: Session, args: readonly Buffer[]): Promise<readonly Reply[]> => {
    const answers = await peers.ask({
      kind: 'run',
      caller: callerFacts(session),
      args,
      toAll: shared.kept !== undefined,
    });
    return answers.flatMap((answer) => (answer.kind === 'reply' ? [fromPlainReply(answer.reply)] : []));
  };
  return {
    kind: 'waiting',
    async run(session, args) {
      const before = shared.first === 'own' ? await ownReply(handler, session, args) : null;
      if (before instanceof ErrorReply) return before;
      // First: a worker that starts meanwhile has to be told, too.
      if (before !== null && shared.kept !== undefined) peers.keep(shared.kept(session, args));
      const others = await ask(session, args);
      const own = shared.first === 'own' ? before : await ownReply(handler, session, args);
      return shared.combine(own, others, session, args);
    },
  };
}

function figuresHandler(name: string, handler: LooksOrActs, peers: Peers): Handler {
  return {
    kind: 'waiting',
    async run(session, args) {
      const answers = await peers.ask({ kind: 'figures', histograms: showsHistograms(name, args) });
      const figures = answers.flatMap((answer) => (answer.kind === 'figures' ? [answer.figures] : []));
      const seen = new VisitingSession(overWorkers(session.proxy, figures), callerFacts(session));
      return ownReply(handler, seen, args);
    },
  };
}

const SECTIONS_WITH_HISTOGRAMS: ReadonlySet<string> = new Set(['latencystats', 'all', 'everything']);

function showsHistograms(name: string, args: readonly Buffer[]): boolean {
  if (name !== 'info') return name === 'latency|histogram';
  return args.some((word) => SECTIONS_WITH_HISTOGRAMS.has(word.toString('latin1').toLowerCase()));
}

async function ownReply(handler: LooksOrActs, session: Session, args: readonly Buffer[]): Promise<Reply> {
  const reply = await handler.run(session, args);
  assert(reply !== undefined, 'commands that workers share answer');
  return reply;
}

/** What another worker has asked. `table`: the commands as they are for one worker alone. Null: not to be answered. */
export async function answerPeer(
  question: PeerQuestion,
  proxy: ProxyContext,
  table: CommandTable,
): Promise<PeerAnswer | null> {
  if (question.kind === 'figures') return { kind: 'figures', figures: workerFigures(proxy, question.histograms) };
  const args = question.args.map((word) => Buffer.from(word.buffer, word.byteOffset, word.length));
  const [name, second] = args;
  const entry = name === undefined ? undefined : table.find(name);
  const row = (second === undefined ? undefined : entry?.subcommands?.find(second))?.row ?? entry?.row;
  // Workers run the same program: only a shared command comes here.
  if (row === undefined || row.handler === null || !sharedCommands.has(row.name)) return null;
  const reply = await ownReply(plainHandler(row.handler), new VisitingSession(proxy, question.caller), args);
  return { kind: 'reply', reply: toPlainReply(reply) };
}
