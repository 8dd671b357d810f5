import { isUnixSocket } from './admission.ts';
import type { Session } from './session.ts';

/** What CLIENT LIST prints of a connection beside its session. */
export interface ConnectionFacts {
  readonly ageMs: number;
  readonly idleMs: number;
  readonly closing: boolean;
  readonly queryBytes: number;
  readonly argumentBytes: number;
  readonly commandsInFlight: number;
  readonly outputBytes: number;
  /** False while it does not read, because too much is under way or unread. */
  readonly reading: boolean;
  /** Full name of the last command, e.g. client|list; empty before the first. */
  readonly lastCommand: string;
}

/**
 * One line of CLIENT LIST, without the newline; the fields are Redis 7's, with lib-name and lib-ver of 7.2 and at the
 * end the namespace, where it is not the default one. Those without a meaning here are as in a connection that never used them.
 * https://redis.io/docs/latest/commands/client-list/
 */
export function clientLine(session: Session, facts: ConnectionFacts): string {
  const totalBytes = facts.queryBytes + facts.argumentBytes + facts.outputBytes;
  const fields: readonly (readonly [string, string | number])[] = [
    ['id', session.id],
    ['addr', session.remoteAddress],
    ['laddr', session.localAddress],
    ['fd', -1],
    ['name', session.name],
    ['age', Math.floor(facts.ageMs / 1000)],
    ['idle', Math.floor(facts.idleMs / 1000)],
    ['flags', flags(session, facts.closing)],
    ['db', session.database],
    ['sub', 0],
    ['psub', 0],
    ['ssub', 0],
    ['multi', -1],
    ['qbuf', facts.queryBytes],
    ['qbuf-free', 0],
    ['argv-mem', facts.argumentBytes],
    ['multi-mem', 0],
    ['rbs', 0],
    ['rbp', 0],
    ['obl', 0],
    ['oll', facts.commandsInFlight],
    ['omem', facts.outputBytes],
    ['tot-mem', totalBytes],
    ['events', `${facts.reading ? 'r' : ''}${facts.outputBytes > 0 ? 'w' : ''}`],
    ['cmd', facts.lastCommand === '' ? 'NULL' : facts.lastCommand],
    ['user', session.user],
    ['redir', -1],
    ['resp', session.protocol],
    ['lib-name', session.libName],
    ['lib-ver', session.libVersion],
  ];
  const line = fields.map(([name, value]) => `${name}=${value}`).join(' ');
  return session.namespaceGroup === 0 ? line : `${line} ns=${session.proxy.namespaces.nameOf(session)}`;
}

function flags(session: Session, closing: boolean): string {
  const letters =
    (session.monitoring ? 'O' : '') +
    (isUnixSocket(session.remoteAddress) ? 'U' : '') +
    (closing ? 'c' : '') +
    (session.noEvict ? 'e' : '') +
    (session.noTouch ? 'T' : '');
  return letters === '' ? 'N' : letters;
}
