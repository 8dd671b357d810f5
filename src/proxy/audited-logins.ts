import type { Audit } from '../base/audit.ts';
import { limits } from '../base/limits.ts';
import { ErrorReply, type Reply } from '../resp/reply.ts';
import type { CommandRow } from './command.ts';
import type { Session } from './session.ts';
import { TokenBucket } from './token-bucket.ts';
import { DEFAULT_USER } from './users.ts';

const LOGINS: ReadonlySet<string> = new Set(['auth', 'hello']);
const WRONG = /^WRONGPASS /;

/**
 * The same commands, of which those that give a password are entered in `audit` when it is refused: from where, and for which user if
 * there is one of that name (people type passwords there, too). Somebody who guesses passwords does not fill the disk: of more
 * than limits.auditRefusedLoginsPerSecond the number is entered with the next one.
 */
export function auditedLogins(rows: readonly CommandRow[], audit: Audit): CommandRow[] {
  const refused = new RefusedLogins(audit);
  return rows.map((row) => {
    const { name, handler } = row;
    if (!LOGINS.has(name) || handler?.kind !== 'session') return row;
    const run = (session: Session, args: readonly Buffer[]): Reply | undefined => {
      const reply = handler.run(session, args);
      if (reply instanceof ErrorReply && WRONG.test(reply.text)) refused.note(session, args);
      return reply;
    };
    return { ...row, handler: { kind: 'session', run } };
  });
}

class RefusedLogins {
  readonly #audit: Audit;
  #bucket: TokenBucket | null = null;
  /** Since the last entry. */
  #left = 0;

  constructor(audit: Audit) {
    this.#audit = audit;
  }

  note(session: Session, args: readonly Buffer[]): void {
    const nowMs = session.proxy.clock.monotonicMs();
    this.#bucket ??= new TokenBucket(limits.auditRefusedLoginsPerSecond, nowMs, null);
    if (!this.#bucket.has(1, nowMs)) {
      this.#left++;
      return;
    }
    this.#bucket.take(1);
    const name = userOf(args);
    const isKnown = session.proxy.users.has(name);
    const detail = isKnown ? 'wrong password' : 'there is no such user';
    void this.#audit.note({
      user: isKnown ? name : '',
      address: session.remoteAddress,
      action: 'AUTH',
      arguments: [],
      outcome: 'denied',
      detail: this.#left === 0 ? detail : `${detail}; ${this.#left} more before it were not entered one by one`,
    });
    this.#left = 0;
  }
}

/** Whom AUTH [user] password, or HELLO version ... AUTH user password, is about. */
function userOf(args: readonly Buffer[]): string {
  const words = args.map((arg) => arg.toString('utf8'));
  if (words[0]?.toLowerCase() === 'auth') return (words.length > 2 ? words[1] : DEFAULT_USER) ?? '';
  let at = 2;
  while (words[at]?.toLowerCase() === 'setname') at += 2;
  return words[at + 1] ?? '';
}
