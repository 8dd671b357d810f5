import { randomInt } from 'node:crypto';
import { requestIds } from '../src/juno-ext/client/src/request-id.ts';
import type { JunoClient, JunoError, RecordContext, Result } from '../src/juno-ext/client/src/types.ts';
import type { AnswerLog } from './answer-log.ts';
import { WriteLedger } from './write-ledger.ts';

const KEYS = 10;
/**
 * Between two operations of a client: so that no key gets so many writes in the time that an operation is repeated that its
 * record forgets the request id.
 */
const PAUSE_MIN_MS = 50;
const PAUSE_MAX_MS = 250;
/** An operation ends, with or without a definite answer, so long after the load was stopped. */
const ANSWER_MS = 15_000;
const REPEAT_PAUSE_MS = 20;
/** What the server says where repeating has no use any more. */
const ID_TOO_OLD = /request id is older than what the record remembers/;

export interface TokenFigures {
  readonly appended: number;
  readonly replaced: number;
  /** Version conflicts. */
  readonly refused: number;
  /** Calls of the client that were made again with the same request id. */
  readonly repeats: number;
  /** Never definitely answered. */
  readonly open: number;
  readonly longestMs: number;
  readonly problems: readonly string[];
}

type Write = (client: JunoClient, requestId: string) => Promise<Result<RecordContext>>;

/**
 * Clients that write tokens, each of its own: they append to logs (JUNO.UPDATE of the version that they read), or replace a
 * value whatever it is (JUNO.SET). Each write has a request id and is repeated with it until there is a definite answer.
 */
export class TokenLoad {
  readonly #logs = ledgers('log');
  readonly #registers = ledgers('register');
  readonly #seen: AnswerLog;
  readonly #wrongAnswers: string[] = [];
  #isStopped = false;
  #answerUntilMs = Number.POSITIVE_INFINITY;
  #running: Promise<unknown> = Promise.resolve();
  #figures = noFigures();

  /** `seen` is what the proxies answered. */
  constructor(seen: AnswerLog) {
    this.#seen = seen;
  }

  /** Creates the logs, empty. */
  async prepare(clients: readonly JunoClient[]): Promise<void> {
    for (const key of this.#logs.keys()) {
      const create: Write = (client, requestId) => client.create(key, '', { requestId });
      const result = await this.#repeat(clients, requestIds.next(), create);
      if (!result.ok) throw new Error(`${key}: ${result.error.message}`);
    }
    this.takeFigures();
  }

  start(clients: readonly JunoClient[]): void {
    this.#running = Promise.all(clients.map((_, index) => this.#work(clients, index)));
  }

  /** Begins no more operations and waits until those under way are answered; `calm` lets nothing more go wrong. */
  async stop(calm: () => void): Promise<void> {
    this.#isStopped = true;
    this.#answerUntilMs = performance.now() + ANSWER_MS;
    calm();
    await this.#running;
  }

  /** What happened since the last call. */
  takeFigures(): TokenFigures {
    const figures = this.#figures;
    this.#figures = noFigures();
    return figures;
  }

  /** Successes that were told another version than the proxies said. */
  get wrongAnswers(): readonly string[] {
    return this.#wrongAnswers;
  }

  /** What is wrong with the last state of each kind of key, for when nothing is under way. */
  async check(client: JunoClient): Promise<{ logs: string[]; registers: string[] }> {
    const logs = await checkKeys(client, this.#logs, (ledger, value, version) => ledger.checkLog(value, version));
    const registers = await checkKeys(client, this.#registers, (ledger, value, version) =>
      ledger.checkReplaced(value, version),
    );
    return { logs, registers };
  }

  async #work(clients: readonly JunoClient[], index: number): Promise<void> {
    const client = clients[index];
    // Of another application, that goes on with what the first one began.
    const other = clients[(index + 1) % clients.length];
    if (client === undefined || other === undefined) return;
    for (let count = 1; !this.#isStopped; count++) {
      await pause(randomInt(PAUSE_MIN_MS, PAUSE_MAX_MS));
      const token = `${index}-${count}`;
      if (randomInt(2) === 0) await this.#append([client, other], token);
      else await this.#replace([client, other], token);
    }
  }

  async #append(clients: readonly JunoClient[], token: string): Promise<void> {
    const [key, ledger] = pick(this.#logs);
    const [client] = clients;
    const found = await client?.get(key);
    // A read that failed has changed nothing.
    if (found === undefined || !found.ok) return;
    const { value: current } = found;
    if (current === null) {
      this.#figures.problems.push(`${key} has gone`);
      return;
    }
    const { recordVersion, creationTimeMs } = current;
    const value = `${current.value.toString()}${token} `;
    await this.#write(clients, key, token, ledger, 'appended', (through, requestId) =>
      through.update(key, value, { requestId, recordVersion, creationTimeMs }),
    );
  }

  async #replace(clients: readonly JunoClient[], token: string): Promise<void> {
    const [key, ledger] = pick(this.#registers);
    await this.#write(clients, key, token, ledger, 'replaced', (through, requestId) =>
      through.set(key, token, { requestId }),
    );
  }

  async #write(
    clients: readonly JunoClient[],
    key: string,
    token: string,
    ledger: WriteLedger,
    kind: 'appended' | 'replaced',
    write: Write,
  ): Promise<void> {
    const requestId = requestIds.next();
    const startMs = performance.now();
    const result = await this.#repeat(clients, requestId, write);
    const figures = this.#figures;
    figures.longestMs = Math.max(figures.longestMs, performance.now() - startMs);
    if (result.ok) {
      figures[kind] += 1;
      const { recordVersion } = result.value;
      ledger.succeeded(token, recordVersion);
      if (result.value.requestId !== requestId) this.#wrongAnswers.push(`${requestId} was answered as another`);
      this.#wrongAnswers.push(...this.#seen.check(requestId, recordVersion).map((problem) => `${key}: ${problem}`));
    } else if (result.error.kind === 'version-conflict') {
      figures.refused += 1;
      ledger.refused(token);
    } else if (isOpen(result.error)) {
      figures.open += 1;
      ledger.leftOpen(token);
    } else {
      figures.problems.push(`${key}: ${result.error.kind} ${result.error.message}`);
      ledger.refused(token);
    }
  }

  async #repeat(clients: readonly JunoClient[], requestId: string, write: Write): Promise<Result<RecordContext>> {
    for (let turn = 0; ; turn++) {
      const client = clients[turn % clients.length];
      if (client === undefined) throw new Error('there are no clients');
      const result = await write(client, requestId);
      const isDefinite = result.ok || !isOpen(result.error) || ID_TOO_OLD.test(result.error.message);
      if (isDefinite || performance.now() > this.#answerUntilMs) return result;
      this.#figures.repeats += 1;
      await pause(REPEAT_PAUSE_MS);
    }
  }
}

/** Whether repeating may still bring a definite answer. After an earlier try, 'nothing was changed' speaks of the last one only. */
function isOpen({ kind }: JunoError): boolean {
  return ['timed-out', 'aborted', 'uncertain', 'unavailable', 'busy'].includes(kind);
}

function ledgers(name: string): Map<string, WriteLedger> {
  return new Map(Array.from({ length: KEYS }, (_, i) => [`${name}-${i}`, new WriteLedger()]));
}

function pick(from: ReadonlyMap<string, WriteLedger>): readonly [string, WriteLedger] {
  const entry = [...from][randomInt(from.size)];
  if (entry === undefined) throw new Error('there are no keys');
  return entry;
}

async function checkKeys(
  client: JunoClient,
  keys: ReadonlyMap<string, WriteLedger>,
  check: (ledger: WriteLedger, value: string, recordVersion: number) => string[],
): Promise<string[]> {
  const problems: string[] = [];
  for (const [key, ledger] of keys) {
    const found = await client.get(key);
    if (!found.ok) problems.push(`${key}: ${found.error.message}`);
    else if (found.value === null) problems.push(...(ledger.successes === 0 ? [] : [`${key} has gone`]));
    else {
      const { value, recordVersion } = found.value;
      problems.push(...check(ledger, value.toString(), recordVersion).map((problem) => `${key}: ${problem}`));
    }
  }
  return problems;
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

function noFigures() {
  return { appended: 0, replaced: 0, refused: 0, repeats: 0, open: 0, longestMs: 0, problems: [] as string[] };
}
