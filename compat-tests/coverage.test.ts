import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServerPairs } from './harness.ts';
import { hashCommands, listCommands, setCommands } from './random/collections.ts';
import { documentedSequences, isGenerated } from './random/documented.ts';
import { nameCommands } from './random/keys.ts';
import { blocksOfCommands, severalKeysCommands } from './random/several-keys.ts';
import { geoCommands, lexCommands, zsetCommands } from './random/sorted-sets.ts';
import { bitmapCommands, counterCommands, stringCommands } from './random/strings.ts';
import { allScripts } from './scripts/all-scripts.ts';
import {
  allArguments,
  type DocumentedArgument,
  type DocumentedCommand,
  readCommandDocs,
} from './support/command-docs.ts';
import { redisServerVersion } from './support/redis-server.ts';
import { commandsOf } from './support/request.ts';
import { toStep } from './support/script.ts';

const redis = redisServerVersion();
const title = redis.ok ? 'what is compared' : `what is compared (skipped: ${redis.reason})`;
const SAMPLES = 3_000;
const DOCUMENTED_SEQUENCES = 500;

/** Commands that neither a script nor a generator has, and where they are shown. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'cluster|help': 'lists what is here: src/proxy/commands/cluster-commands.test.ts',
  'memory|malloc-stats': 'differs: known-differences.ts',
  migrate: 'moves keys to a third server: random-migrate.test.ts, src/proxy/commands/generic-migrate.test.ts',
  monitor: 'shows other connections: redis-cli.test.ts, src/proxy/monitor-hub.test.ts',
  psync: 'answers an error: src/proxy/commands/server-sync.test.ts',
  replconf: 'belongs to SYNC: src/proxy/commands/server-sync.test.ts',
  sync: 'redis-cli --rdb: redis-cli.test.ts, src/proxy/commands/server-sync.test.ts',
};

/** Their options are not here: known-differences.ts. */
const WITHOUT_OPTIONS: ReadonlySet<string> = new Set(['client|tracking']);

describe.skipIf(!redis.ok)(title, () => {
  const servers = new ServerPairs();
  let commands: readonly DocumentedCommand[] = [];
  /** Of every command that is said somewhere: all words that stand behind it, in lower case. */
  const said = new Map<string, Set<string>>();

  beforeAll(async () => {
    const ports = await servers.ports('plain');
    const [theirs, ours] = await Promise.all([readCommandDocs(ports.redis), readCommandDocs(ports.junokv)]);
    commands = [...theirs.values()].filter(({ name }) => ours.has(name));
    const sayers = [
      ...[hashCommands, listCommands, setCommands, zsetCommands, lexCommands, geoCommands],
      ...[stringCommands, bitmapCommands, counterCommands, severalKeysCommands, nameCommands],
    ];
    const random = sayers.flatMap((sayer) => fc.sample(sayer, SAMPLES).map(({ words }) => words));
    const blocks = fc.sample(blocksOfCommands, SAMPLES / 30).flatMap((list) => list.map(({ words }) => words));
    const scripted = allScripts.flatMap(({ steps }) => steps.flatMap((step) => commandsOf(toStep(step).bytes)));
    const documented = fc.sample(documentedSequences(commands.filter(isGenerated)), {
      numRuns: DOCUMENTED_SEQUENCES,
      seed: 1,
    });
    const made = documented.flatMap((list) => list.map(({ words }) => words));
    for (const words of [...random, ...blocks, ...made, ...scripted]) add(said, words);
  }, 60_000);
  afterAll(() => servers.stop());

  it('is every command', () => {
    const unsaid = commands.filter(({ name, hasSubcommands }) => !hasSubcommands && !said.has(name));
    expect(unsaid.map(({ name }) => name).sort()).toEqual(Object.keys(ELSEWHERE).sort());
  });

  it('is every option that COMMAND DOCS names', () => {
    const unsaid = commands
      .filter(({ name }) => said.has(name) && !WITHOUT_OPTIONS.has(name))
      .flatMap(({ name, parts }) =>
        optionsOf(parts)
          .filter((option) => !said.get(name)?.has(option))
          .map((option) => `${name} ${option}`),
      );
    expect(unsaid).toEqual([]);
  });
});

/** The words that stand for themselves, in lower case. */
function optionsOf(parts: readonly DocumentedArgument[]): string[] {
  return allArguments(parts).flatMap(({ token }) => (token === null || token === '' ? [] : [token.toLowerCase()]));
}

/** Under its name, and that of its subcommand. */
function add(said: Map<string, Set<string>>, words: readonly string[]): void {
  const [name = '', second = '', ...rest] = words.map((word) => word.toLowerCase());
  for (const [key, behind] of [
    [name, [second, ...rest]],
    [`${name}|${second}`, rest],
  ] as const) {
    const known = said.get(key) ?? new Set();
    said.set(key, known);
    for (const word of behind) known.add(word);
  }
}
