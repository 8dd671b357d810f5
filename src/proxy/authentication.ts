import { createHash, timingSafeEqual } from 'node:crypto';
import { ErrorReply } from '../resp/reply.ts';
import type { Session } from './session.ts';

/** The only user until there are ACLs. */
export const DEFAULT_USER = 'default';

const WRONG_PASS = new ErrorReply('WRONGPASS invalid username-password pair or user is disabled.');

/** Whether commands of this session are refused until it has authenticated. */
export function authenticationRequired(session: Session): boolean {
  return !session.authenticated && session.proxy.config.requirepass !== '';
}

/** Authenticates the session; null, or the error to answer. Without a password any will do for the default user, as in Redis. */
export function authenticate(session: Session, user: Buffer, password: Buffer): ErrorReply | null {
  const required = session.proxy.config.requirepass;
  const known = user.toString('latin1') === DEFAULT_USER;
  if (!known || (required !== '' && !samePassword(Buffer.from(required), password))) return WRONG_PASS;
  session.authenticated = true;
  session.user = DEFAULT_USER;
  return null;
}

/** In a time that does not tell how much of the password was right. */
function samePassword(expected: Buffer, given: Buffer): boolean {
  return timingSafeEqual(digest(expected), digest(given));
}

function digest(password: Buffer): Buffer {
  return createHash('sha256').update(password).digest();
}
