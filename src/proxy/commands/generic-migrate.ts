import type { Outcome, RunContext, Step, StepResult } from '../../quorum/operation.ts';
import type { LiveRecord } from '../../record/state.ts';
import { parseInteger } from '../../resp/integer.ts';
import { ErrorReply, NOT_AN_INTEGER, OK, type Reply, SimpleString, SYNTAX_ERROR } from '../../resp/reply.ts';
import { AccessLevel } from '../access.ts';
import type { CommandRow } from '../command.ts';
import { failureReply } from '../failure-reply.ts';
import { MigrateLink, MigrateLost } from '../migrate-link.ts';
import { namespaceNumber, type Session } from '../session.ts';
import { DUMP_STEP } from './generic-dump.ts';
import { argument, NIL, ONE, optionName, ZERO } from './keyed-row.ts';

const NOPERM = new ErrorReply("NOPERM this user has no permissions to run the 'migrate' command");
const NOKEY = new SimpleString('NOKEY');
const EMPTY_KEY = new ErrorReply(
  'ERR When using MIGRATE KEYS option, the key argument must be set to the empty string',
);
const DEFAULT_TIMEOUT_MS = 1_000;
const FIRST_OPTION = 6;
const INT_MAX = 2_147_483_647;

interface MigrateOptions {
  readonly host: string;
  readonly port: number;
  readonly database: number;
  readonly timeoutMs: number;
  readonly copy: boolean;
  readonly replace: boolean;
  /** AUTH with its arguments; null: none. */
  readonly greeting: readonly Buffer[] | null;
  readonly keys: readonly Buffer[];
}

interface Choices {
  copy: boolean;
  replace: boolean;
  greeting: Buffer[] | null;
  keys: Buffer[] | null;
}

function parseChoices(args: readonly Buffer[]): Choices | ErrorReply {
  const found: Choices = { copy: false, replace: false, greeting: null, keys: null };
  for (let i = FIRST_OPTION; i < args.length; i++) {
    const rest = args.length - i - 1;
    switch (optionName(argument(args, i))) {
      case 'copy':
        found.copy = true;
        break;
      case 'replace':
        found.replace = true;
        break;
      case 'auth':
        if (rest < 1) return SYNTAX_ERROR;
        found.greeting = [Buffer.from('AUTH'), argument(args, ++i)];
        break;
      case 'auth2':
        if (rest < 2) return SYNTAX_ERROR;
        found.greeting = [Buffer.from('AUTH'), argument(args, i + 1), argument(args, i + 2)];
        i += 2;
        break;
      case 'keys':
        if (argument(args, 3).length !== 0) return EMPTY_KEY;
        found.keys = args.slice(i + 1);
        return found;
      default:
        return SYNTAX_ERROR;
    }
  }
  return found;
}

function parseMigrate(args: readonly Buffer[]): MigrateOptions | ErrorReply {
  const choices = parseChoices(args);
  if (choices instanceof ErrorReply) return choices;
  const timeoutMs = parseInteger(argument(args, 5));
  const database = parseInteger(argument(args, 4));
  if (timeoutMs === null || database === null) return NOT_AN_INTEGER;
  const timeout = Number(timeoutMs);
  return {
    host: argument(args, 1).toString(),
    port: Number(parseInteger(argument(args, 2)) ?? 0),
    database: Number(database),
    timeoutMs: timeout <= 0 ? DEFAULT_TIMEOUT_MS : Math.min(timeout, INT_MAX),
    ...choices,
    keys: choices.keys ?? [argument(args, 3)],
  };
}

/** What DUMP answers, and what tells later whether the key has changed. */
class TakeStep implements Step<Reply> {
  readonly access = 'read';
  readonly needs = 'value';
  recordVersion = 0;
  creationTimeMs = 0;
  expiresAtMs = 0;

  run(record: LiveRecord | null, context: RunContext): StepResult<Reply> {
    if (record === null) return NIL;
    this.recordVersion = record.recordVersion;
    this.creationTimeMs = record.creationTimeMs;
    this.expiresAtMs = record.expiresAtMs;
    return DUMP_STEP.run(record, context);
  }
}

/** Deletes the key if it is still as it was taken. Replies 1, or 0 where it has changed. */
function deleteStep({ recordVersion, creationTimeMs, expiresAtMs }: TakeStep): Step<Reply> {
  return {
    access: 'write',
    needs: 'meta',
    run(record) {
      if (record === null) return ONE;
      const isSame =
        record.recordVersion === recordVersion &&
        record.creationTimeMs === creationTimeMs &&
        record.expiresAtMs === expiresAtMs;
      return isSame ? { reply: 1, change: { kind: 'delete' } } : ZERO;
    },
  };
}

async function submit(session: Session, key: Buffer, step: Step<Reply>): Promise<Reply> {
  const namespace = namespaceNumber(session);
  const outcome = await new Promise<Outcome<Reply>>((done) =>
    session.proxy.cluster.submit({ namespace, key, step, done }),
  );
  return outcome.ok ? outcome.reply : failureReply(outcome.failure);
}

/** MIGRATE host port key|"" destination-db timeout [COPY] [REPLACE] [AUTH ... | AUTH2 ...] [KEYS key ...] */
async function migrate(session: Session, args: readonly Buffer[]): Promise<Reply> {
  if (session.access < AccessLevel.admin) return NOPERM;
  const options = parseMigrate(args);
  if (options instanceof ErrorReply) return options;
  let link: MigrateLink | null = null;
  // What the target refuses stays; the keys behind it go on, as in Redis.
  let refusedFirst: ErrorReply | null = null;
  try {
    for (const key of options.keys) {
      const taking = new TakeStep();
      const payload = await submit(session, key, taking);
      if (payload instanceof ErrorReply) return payload;
      if (!Buffer.isBuffer(payload)) continue;
      if (link === null) {
        link = await MigrateLink.open(options.host, options.port, options.timeoutMs, session.proxy.clock);
        const refusal = await greet(link, options);
        if (refusal !== null) return refusal;
      }
      const refusal = await send(link, key, payload, taking.expiresAtMs, options, session);
      refusedFirst ??= refusal;
      if (refusal !== null || options.copy) continue;
      const deleted = await submit(session, key, deleteStep(taking));
      if (deleted instanceof ErrorReply) return deleted;
      if (deleted === 0) {
        return new ErrorReply(
          'ERR a key was changed while it was copied: the target has what was before, and it is still here',
        );
      }
    }
    return refusedFirst ?? (link === null ? NOKEY : OK);
  } catch (error) {
    if (!(error instanceof MigrateLost)) throw error;
    return new ErrorReply(`IOERR error or timeout ${error.message} target instance`);
  } finally {
    link?.close();
  }
}

async function greet(link: MigrateLink, { greeting, database }: MigrateOptions): Promise<ErrorReply | null> {
  const commands = [...(greeting === null ? [] : [greeting]), [Buffer.from('SELECT'), Buffer.from(String(database))]];
  for (const command of commands) {
    const reply = await link.call(command);
    if (reply instanceof ErrorReply) return targetError(reply);
  }
  return null;
}

async function send(
  link: MigrateLink,
  key: Buffer,
  payload: Buffer,
  expiresAtMs: number,
  { replace }: MigrateOptions,
  session: Session,
): Promise<ErrorReply | null> {
  // Relative, as Redis sends it: the clocks of the two may differ.
  const ttlMs = expiresAtMs === 0 ? 0 : Math.max(1, expiresAtMs - session.proxy.clock.wallMs());
  const command = [Buffer.from('RESTORE'), key, Buffer.from(String(ttlMs)), payload];
  if (replace) command.push(Buffer.from('REPLACE'));
  const reply = await link.call(command);
  return reply instanceof ErrorReply ? targetError(reply) : null;
}

function targetError(reply: ErrorReply): ErrorReply {
  return new ErrorReply(`ERR Target instance replied with error: ${reply.text}`);
}

export const migrateCommand: CommandRow = {
  name: 'migrate',
  group: 'generic',
  summary: 'Atomically transfer a key from a Redis instance to another one.',
  since: '2.6.0',
  complexity:
    'This command actually executes a DUMP+DEL in the source instance, and a RESTORE in the target instance. See the pages of these commands for time complexity. Also an O(N) data transfer between the two instances is performed.',
  arity: -6,
  flags: ['write', 'movablekeys'],
  categories: ['@keyspace', '@write', '@slow', '@dangerous'],
  keys: { first: 3, last: 3, step: 1 },
  docArguments: [
    { name: 'host', type: 'string' },
    { name: 'port', type: 'integer' },
    {
      name: 'key_or_empty_string',
      type: 'oneof',
      arguments: [
        { name: 'key', type: 'key', keySpecIndex: 0 },
        { name: 'empty_string', type: 'pure-token', token: '' },
      ],
    },
    { name: 'destination-db', type: 'integer' },
    { name: 'timeout', type: 'integer' },
    { name: 'copy', type: 'pure-token', token: 'COPY', since: '3.0.0', optional: true },
    { name: 'replace', type: 'pure-token', token: 'REPLACE', since: '3.0.0', optional: true },
    {
      name: 'authentication',
      type: 'oneof',
      optional: true,
      arguments: [
        { name: 'password', type: 'string', token: 'AUTH', since: '4.0.7', optional: true },
        {
          name: 'username_password',
          type: 'block',
          token: 'AUTH2',
          since: '6.0.0',
          optional: true,
          arguments: [
            { name: 'username', type: 'string' },
            { name: 'password', type: 'string' },
          ],
        },
      ],
    },
    { name: 'key', type: 'key', keySpecIndex: 1, token: 'KEYS', since: '3.0.6', optional: true, multiple: true },
  ],
  handler: { kind: 'waiting', run: migrate },
  difference:
    'Needs admin rights, for it makes the proxy connect to any address. Not atomic: each key is copied, and then deleted here if it is still what was copied; where it is not, an error says so and the key stays. Keys go one after the other, each once however often it is named, over a connection of its own that sends none before AUTH and SELECT are answered.',
};
