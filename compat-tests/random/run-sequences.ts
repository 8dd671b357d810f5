import fc from 'fast-check';
import { type Comparison, sameEncoding } from '../support/comparisons.ts';
import { compareKeyspaces, payloadOf } from './keyspace.ts';
import { type Commands, plainly, type RandomCommand } from './random-command.ts';
import type { Asked, ServerPair } from './server-pair.ts';

/** A kind of random sequences. */
export interface SequenceKind {
  readonly name: string;
  /** Sequences of any length, all of whose parts fast-check can leave out. */
  readonly sequences: fc.Arbitrary<readonly RandomCommand[]>;
  /** Those that they use. */
  readonly databases: readonly string[];
  /** Of OBJECT ENCODING, at the end. */
  readonly encoding: Comparison;
  /** What is to be compared beside that, and deleted: what is wrong, or null. */
  afterwards?(): Promise<string | null>;
}

const LONGEST_SEQUENCE = 120;
const SEQUENCES_PER_CHECK = 20;
const PROGRESS_MS = 15_000;
/** So long a sequence that shows a difference is made shorter: the test must have time to say which. */
const SHORTENING_MS = 30_000;

/** Sequences of single commands. */
export function kindOf(name: string, commands: Commands, more: Partial<SequenceKind> = {}): SequenceKind {
  return { name, databases: ['0'], encoding: sameEncoding, sequences: sequencesOf(commands), ...more };
}

export function sequencesOf(commands: Commands): fc.Arbitrary<RandomCommand[]> {
  return fc.array(commands, { minLength: 1, maxLength: LONGEST_SEQUENCE, size: 'max' });
}

/** So many commands, about, in sequences; each begins with nothing, under RESP2 or RESP3. Throws, with a short sequence, where answers or contents differ. */
export async function compareSequences(
  pair: ServerPair,
  kind: SequenceKind,
  atLeast: number,
  firstSeed: number,
): Promise<void> {
  let seed = firstSeed;
  let done = 0;
  let saidMs = performance.now();
  let foundMs = Number.POSITIVE_INFINITY;
  const property = fc.asyncProperty(fc.constantFrom('2', '3'), kind.sequences, async (protocol, commands) => {
    if (performance.now() - foundMs > SHORTENING_MS) return;
    const problem = await runSequence(pair, kind, protocol, commands).catch((error: Error) => error.message);
    if (problem !== null) {
      // What it left goes when the next begins.
      pair.close();
      foundMs = Math.min(foundMs, performance.now());
      throw new Error(problem);
    }
    done += commands.length;
  });
  while (done < atLeast) {
    await fc.assert(property, { numRuns: SEQUENCES_PER_CHECK, seed: seed++ });
    if (performance.now() - saidMs < PROGRESS_MS) continue;
    saidMs = performance.now();
    console.log(`${kind.name}: ${done} of ${atLeast} commands`);
  }
}

export async function runSequence(
  pair: ServerPair,
  kind: SequenceKind,
  protocol: string,
  commands: readonly RandomCommand[],
): Promise<string | null> {
  await pair.send([['RESET'], ['HELLO', protocol]]);
  let gathered: Asked[] = [];
  for (const command of commands) {
    if (!command.isExchange) {
      gathered.push(command);
      continue;
    }
    const problem = (await pair.compare(gathered)) ?? (await exchangeOne(pair, command));
    if (problem !== null) return problem;
    gathered = [];
  }
  const problem = (await pair.compare(gathered)) ?? (await compareKeyspaces(pair, kind.databases, kind.encoding));
  const left = (await kind.afterwards?.()) ?? null;
  return problem ?? left;
}

async function exchangeOne(pair: ServerPair, command: RandomCommand): Promise<string | null> {
  const [from = '', to = ''] = command.words;
  const [dump] = await pair.send([['DUMP', from]]);
  const restore = (payload: Buffer): (string | Buffer)[][] => [['RESTORE', to, '0', payload, 'REPLACE']];
  const [answer] = await pair.sendApart(restore(payloadOf(dump?.ours)), restore(payloadOf(dump?.theirs)));
  if (dump === undefined || answer === undefined) throw new Error('no answer to RESTORE');
  const problem = plainly().compare.differ(answer.theirs, answer.ours);
  return problem === null ? null : `RESTORE ${to} of the other's DUMP ${from}: ${problem}`;
}
