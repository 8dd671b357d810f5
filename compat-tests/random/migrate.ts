import fc from 'fast-check';
import type { DocumentedCommand } from '../support/command-docs.ts';
import { exactly } from '../support/comparisons.ts';
import { documentedCommand } from './documented.ts';
import { beginning, refills } from './documented-values.ts';
import { type Commands, formOf, line, millisecondsAhead, often, oneOf, RandomCommand, word } from './random-command.ts';
import { sequencesOf } from './run-sequences.ts';
import { TARGET_PORT } from './server-pair.ts';

/* MIGRATE as COMMAND DOCS has it, to a server that is empty at first. */

const KEYS = ['s1', 's2', 'h1', 'l1', 't1', 't2', 'z1', 'z2', 'lex1', 'none', ''];
const key = oneOf(...KEYS);

/** Of which some are there, and some in the way at the target. */
const severalKeys = line(
  exactly,
  fc.constant(['MIGRATE', '127.0.0.1', TARGET_PORT, '']),
  oneOf('0', '1'),
  word('5000'),
  formOf('', '', 'COPY', 'COPY', 'REPLACE', 'COPY REPLACE'),
  word('KEYS'),
  fc.shuffledSubarray(KEYS, { minLength: 1, maxLength: 6 }),
);

/** Sequences of MIGRATE, and of what makes its keys again; `migrate`: what the servers say of it. */
export function migrateSequences(migrate: DocumentedCommand): fc.Arbitrary<RandomCommand[]> {
  const any = fc.oneof(
    often(4, migrateCommand(migrate)),
    often(4, severalKeys),
    often(3, fc.oneof(...refills)),
    line(exactly, word('EXISTS'), key),
    line(exactly, word('PEXPIRE'), key, millisecondsAhead),
    line(exactly, word('SET'), key, oneOf('1', 'a value')),
    line(exactly, word('SELECT'), oneOf('0', '0', '1')),
    line(exactly, word('MULTI')),
    line(exactly, oneOf('EXEC', 'EXEC', 'DISCARD')),
    line(exactly, word('COPY'), key, key, formOf('', 'REPLACE')),
  );
  return sequencesOf(any).map((list) => [...beginning.filter(({ words }) => words[0] !== 'PFADD'), ...list]);
}

/**
 * Without AUTH: Redis keeps its connection to a target for the next command, with the user and the database that it has by
 * then, and sends the keys along before it knows whether AUTH and SELECT are done.
 */
function migrateCommand(migrate: DocumentedCommand): Commands {
  const parts = migrate.parts.filter(({ name }) => name !== 'authentication');
  return documentedCommand({ ...migrate, parts }).map(
    ({ words, compare }) => new RandomCommand(onceEach(words), compare),
  );
}

/** A key that is named twice Redis sends twice. */
function onceEach(words: readonly string[]): readonly string[] {
  const at = words.findIndex((one) => one.toUpperCase().startsWith('KEYS'));
  return at < 0 ? words : [...words.slice(0, at + 1), ...new Set(words.slice(at + 1))];
}
