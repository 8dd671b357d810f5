import { findGroup } from '../cluster/namespace-groups.ts';
import { ErrorReply } from '../resp/reply.ts';
import { AccessLevel } from './access.ts';
import type { Session } from './session.ts';
import type { UserRights } from './users.ts';

const WRONG_PASS = new ErrorReply('WRONGPASS invalid username-password pair or user is disabled.');

/** Whether commands of this session are refused until it has authenticated. */
export function authenticationRequired(session: Session): boolean {
  return !session.authenticated && session.proxy.users.passwordNeeded;
}

/** Authenticates the session, which is then in its user's namespace; null, or the error to answer. */
export function authenticate(session: Session, user: Buffer, password: Buffer): ErrorReply | null {
  const rights = session.proxy.users.authenticate(user.toString('utf8'), password);
  if (rights === null) {
    // Without the name: people type passwords there.
    const fields = { client: session.id, address: session.remoteAddress };
    session.proxy.log.warn(fields, 'a client gave a wrong user name or password');
    return WRONG_PASS;
  }
  if (!takeRights(session, rights)) {
    return new ErrorReply(
      `BADPARAM user ${rights.name} belongs to namespace ${rights.namespace}, which does not exist yet; JUNO.NAMESPACES CREATE makes it`,
    );
  }
  session.authenticated = true;
  return null;
}

/** Makes the session that of the user whose name a certificate has proved; false, and nothing is changed, without such a user. */
export function authenticateByCertificate(session: Session, name: string): boolean {
  const rights = session.proxy.users.rightsOf(name);
  if (rights === null || !takeRights(session, rights)) return false;
  session.authenticated = true;
  return true;
}

/** The session as it is before it authenticates. */
export function forgetUser(session: Session): void {
  const { users } = session.proxy;
  session.authenticated = !users.passwordNeeded;
  if (takeRights(session, users.atFirst)) return;
  session.user = users.atFirst.name;
  session.access = AccessLevel.none;
  session.namespaceGroup = 0;
  session.namespaceBound = true;
}

/** False, and nothing is changed, if the user's namespace does not exist. */
function takeRights(session: Session, rights: UserRights): boolean {
  const { name, namespace, access } = rights;
  const group = namespace === null ? 0 : findGroup(session.proxy.cluster.map(), namespace);
  if (group === null) return false;
  session.user = name;
  session.access = access;
  session.namespaceGroup = group;
  session.namespaceBound = namespace !== null;
  return true;
}
