import fc from 'fast-check';
import type { DocumentedArgument, DocumentedCommand } from '../support/command-docs.ts';
import { allArguments } from '../support/command-docs.ts';
import { comparisonOf } from './documented-comparisons.ts';
import { beginning, keysFor, LIST_ALONE, refills, valuesFor } from './documented-values.ts';
import { DISTANCES_KEY } from './keyspace.ts';
import { type Commands, oneOf, RandomCommand, utf8 } from './random-command.ts';
import { sequencesOf } from './run-sequences.ts';

/* Commands made from what COMMAND DOCS says of their arguments: every one of them, with every option, right and wrong. */

/** It needs a server to go to: migrate.ts. */
const APART: ReadonlySet<string> = new Set(['migrate']);
/** They take one more word here, as in Redis 7.2. */
const TAKE_MORE: ReadonlySet<string> = new Set(['zrank', 'zrevrank']);
const MOST_OF_A_KIND = 3;

export function hasKeys(command: DocumentedCommand): boolean {
  return allArguments(command.parts).some(({ type }) => type === 'key');
}

/** One that `documentedCommands` takes. */
export function isGenerated(command: DocumentedCommand): boolean {
  return hasKeys(command) && !APART.has(command.name);
}

type Words = fc.Arbitrary<string[]>;

/** Sequences of any of these commands; they begin with something to work on. */
export function documentedSequences(commands: readonly DocumentedCommand[]): fc.Arbitrary<RandomCommand[]> {
  const any = fc.oneof(...commands.map(documentedCommand), ...refills, ...refills, ...refills);
  return sequencesOf(any).map((list) => [...beginning, ...list]);
}

/** One command in all of its forms, and some that are none. */
export function documentedCommand(command: DocumentedCommand): Commands {
  const name = command.name.toUpperCase().split('|');
  const whole = argumentsOf(command).map((words) => sortedApart([...name, ...words]));
  const mutated = fc.tuple(whole, mutationFor(command)).map(([words, mutate]) => mutate(words, name.length));
  return fc
    .oneof({ weight: 12, arbitrary: whole }, { weight: 1, arbitrary: mutated })
    .map((words) => new RandomCommand(words, comparisonOf(command.name, words)));
}

function argumentsOf(command: DocumentedCommand): Words {
  const words = listOfParts(command, command.parts);
  // All members or none, and not one by chance.
  return command.name === 'spop' ? words.map(([key = '']) => [key, key < 't2' ? '0' : '1000']) : words;
}

/** What is sorted by members gets sets of one score, and distances a key of their own. */
function sortedApart(words: string[]): string[] {
  const [name = '', ...rest] = words;
  if (name === 'SORT' || name === 'SORT_RO') return [name, ...inPromisedOrder(rest)];
  if (rest.some((one) => one.toUpperCase() === 'BYLEX')) {
    const source = name === 'ZRANGESTORE' ? 1 : 0;
    return [name, ...rest.map((one, i) => (i === source ? 'lex1' : one))];
  }
  const at = rest.findIndex((one) => one.toUpperCase() === 'STOREDIST');
  if (at < 0) return words;
  const destination = name === 'GEOSEARCHSTORE' ? 0 : at + 1;
  return [name, ...rest.map((one, i) => (i === destination ? DISTANCES_KEY : one))];
}

/** The rest of a SORT so changed that Redis promises an order: not that of a set, nor of what weighs the same as letters. */
function inPromisedOrder(words: readonly string[]): readonly string[] {
  const [key = ''] = words;
  const names = words.map((word, i) => (i === 0 ? '' : (word.split('\0', 1)[0] ?? '').toUpperCase()));
  const by = names.indexOf('BY');
  if (by < 0) return words;
  const isWeighed = (words[by + 1]?.split('\0', 1)[0] ?? '').includes('*');
  if (isWeighed) return words.filter((_, i) => names[i] !== 'ALPHA');
  return names.includes('STORE') ? words : [key < 'm' ? LIST_ALONE : 'lex1', ...words.slice(1)];
}

function listOfParts(command: DocumentedCommand, parts: readonly DocumentedArgument[]): Words {
  const words: Words[] = [];
  for (let i = 0; i < parts.length; i++) {
    const [part, next] = [parts[i], parts[i + 1]];
    if (part === undefined) break;
    if (part.name === 'numkeys' && next?.type === 'key') {
      words.push(fc.tuple(oneArgument(command, next), oneOf('', '', '', '', '', '0', '2', '-1', 'x')).map(counted));
      i += 1;
    } else {
      words.push(oneArgument(command, part));
    }
  }
  return fc.tuple(...words).map((list) => list.flat());
}

function counted([keys, wrong]: readonly [readonly string[], string]): string[] {
  return [wrong === '' ? String(keys.length) : wrong, ...keys];
}

function oneArgument(command: DocumentedCommand, argument: DocumentedArgument): Words {
  const values = valuesOf(command, argument);
  const { token } = argument;
  const once = token === null || argument.type === 'pure-token' ? values : values.map((words) => [token, ...words]);
  const several = (one: Words): Words =>
    argument.isMultiple ? fc.array(one, { minLength: 1, maxLength: MOST_OF_A_KIND }).map((list) => list.flat()) : one;
  const whole =
    token !== null && argument.isMultiple && !argument.repeatsToken
      ? several(values).map((words) => [token, ...words])
      : several(once);
  if (!argument.isOptional) return whole;
  return fc.oneof({ weight: 3, arbitrary: fc.constant<string[]>([]) }, { weight: 2, arbitrary: whole });
}

function valuesOf(command: DocumentedCommand, argument: DocumentedArgument): Words {
  switch (argument.type) {
    case 'pure-token':
      return tokenForms(argument.token ?? '').map((one) => [one]);
    case 'oneof':
      return fc.oneof(...argument.parts.map((part) => oneArgument(command, part)));
    case 'block':
      return listOfParts(command, argument.parts);
    case 'key':
      return keysFor(command, argument).map((one) => [one]);
    default:
      return valuesFor(command, argument).map((one) => [one]);
  }
}

/** Redis does not look behind a zero byte. */
function tokenForms(token: string): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 12, arbitrary: oneOf(token, token, token.toLowerCase()) },
    { weight: 1, arbitrary: oneOf(`${token}\0`, `${token}\0x`) },
  );
}

type Mutation = (words: readonly string[], nameWords: number) => string[];

/** Not what ends a key soon, or makes a string of many megabytes. */
const junk = oneOf('', 'x', '-1', '0', '777777', '1.5', 'NX', 'COUNT', 'WITHSCORES', 'LIMIT', 'REPLACE', utf8);
const append: fc.Arbitrary<Mutation> = junk.map((one) => (words) => [...words, one]);
const cut: fc.Arbitrary<Mutation> = fc.nat(2).map((n) => (words, name) => words.slice(0, name + n));
const drop: fc.Arbitrary<Mutation> = fc.nat(5).map((n) => (words, name) => words.toSpliced(name + n, 1));
const replace: fc.Arbitrary<Mutation> = fc.tuple(fc.nat(6), junk).map(
  ([n, one]) =>
    (words, name) =>
      words.map((word, i) => (i === name + 1 + n ? one : word)),
);

/** SPOP may not become one of a random member, nor SORT one without an order, nor MIGRATE go elsewhere, nor a key of other kinds one of a HyperLogLog. */
function mutationFor(command: DocumentedCommand): fc.Arbitrary<Mutation> {
  if (command.name === 'spop' || command.group === 'hyperloglog') return append;
  if (command.name.startsWith('sort') || command.name === 'migrate') return fc.oneof(append, cut);
  return TAKE_MORE.has(command.name) ? fc.oneof(cut, drop, replace) : fc.oneof(append, cut, drop, replace);
}
