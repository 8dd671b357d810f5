import { parseMemory } from '../proxy/config-parameters.ts';
import type { CommandName, Option } from './option.ts';
import { type Configuration, type OptionKey, optionName, optionTable } from './option-table.ts';

/** Two settings that cannot both be meant. */
interface Contradiction {
  /** Only where the command takes all of these. */
  readonly options: readonly OptionKey[];
  /** Why they cannot both be, as a sentence that names them; null: they can. */
  find(config: Configuration, given: ReadonlySet<OptionKey>): string | null;
}

/** Options of which only one may be named. */
function onlyOne(first: OptionKey, second: OptionKey, about: string): Contradiction {
  return {
    options: [first, second],
    find: (config, given) =>
      given.has(first) && given.has(second) && config[first] !== '' && config[second] !== ''
        ? `--${optionName(first)} and --${optionName(second)} both say ${about}; leave one of them out`
        : null,
  };
}

const CLIENT_PORTS: readonly OptionKey[] = ['port', 'tlsPort', 'clusterPort', 'tlsClusterPort'];

const contradictions: readonly Contradiction[] = [
  onlyOne('keystore', 'keystoreCommand', 'where the keystore comes from'),
  onlyOne('password', 'passwordFile', 'what the password is'),
  {
    options: CLIENT_PORTS,
    find(config) {
      const shared = CLIENT_PORTS.filter((key, index) =>
        CLIENT_PORTS.some((other, at) => at !== index && config[other] === config[key] && config[key] !== 0),
      );
      const names = shared.map((key) => `--${optionName(key)}`).join(' and ');
      return shared.length === 0 ? null : `${names} are the same port; what listens there answers in one way only`;
    },
  },
  {
    options: ['httpPort', 'httpHost', 'bind', ...CLIENT_PORTS],
    find({ httpPort, httpHost, bind, ...config }) {
      const same = CLIENT_PORTS.find(
        (key) => httpPort !== 0 && { ...config, httpPort, httpHost, bind }[key] === httpPort,
      );
      if (same === undefined || !bind.includes(httpHost)) return null;
      return `--http-port and --${optionName(same)} are the same port of ${httpHost}; one of them must be another`;
    },
  },
  {
    options: ['traceEndpoint', 'traceSample'],
    find: ({ traceEndpoint }, given) =>
      traceEndpoint === '' && given.has('traceSample')
        ? '--trace-sample says how many commands are traced, and without --trace-endpoint none is; give both or neither'
        : null,
  },
  {
    options: ['engine', 'fsync'],
    find: ({ engine, fsync }, given) =>
      engine === 'memory' && fsync === 'always' && given.has('fsync')
        ? '--fsync always promises that writes survive a loss of power, which --engine memory cannot keep; choose one'
        : null,
  },
  {
    options: ['engine', 'maxmemory'],
    find: ({ engine, maxmemory }) =>
      engine === 'memory' || parseMemory(maxmemory) === 0n
        ? null
        : '--maxmemory limits what storage nodes keep in memory, and with --engine rocksdb they keep it on disks; see --disk-reserve for those',
  },
  {
    options: ['engine', 'keystore', 'keystoreCommand', 'zones'],
    find({ engine }, given) {
      const named = (['keystore', 'keystoreCommand'] as const).find((key) => given.has(key));
      if (engine !== 'memory' || named === undefined) return null;
      return `--${optionName(named)} names keys, but with --engine memory they are made anew at each start; leave one of them out`;
    },
  },
];

/** What cannot be, a sentence each. `given`: the options that were named somewhere. */
export function findContradictions(
  command: CommandName,
  config: Configuration,
  given: ReadonlySet<OptionKey>,
): string[] {
  const isTaken = (key: OptionKey): boolean => {
    const option: Option<unknown> = optionTable[key];
    return option.commands.includes(command);
  };
  return contradictions.flatMap(({ options, find }) => {
    const problem = options.every(isTaken) ? find(config, given) : null;
    return problem === null ? [] : [problem];
  });
}

/** Names that stand twice in the outermost object of JSON, which parsing would not tell; `text` is well-formed. */
export function namesTwice(text: string): string[] {
  const seen = new Set<string>();
  const twice = new Set<string>();
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"\s*:?|[{}[\]]/g)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (depth === 1 && token.endsWith(':')) {
      const name: unknown = JSON.parse(token.slice(0, -1).trimEnd());
      if (typeof name !== 'string') continue;
      if (seen.has(name)) twice.add(name);
      seen.add(name);
    }
  }
  return [...twice];
}
