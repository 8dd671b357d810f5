import type { Clock } from '../base/clock.ts';
import { SimpleString } from '../resp/reply.ts';
import { isUnixSocket } from './admission.ts';
import type { CommandRow } from './command.ts';
import type { MonitorLink } from './peers/peers.ts';
import { withoutSecrets } from './redact.ts';
import type { Session } from './session.ts';

const NAMED_ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x5c, '\\\\'],
  [0x22, '\\"'],
  [0x0a, '\\n'],
  [0x0d, '\\r'],
  [0x09, '\\t'],
  [0x07, '\\a'],
  [0x08, '\\b'],
]);

/** Redis's sdscatrepr: the bytes in double quotes, what is not printable ASCII escaped. */
export function quoted(bytes: Uint8Array): string {
  let text = '"';
  for (const byte of bytes) {
    const named = NAMED_ESCAPES.get(byte);
    if (named !== undefined) text += named;
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return `${text}"`;
}

function line(wallUs: number, session: Session, args: readonly Buffer[]): SimpleString {
  const seconds = Math.floor(wallUs / 1_000_000);
  const micros = String(wallUs % 1_000_000).padStart(6, '0');
  const words = withoutSecrets(args).map(quoted).join(' ');
  const { remoteAddress } = session;
  const client = isUnixSocket(remoteAddress) ? `unix:${remoteAddress.slice(0, -':0'.length)}` : remoteAddress;
  return new SimpleString(`${seconds}.${micros} [${session.database} ${client}] ${words}`);
}

/** The connections of this proxy that have sent MONITOR, and what they are sent. */
export class MonitorHub {
  readonly #clock: Clock;
  readonly #link: MonitorLink | null;
  readonly #sessions = new Set<Session>();
  #isAwaitedElsewhere = false;

  /** False while nobody listens: the dispatcher then need not call `feed`. */
  active = false;

  /** `link`: to the other workers of this proxy; null where there are none. */
  constructor(clock: Clock, link: MonitorLink | null = null) {
    this.#clock = clock;
    this.#link = link;
  }

  add(session: Session): void {
    session.monitoring = true;
    this.#sessions.add(session);
    if (this.#sessions.size === 1) this.#link?.listening(true);
    this.#count();
  }

  /** Call when a connection closes or is RESET; harmless for one that does not monitor. */
  remove(session: Session): void {
    session.monitoring = false;
    if (!this.#sessions.delete(session)) return;
    if (this.#sessions.size === 0) this.#link?.listening(false);
    this.#count();
  }

  /** Whether somebody listens at another worker, who is to get what happens here. */
  awaitedElsewhere(isAwaited: boolean): void {
    this.#isAwaitedElsewhere = isAwaited;
    this.#count();
  }

  /**
   * Call for each command that is carried out, not for one refused by arity, authentication or an unknown name.
   * Administrative commands are left out and passwords redacted, as in Redis. `row` is the subcommand's where there is one.
   */
  feed(session: Session, row: CommandRow, args: readonly Buffer[]): void {
    if (!this.active) return;
    if (row.flags.includes('skip_monitor') || row.flags.includes('admin')) return;
    const message = line(this.#clock.wallUs(), session, args);
    if (this.#sessions.size > 0) this.#push(message);
    if (this.#isAwaitedElsewhere) this.#link?.relay(message.text);
  }

  /** What another worker's `feed` has relayed. */
  feedLine(text: string): void {
    if (this.#sessions.size > 0) this.#push(new SimpleString(text));
  }

  #push(message: SimpleString): void {
    for (const listener of this.#sessions) listener.push(message);
  }

  #count(): void {
    this.active = this.#sessions.size > 0 || this.#isAwaitedElsewhere;
  }
}
