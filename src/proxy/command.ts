import type { Step } from '../quorum/operation.ts';
import type { TransactionView } from '../quorum/transaction.ts';
import type { ErrorReply, Reply } from '../resp/reply.ts';
import type { Session } from './session.ts';

/** Redis's command flags, as COMMAND INFO names them. */
export type CommandFlag =
  | 'write'
  | 'readonly'
  | 'denyoom'
  | 'admin'
  | 'pubsub'
  | 'noscript'
  | 'blocking'
  | 'loading'
  | 'stale'
  | 'skip_monitor'
  | 'skip_slowlog'
  | 'asking'
  | 'fast'
  | 'no_auth'
  | 'may_replicate'
  | 'no_async_loading'
  | 'no_multi'
  | 'movablekeys'
  | 'allow_busy'
  | 'no_mandatory_keys';

/** Where the keys are: args index of the first (the command's name is 0), the last (negative: from the end), and the step. */
export interface KeyPositions {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

/** One key's part of a command. */
export interface KeyedStep {
  readonly key: Buffer;
  readonly step: Step<Reply>;
  /** The same where the reply is a connection's next and nothing else: a long one may be streamed (PagedItems). */
  readonly streamed?: Step<Reply>;
}

/** A command over several keys, each on its own; not atomic across keys. `combine` gets the replies in the order of `steps`. */
export interface MultiStep {
  readonly steps: readonly KeyedStep[];
  combine(replies: readonly Reply[]): Reply;
}

/** A key of a command; `database` where that is not the session's. */
export interface AtomicKey {
  readonly key: Buffer;
  readonly database?: number;
}

/** The keys of one command over several, by their place in `AtomicStep.keys`; the same key twice is one record. */
export interface KeysView extends Pick<TransactionView<Reply>, 'nowMs' | 'live' | 'past' | 'pages' | 'apply'> {
  /**
   * Places of keys, of the session's database, that only the values of others name; as for `keys`. Those that are not part of the
   * transaction yet are taken in, and all of it runs again.
   */
  others(keys: readonly Buffer[]): readonly number[];
}

/** A command over several keys at once: all of it happens or nothing, and nobody sees half of it (protocol §9). */
export interface AtomicStep {
  readonly keys: readonly AtomicKey[];
  readonly access: 'read' | 'write';
  /** As in `Step`. */
  readonly needs: 'meta' | 'value';
  /** Pure but for the view, through whose `apply` it makes all changes; may run several times. */
  run(view: KeysView): Reply;
}

/**
 * How a row is carried out.
 * - record: one key. `parse` looks at the arguments, and at the session's namespace where that has a default for them; an
 *   ErrorReply is answered at once.
 * - records: several keys, key by key.
 * - atomic: several keys, as one.
 * - session: answers at once from the session and the proxy; undefined means that the handler has written (or will write) itself.
 * - waiting: needs the cluster in its own way (SCAN, KEYS, COPY, FLUSHALL ...). It is a barrier: it starts when all earlier
 *   commands of the connection are answered, and later ones wait for it.
 */
export type Handler =
  | { readonly kind: 'record'; parse(args: readonly Buffer[], session?: Session): KeyedStep | ErrorReply }
  | { readonly kind: 'records'; parse(args: readonly Buffer[]): MultiStep | ErrorReply }
  | { readonly kind: 'atomic'; parse(args: readonly Buffer[], session?: Session): AtomicStep | ErrorReply }
  | { readonly kind: 'session'; run(session: Session, args: readonly Buffer[]): Reply | undefined }
  | { readonly kind: 'waiting'; run(session: Session, args: readonly Buffer[]): Promise<Reply> };

/** Starts alone: what works on several keys at once does not keep the order of single keys by itself. */
export function isBarrier(kind: Handler['kind'] | undefined): boolean {
  return kind === 'waiting' || kind === 'atomic';
}

/** One argument for COMMAND DOCS, as Redis's command JSON describes it. */
export interface ArgumentDoc {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'double' | 'key' | 'pattern' | 'unix-time' | 'pure-token' | 'oneof' | 'block';
  readonly token?: string;
  readonly keySpecIndex?: number;
  readonly optional?: boolean;
  readonly multiple?: boolean;
  readonly multipleToken?: boolean;
  readonly since?: string;
  readonly arguments?: readonly ArgumentDoc[];
}

/** One row of the command table. COMMAND, arity errors, ACL categories and docs/compatibility.md derive from it. */
export interface CommandRow {
  /** Lower case; a subcommand's is `parent|child`. */
  readonly name: string;
  readonly group:
    | 'string'
    | 'hash'
    | 'set'
    | 'sorted-set'
    | 'geo'
    | 'list'
    | 'bitmap'
    | 'hyperloglog'
    | 'generic'
    | 'transactions'
    | 'connection'
    | 'server'
    | 'cluster'
    | 'juno';
  readonly summary: string;
  readonly since: string;
  readonly complexity: string;
  /** Counts the name; negative: at least. */
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  /** ACL categories with the @, e.g. '@read'. */
  readonly categories: readonly string[];
  readonly keys: KeyPositions | null;
  readonly docArguments: readonly ArgumentDoc[];
  /** Absent for a container whose work is done by subcommands. */
  readonly handler: Handler | null;
  readonly subcommands?: readonly CommandRow[];
  /** Called when who asked for it may not: for those who keep account of that. */
  readonly onDenied?: (session: Session, args: readonly Buffer[]) => void;
  /** Where we differ from Redis, in one sentence, for docs/compatibility.md. */
  readonly difference?: string;
}
