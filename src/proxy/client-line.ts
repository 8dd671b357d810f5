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
 * A single template: there may be ten thousands of lines, and everybody waits for them.
 * https://redis.io/docs/latest/commands/client-list/
 */
export function clientLine(session: Session, facts: ConnectionFacts): string {
  const { queryBytes, argumentBytes, outputBytes } = facts;
  const [age, idle] = [Math.floor(facts.ageMs / 1000), Math.floor(facts.idleMs / 1000)];
  const { transaction, remoteAddress: address } = session;
  const queued = transaction?.queued?.length ?? -1;
  const queuedBytes = transaction?.heldBytes ?? 0;
  const events = `${facts.reading ? 'r' : ''}${outputBytes > 0 ? 'w' : ''}`;
  const line =
    `id=${session.id} addr=${address} laddr=${session.localAddress} fd=-1 name=${session.name} age=${age} idle=${idle} ` +
    `flags=${flags(session, address, facts.closing)} db=${session.database} sub=0 psub=0 ssub=0 multi=${queued} ` +
    `qbuf=${queryBytes} qbuf-free=0 argv-mem=${argumentBytes} multi-mem=${queuedBytes} rbs=0 rbp=0 obl=0 oll=${facts.commandsInFlight} ` +
    `omem=${outputBytes} tot-mem=${queryBytes + argumentBytes + queuedBytes + outputBytes} events=${events} ` +
    `cmd=${facts.lastCommand === '' ? 'NULL' : facts.lastCommand} user=${session.user} redir=-1 resp=${session.protocol} ` +
    `lib-name=${session.libName} lib-ver=${session.libVersion}`;
  return session.namespaceGroup === 0 ? line : `${line} ns=${session.proxy.namespaces.nameOf(session)}`;
}

function flags(session: Session, address: string, closing: boolean): string {
  const letters =
    (session.monitoring ? 'O' : '') +
    (session.transaction?.queued ? 'x' : '') +
    (isUnixSocket(address) ? 'U' : '') +
    (closing ? 'c' : '') +
    (session.noEvict ? 'e' : '') +
    (session.noTouch ? 'T' : '');
  return letters === '' ? 'N' : letters;
}
