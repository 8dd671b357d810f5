import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { commandDescriptions } from './command-descriptions.ts';
import { configurationWith, type Environment, loadConfiguration } from './configuration.ts';
import { commandHelp, configurationPage, generalHelp } from './help-text.ts';
import { parseHostAndPort } from './host-and-port.ts';
import type { CommandName, Option } from './option.ts';
import { type Configuration, kebabCase, optionTable } from './option-table.ts';

interface Sources {
  readonly command?: CommandName;
  readonly env?: Environment;
  readonly file?: string;
}

function load(args: readonly string[], sources: Sources = {}) {
  return loadConfiguration(sources.command ?? 'start', args, sources.env ?? {}, (path) => {
    if (sources.file === undefined) throw new Error(`ENOENT: no such file, open '${path}'`);
    return sources.file;
  });
}

function loaded(args: readonly string[], sources: Sources = {}): Configuration {
  const result = load(args, sources);
  if (result.kind !== 'loaded') throw new Error(JSON.stringify(result));
  return result.config;
}

function problems(args: readonly string[], sources: Sources = {}): readonly string[] {
  const result = load(args, sources);
  return result.kind === 'invalid' ? result.problems : [result.kind];
}

describe('loadConfiguration', () => {
  it('has the documented defaults', () => {
    const config = loaded([]);
    expect(config).toEqual(configurationWith({}));
    expect(config).toMatchObject({
      port: 6379,
      bind: ['127.0.0.1'],
      zones: 3,
      nodesPerZone: 1,
      data: './data',
      engine: 'rocksdb',
      shards: 1024,
      fsync: 'everysec',
      requirepass: '',
      protectedMode: true,
      clusterEnabled: false,
    });
  });

  it('takes the command line over the environment, that over the file, that over the default', () => {
    const file = '{"port": 1, "zones": "5", "engine": "memory", "cluster-enabled": true, "bind": ["127.0.0.1", "::1"]}';
    const env = { JUNOKV_PORT: '2', JUNOKV_ZONES: '1', JUNOKV_CONFIG: 'c.json', HOME: '/h' };
    expect(loaded(['--port', '3'], { env, file })).toMatchObject({
      port: 3,
      zones: 1,
      engine: 'memory',
      clusterEnabled: true,
      bind: ['127.0.0.1', '::1'],
      shards: 1024,
    });
    expect(loaded(['--config=c.json'], { file })).toMatchObject({ port: 1, zones: 5 });
  });

  it('reads both forms of an option, and a bare yes/no', () => {
    expect(loaded(['--nodes-per-zone=2', '--cluster-enabled', '--data', 'd', '--protected-mode', 'no'])).toMatchObject({
      nodesPerZone: 2,
      clusterEnabled: true,
      data: 'd',
      protectedMode: false,
    });
    expect(loaded(['--requirepass=a=b']).requirepass).toBe('a=b');
    expect(loaded(['--bind', '127.0.0.1 ::1']).bind).toEqual(['127.0.0.1', '::1']);
  });

  it.each<[string[], string]>([
    [['--port', '65536'], "--port: '65536' is not allowed; it must be an integer from 0 to 65535"],
    [['--port', '1e3'], "--port: '1e3' is not allowed; it must be an integer from 0 to 65535"],
    [['--zones', '2'], "--zones: '2' is not allowed; it must be 1, 3 or 5"],
    [['--shards', '1000'], "--shards: '1000' is not allowed; it must be a power of two from 1 to 16384"],
    [['--engine', 'redis'], "--engine: 'redis' is not allowed; it must be rocksdb or memory"],
    [['--fsync', 'never'], "--fsync: 'never' is not allowed; it must be always, everysec or no"],
    [['--bind', 'nowhere'], "--bind: 'nowhere' is not allowed; it must be IP addresses separated by commas"],
    [['--data='], "--data: '' is not allowed; it must be a text that is not empty, without control characters"],
    [
      ['--requirepass', 'a\nb'],
      '--requirepass: the value given is not allowed; it must be a text without control characters',
    ],
    [['--port'], '--port: a value must follow; it must be an integer from 0 to 65535'],
    [['--prot', '6379'], '--prot: there is no such option; did you mean --port?'],
    [['--node-per-zone=2'], '--node-per-zone: there is no such option; did you mean --nodes-per-zone?'],
    [['--wibble'], '--wibble: there is no such option'],
    [['6379'], "'6379' is not an option; see 'junokv start --help'"],
    [['--node', '1'], "--node is not an option of 'junokv start', but of 'junokv storage'"],
  ])('%j: %s', (args, problem) => {
    expect(problems(args)).toEqual([problem]);
  });

  it('names every problem at once, wherever it stands', () => {
    const env = { JUNOKV_FSYNC: 'often' };
    expect(
      problems(['--port', 'x', '--config', 'c'], { env, file: '{"zones": 4, "prot": 1, "data": {}, "shards": 7}' }),
    ).toEqual([
      "'prot' in c: there is no such option; did you mean port?",
      `'data' in c: {} is not allowed; it must be ${optionTable.data.allowed}`,
      "--port: 'x' is not allowed; it must be an integer from 0 to 65535",
      "'zones' in c: '4' is not allowed; it must be 1, 3 or 5",
      "'shards' in c: '7' is not allowed; it must be a power of two from 1 to 16384",
      "environment variable JUNOKV_FSYNC: 'often' is not allowed; it must be always, everysec or no",
    ]);
  });

  it('says what is wrong with the file itself', () => {
    expect(problems(['--config', 'c'])).toEqual(["--config: cannot read 'c': ENOENT: no such file, open 'c'"]);
    expect(problems(['--config', 'c'], { file: '[]' })[0]).toContain('must hold a JSON object');
    expect(problems(['--config', 'c'], { file: '{' })[0]).toContain("cannot read 'c'");
  });

  it("leaves other commands' options in file and environment alone, and warns of unknown variables", () => {
    const result = load([], { env: { JUNOKV_NODE: 'x', JUNOKV_ZONE: '3' } });
    expect(result.kind === 'loaded' && result.warnings).toEqual([
      'environment variable JUNOKV_ZONE: there is no such option; did you mean JUNOKV_ZONES?',
    ]);
    expect(loaded(['--node', '7'], { command: 'storage', env: { JUNOKV_PORT: 'tcp://x' } }).node).toBe(7);
  });

  it('reads words between and after options', () => {
    const words = (...args: string[]) => {
      const result = load(args, { command: 'set' });
      return result.kind === 'loaded' ? result.words : result;
    };
    expect(words('k', 'v')).toEqual(['k', 'v']);
    expect(words('--json', 'k', '--database', '3', '-5')).toEqual(['k', '-5']);
    expect(words('--hex=no', '--', '--json', '--help')).toEqual(['--json', '--help']);
    expect(words('', '')).toEqual(['', '']);
    expect(loaded(['--json', 'k'], { command: 'get' }).json).toBe(true);
    expect(problems([], { command: 'get' })).toEqual(["'junokv get' takes KEY; see 'junokv get --help'"]);
    expect(problems(['a', 'b', 'c'], { command: 'set' })[0]).toContain('takes KEY [VALUE]');
    expect(problems(['--'])[0]).toBe("'--' is not an option; see 'junokv start --help'");
  });

  it.each<[string, number | null]>([
    ['90', 90_000],
    ['90s', 90_000],
    ['500ms', 500],
    ['2M', 120_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    ['0', 0],
    ['', null],
    ['-1', null],
    ['1.5h', null],
    ['1w', null],
    ['9999999999999999d', null],
  ])('reads --ttl %j as milliseconds', (text, ttlMs) => {
    const result = load([`--ttl=${text}`, 'k'], { command: 'get' });
    expect(result.kind === 'loaded' ? result.config.ttl : null).toBe(ttlMs);
  });

  it('takes what belongs to one call from the command line only', () => {
    const env = { JUNOKV_VERSION: '7', JUNOKV_DATABASE: '2' };
    const result = load(['k', 'v'], { command: 'update', env });
    if (result.kind !== 'loaded') throw new Error(JSON.stringify(result));
    expect([result.given.has('version'), result.config.database]).toEqual([false, 2]);
    expect(result.warnings[0]).toContain('JUNOKV_VERSION: this belongs to one call');
    const atStart = load([], { env });
    expect(atStart.kind === 'loaded' && atStart.warnings).toEqual([]);
    const file = '{"request-id": "0190a5d0-0000-7000-8000-000000000001"}';
    expect(problems(['k', 'v', '--config', 'c'], { command: 'set', file })[0]).toContain(
      "'request-id' in c: this belongs",
    );
  });

  it("takes nothing of a server's file but what both know", () => {
    const file = '{"port": 7777, "requirepass": "s", "bind": "10.0.0.1", "database": 4, "keystore": "server.json"}';
    const result = load(['k', '--config', 'c'], { command: 'get', file });
    if (result.kind !== 'loaded') throw new Error(JSON.stringify(result));
    expect(result.config).toEqual(configurationWith({ database: 4 }));
    expect([...result.given]).toEqual(['database']);
  });

  it('knows --help before anything else', () => {
    expect(load(['--port', 'x', '--help']).kind).toBe('help');
  });
});

describe('parseHostAndPort', () => {
  it('reads names and addresses', () => {
    expect(parseHostAndPort('store-1.example:7001')).toEqual({ host: 'store-1.example', port: 7001 });
    expect(parseHostAndPort('[::1]:7001')).toEqual({ host: '::1', port: 7001 });
    for (const bad of ['a', 'a:', ':1', 'a:0', 'a:65536', '::1:7001', 'a b:1'])
      expect(parseHostAndPort(bad)).toBeNull();
  });
});

describe('help and documentation', () => {
  it('name every option of a command', () => {
    const options = Object.entries<Option<unknown>>(optionTable);
    const flagOf = (key: string, option: Option<unknown>): string => option.name ?? kebabCase(key);
    for (const [key, option] of options) {
      const flag = flagOf(key, option);
      // Options of different commands may share a name.
      const commands = options.flatMap(([other, row]) => (flagOf(other, row) === flag ? row.commands : []));
      expect(new Set(commands).size).toBe(commands.length);
      for (const { name } of commandDescriptions) {
        expect(commandHelp(name).includes(`  --${flag} `)).toBe(commands.includes(name));
      }
    }
    for (const { name } of commandDescriptions) expect(generalHelp()).toContain(`junokv ${name}`);
  });

  it('stay within a terminal', () => {
    const lines = [generalHelp(), ...commandDescriptions.map(({ name }) => commandHelp(name))].join('\n').split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120);
  });

  it('docs/configuration.md is current (npm run docs)', () => {
    const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
    expect(page).toBe(configurationPage());
  });
});
