import { limits } from '../../base/limits.ts';
import { parseInteger } from '../../resp/integer.ts';
import { ErrorReply, NOT_AN_INTEGER, OK, type Reply, SYNTAX_ERROR, VerbatimReply } from '../../resp/reply.ts';
import type { PauseMode } from '../client-registry.ts';
import type { Session } from '../session.ts';
import type { Users } from '../users.ts';
import { printable } from './connection-names.ts';
import { argument, optionName } from './keyed-row.ts';

const NO_SUCH_CLIENT = new ErrorReply('ERR No such client');
const INVALID_CLIENT_ID = new ErrorReply('ERR Invalid client ID');
const CLIENT_ID_TOO_SMALL = new ErrorReply('ERR client-id should be greater than 0');
const BAD_UNBLOCK_REASON = new ErrorReply('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR');
const BAD_PAUSE_MODE = new ErrorReply('ERR CLIENT PAUSE mode must be WRITE or ALL');
const BAD_TIMEOUT = new ErrorReply('ERR timeout is not an integer or out of range');
const NEGATIVE_TIMEOUT = new ErrorReply('ERR timeout is negative');

/** Redis's client types; all of ours are normal ones. */
type ClientType = 'normal' | 'replica' | 'pubsub' | 'master';

function clientType(word: Buffer): ClientType | ErrorReply {
  const name = optionName(word);
  if (name === 'slave') return 'replica';
  if (name === 'normal' || name === 'replica' || name === 'pubsub' || name === 'master') return name;
  return new ErrorReply(`ERR Unknown client type '${printable(word)}'`);
}

function lines(sessions: Iterable<Session>): VerbatimReply {
  let text = '';
  for (const session of sessions) text += `${session.describe()}\n`;
  return new VerbatimReply('txt', text);
}

export function runInfo(session: Session): Reply {
  return lines([session]);
}

/** https://redis.io/docs/latest/commands/client-list/ */
export function runList(session: Session, args: readonly Buffer[]): Reply {
  const { clients } = session.proxy;
  if (args.length === 2) return lines(clients);
  const option = optionName(argument(args, 2));
  if (option === 'type' && args.length === 4) {
    const type = clientType(argument(args, 3));
    if (type instanceof ErrorReply) return type;
    return lines(type === 'normal' ? clients : []);
  }
  if (option !== 'id' || args.length < 4) return SYNTAX_ERROR;
  const found: Session[] = [];
  for (let i = 3; i < args.length; i++) {
    const id = parseInteger(argument(args, i));
    if (id === null) return INVALID_CLIENT_ID;
    const client = clients.get(Number(id));
    if (client !== undefined) found.push(client);
  }
  return lines(found);
}

interface KillFilter {
  id: number | null;
  type: ClientType | null;
  address: string | null;
  localAddress: string | null;
  user: string | null;
  skipMe: boolean;
}

function readKillOption(users: Users, filter: KillFilter, option: string, value: Buffer): ErrorReply | null {
  switch (option) {
    case 'id': {
      const id = parseInteger(value);
      if (id === null || id <= 0) return CLIENT_ID_TOO_SMALL;
      filter.id = Number(id);
      return null;
    }
    case 'type': {
      const type = clientType(value);
      if (type instanceof ErrorReply) return type;
      filter.type = type;
      return null;
    }
    case 'addr':
      filter.address = value.toString('latin1');
      return null;
    case 'laddr':
      filter.localAddress = value.toString('latin1');
      return null;
    case 'user':
      filter.user = value.toString('utf8');
      return users.has(filter.user) ? null : new ErrorReply(`ERR No such user '${printable(value)}'`);
    case 'skipme': {
      const answer = optionName(value);
      if (answer !== 'yes' && answer !== 'no') return SYNTAX_ERROR;
      filter.skipMe = answer === 'yes';
      return null;
    }
    default:
      return SYNTAX_ERROR;
  }
}

function matchesKill(filter: KillFilter, caller: Session, client: Session): boolean {
  if (filter.address !== null && client.remoteAddress !== filter.address) return false;
  if (filter.localAddress !== null && client.localAddress !== filter.localAddress) return false;
  if (filter.type !== null && filter.type !== 'normal') return false;
  if (filter.id !== null && client.id !== filter.id) return false;
  if (filter.user !== null && client.user !== filter.user) return false;
  return !(filter.skipMe && client === caller);
}

/** The caller's own connection is closed only after this reply. */
function killAll(session: Session, filter: KillFilter): number {
  const doomed = session.proxy.clients.filter((client) => matchesKill(filter, session, client));
  for (const client of doomed) {
    if (client === session) client.closeAfterReplies();
    else client.destroy();
  }
  return doomed.length;
}

/** https://redis.io/docs/latest/commands/client-kill/ in its old form (an address) and its new one (filters). */
export function runKill(session: Session, args: readonly Buffer[]): Reply {
  const filter: KillFilter = { id: null, type: null, address: null, localAddress: null, user: null, skipMe: true };
  if (args.length === 3) {
    filter.address = argument(args, 2).toString('latin1');
    filter.skipMe = false;
    return killAll(session, filter) === 0 ? NO_SUCH_CLIENT : OK;
  }
  for (let i = 2; i < args.length; i += 2) {
    const value = args[i + 1];
    if (value === undefined) return SYNTAX_ERROR;
    const problem = readKillOption(session.proxy.users, filter, optionName(argument(args, i)), value);
    if (problem !== null) return problem;
  }
  return killAll(session, filter);
}

/** https://redis.io/docs/latest/commands/client-pause/ */
export function runPause(session: Session, args: readonly Buffer[]): Reply {
  let mode: PauseMode = 'all';
  if (args.length > 4) return SYNTAX_ERROR;
  if (args.length === 4) {
    const word = optionName(argument(args, 3));
    if (word !== 'write' && word !== 'all') return BAD_PAUSE_MODE;
    mode = word;
  }
  const timeoutMs = parseInteger(argument(args, 2));
  if (timeoutMs === null || timeoutMs > Number.MAX_SAFE_INTEGER) return BAD_TIMEOUT;
  if (timeoutMs < 0) return NEGATIVE_TIMEOUT;
  const { clients, clock } = session.proxy;
  clients.pause(mode, clock.monotonicMs() + Number(timeoutMs));
  // A longer pause is ended by the proxy's regular look at its clients.
  clock.after(Math.min(Number(timeoutMs), limits.pauseTimerMs), () => clients.endPauseIfDue(clock.monotonicMs()));
  return OK;
}

export function runUnpause(session: Session): Reply {
  session.proxy.clients.unpause();
  return OK;
}

/** No command of ours blocks yet, so no client is ever found blocked. */
export function runUnblock(_session: Session, args: readonly Buffer[]): Reply {
  if (args.length > 4) return SYNTAX_ERROR;
  if (args.length === 4) {
    const reason = optionName(argument(args, 3));
    if (reason !== 'timeout' && reason !== 'error') return BAD_UNBLOCK_REASON;
  }
  return parseInteger(argument(args, 2)) === null ? NOT_AN_INTEGER : 0;
}

/** https://redis.io/docs/latest/commands/client-reply/ */
export function runReply(session: Session, args: readonly Buffer[]): Reply | undefined {
  switch (optionName(argument(args, 2))) {
    case 'on':
      session.replyMode = 'on';
      return OK;
    case 'off':
      session.replyMode = 'off';
      return undefined;
    case 'skip':
      if (session.replyMode !== 'off') session.replyMode = 'skip-next';
      return undefined;
    default:
      return SYNTAX_ERROR;
  }
}

function onOff(word: Buffer): boolean | null {
  const name = optionName(word);
  return name === 'on' ? true : name === 'off' ? false : null;
}

export function runNoEvict(session: Session, args: readonly Buffer[]): Reply {
  const on = onOff(argument(args, 2));
  if (on === null) return SYNTAX_ERROR;
  session.noEvict = on;
  return OK;
}

export function runNoTouch(session: Session, args: readonly Buffer[]): Reply {
  const on = onOff(argument(args, 2));
  if (on === null) return SYNTAX_ERROR;
  session.noTouch = on;
  return OK;
}
