import { readFileSync } from 'node:fs';
import { closestName } from './closest-name.ts';
import { commandWords, NO_WORDS } from './command-words.ts';
import { findContradictions, namesTwice } from './contradictions.ts';
import type { CommandName, Option } from './option.ts';
import {
  type Configuration,
  environmentName,
  kebabCase,
  type OptionKey,
  optionName,
  optionTable,
} from './option-table.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export type LoadedConfiguration =
  | {
      readonly kind: 'loaded';
      readonly config: Configuration;
      /** Options that were named somewhere, as opposed to those that have their default. */
      readonly given: ReadonlySet<OptionKey>;
      /** The file that options were read from; empty: none. */
      readonly configFile: string;
      /** What stood between the options: keys, values and the like. */
      readonly words: readonly string[];
      readonly warnings: readonly string[];
    }
  | { readonly kind: 'help' }
  /** Everything that is wrong, a line each: the option, the bad value, what is allowed. */
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

const CONFIG_VARIABLE = 'JUNOKV_CONFIG';
const keys = Object.keys(optionTable).filter(isOptionKey);
/** By the names that options have in the file. */
export const keyByName: ReadonlyMap<string, OptionKey> = new Map(keys.map((key) => [kebabCase(key), key]));

/** A value and where it was given, for messages. */
interface Given {
  readonly text: string;
  readonly source: string;
}

type GivenValues = Map<OptionKey, Given>;

/**
 * The configuration of one command from its arguments, the environment, a JSON file (--config) and the defaults: the
 * first of these that names an option wins. Options of other commands are errors on the command line and ignored
 * elsewhere, so that one file can serve all processes of a cluster.
 */
export function loadConfiguration(
  command: CommandName,
  args: readonly string[],
  environment: Environment,
  readText: (path: string) => string = (path) => readFileSync(path, 'utf8'),
): LoadedConfiguration {
  const problems: string[] = [];
  const warnings: string[] = [];
  const line = readArguments(command, args, problems);
  if (line.help) return { kind: 'help' };
  const environmentValues = readEnvironment(command, environment, warnings);
  const file = line.configFile ?? environment[CONFIG_VARIABLE] ?? '';
  const fileValues = file === '' ? new Map() : readConfigFile(file, readText, problems);

  const values = new Map<OptionKey, unknown>();
  const givenKeys = new Set<OptionKey>();
  for (const key of keys) {
    const option: Option<unknown> = optionTable[key];
    values.set(key, option.defaultValue);
    // Each source is checked, also where another one wins: a bad line in a file should not wait to be found.
    for (const source of [fileValues, environmentValues, line.values]) {
      const given = source.get(key);
      if (given === undefined || (!option.commands.includes(command) && source !== fileValues)) continue;
      const parsed = option.parse(given.text);
      if (!parsed.ok) {
        problems.push(badValue(option, given));
      } else if (option.commands.includes(command)) {
        values.set(key, parsed.value);
        givenKeys.add(key);
      }
    }
  }
  const config = Object.fromEntries(values) as Configuration;
  // What is not understood may be what contradicts: one kind of mistake after the other.
  if (problems.length === 0) problems.push(...findContradictions(command, config, givenKeys));
  if (problems.length > 0) return { kind: 'invalid', problems };
  return { kind: 'loaded', config, given: givenKeys, configFile: file, words: line.words, warnings };
}

/** The defaults with some values changed, for tests and tools that start rooms without a command line. */
export function configurationWith(changes: Partial<Configuration>): Configuration {
  const defaults = Object.fromEntries(keys.map((key) => [key, optionTable[key].defaultValue])) as Configuration;
  return { ...defaults, ...changes };
}

function badValue(option: Option<unknown>, given: Given): string {
  const shown = option.secret === true ? 'the value given' : `'${given.text}'`;
  return `${given.source}: ${shown} is not allowed; it must be ${option.allowed}`;
}

interface ReadLine {
  readonly help: boolean;
  readonly configFile: string | null;
  readonly values: GivenValues;
  readonly words: readonly string[];
}

/**
 * `--name value`, `--name=value`; a yes/no option also without a value. Commands that take words take anything after `--`
 * as one; the value of a yes/no option must follow `=` there, since what follows a blank may be a word.
 */
function readArguments(command: CommandName, args: readonly string[], problems: string[]): ReadLine {
  const values: GivenValues = new Map();
  const allowedWords = commandWords[command] ?? NO_WORDS;
  const words: string[] = [];
  let configFile: string | null = null;
  let help = false;
  for (let i = 0; i < args.length; i++) {
    const word = args[i] ?? '';
    const match = /^--([^=]+)(?:=(.*))?$/s.exec(word);
    if (word === '-h' || word === '--help') {
      help = true;
      continue;
    }
    if (word === '--' && allowedWords.max > 0) {
      words.push(...args.slice(i + 1));
      break;
    }
    if (match === null && allowedWords.max > 0) {
      words.push(word);
      continue;
    }
    if (match === null) {
      problems.push(`'${word}' is not an option; see 'junokv ${command} --help'`);
      continue;
    }
    const name = match[1] ?? '';
    const key = keyOnLine(name, command);
    if (key === undefined && name !== 'config') {
      problems.push(unknownName(`--${name}`, command, (candidate) => `--${optionName(candidate)}`));
      // What follows is most likely its value, and not worth a second message.
      if (match[2] === undefined && args[i + 1]?.startsWith('--') === false) i++;
      continue;
    }
    let text = match[2];
    if (text === undefined) {
      const next = args[i + 1];
      const isSwitch = key !== undefined && typeof optionTable[key].defaultValue === 'boolean';
      if (next !== undefined && !next.startsWith('--') && !(isSwitch && allowedWords.max > 0)) {
        text = next;
        i++;
      } else if (isSwitch) {
        text = 'yes';
      } else {
        problems.push(
          `--${name}: a value must follow; it must be ${key === undefined ? 'a file' : optionTable[key].allowed}`,
        );
        continue;
      }
    }
    if (key === undefined) {
      configFile = text;
    } else if (!commandsOf(key).includes(command)) {
      problems.push(`--${name} is not an option of 'junokv ${command}', but of ${commandList(key)}`);
    } else {
      values.set(key, { text, source: `--${name}` });
    }
  }
  if (words.length < allowedWords.min || words.length > allowedWords.max) {
    problems.push(`'junokv ${command}' takes ${allowedWords.shown}; see 'junokv ${command} --help'`);
  }
  return { help, configFile, values, words };
}

function readEnvironment(command: CommandName, environment: Environment, warnings: string[]): GivenValues {
  const values: GivenValues = new Map();
  const keyByVariable = new Map(keys.map((key) => [environmentName(key), key]));
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith('JUNOKV_') || variable === CONFIG_VARIABLE || text === undefined) continue;
    const key = keyByVariable.get(variable);
    const source = `environment variable ${variable}`;
    // Others set such names too (a Kubernetes service called junokv, for one): worth a word, not a refusal.
    if (key !== undefined && isLineOnly(key)) {
      if (commandsOf(key).includes(command)) warnings.push(`${source}: ${lineOnlyText(key)}`);
    } else if (key !== undefined) values.set(key, { text, source });
    else warnings.push(unknownName(source, null, environmentName, variable));
  }
  return values;
}

function readConfigFile(path: string, readText: (path: string) => string, problems: string[]): GivenValues {
  const values: GivenValues = new Map();
  let json: unknown;
  let text = '';
  try {
    text = readText(path);
    json = JSON.parse(text);
  } catch (error) {
    problems.push(`--config: cannot read '${path}': ${error instanceof Error ? error.message : String(error)}`);
    return values;
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    problems.push(`--config: '${path}' must hold a JSON object, such as {"port": 6379}`);
    return values;
  }
  for (const name of namesTwice(text)) problems.push(`'${name}' in ${path}: it stands there twice; leave one out`);
  for (const [name, value] of Object.entries(json)) {
    const source = `'${name}' in ${path}`;
    const key = keyByName.get(name);
    if (key === undefined) {
      problems.push(unknownName(source, null, kebabCase, name));
    } else if (isLineOnly(key)) {
      problems.push(`${source}: ${lineOnlyText(key)}`);
    } else if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      values.set(key, { text: String(value), source });
    } else if (Array.isArray(value) && value.every((item) => typeof item === 'string')) {
      values.set(key, { text: value.join(','), source });
    } else {
      problems.push(`${source}: ${JSON.stringify(value)} is not allowed; it must be ${optionTable[key].allowed}`);
    }
  }
  return values;
}

/** `write` says how option names look in this source; `name` is the bad one as it would look there. */
function unknownName(
  shown: string,
  command: CommandName | null,
  write: (key: OptionKey) => string,
  name = shown,
): string {
  // Only the command line may name what belongs to one call.
  const isPossible = (key: OptionKey): boolean =>
    command === null ? !isLineOnly(key) : commandsOf(key).includes(command);
  const candidates = keys.filter(isPossible).map(write);
  const closest = closestName(name, candidates);
  return `${shown}: there is no such option${closest === null ? '' : `; did you mean ${closest}?`}`;
}

/** The command's own option of this name, else any other's. */
function keyOnLine(name: string, command: CommandName): OptionKey | undefined {
  const named = keys.filter((key) => optionName(key) === name);
  return named.find((key) => commandsOf(key).includes(command)) ?? named[0];
}

function isLineOnly(key: OptionKey): boolean {
  const option: Option<unknown> = optionTable[key];
  return option.lineOnly === true;
}

function lineOnlyText(key: OptionKey): string {
  return `this belongs to one call, and is taken from the command line only (--${optionName(key)})`;
}

function commandsOf(key: OptionKey): readonly CommandName[] {
  return optionTable[key].commands;
}

function commandList(key: OptionKey): string {
  return commandsOf(key)
    .map((command) => `'junokv ${command}'`)
    .join(' and ');
}

export function isOptionKey(key: string): key is OptionKey {
  return Object.hasOwn(optionTable, key);
}
