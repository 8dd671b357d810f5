import { parseArgs } from 'node:util';

export interface BenchOptions {
  readonly rounds: number;
  /** Aimed-at length of one run. */
  readonly runMs: number;
  readonly pipelines: readonly number[];
  readonly valueSizes: readonly number[];
  /** Keys that are read and written at random; all exist. */
  readonly keys: number;
  readonly connections: number;
  readonly jsonFile: string | null;
}

const USAGE = `Usage: npm run bench -- [--rounds N] [--quick] [--json FILE]

  --rounds N   runs of each test on each system, in turns (default 3; with --quick 1)
  --quick      fewer tests, fewer keys and short runs: below two minutes
  --json FILE  writes all figures as JSON, too`;

/** Reads the command line; ends the process where it makes no sense. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100) {
    console.error(`--rounds: ${values.rounds} is no number from 1 to 100\n\n${USAGE}`);
    process.exit(2);
  }
  return {
    rounds,
    runMs: values.quick ? 700 : 1_500,
    pipelines: values.quick ? [1, 16] : [1, 16, 64],
    valueSizes: values.quick ? [100] : [100, 1_000],
    keys: values.quick ? 20_000 : 100_000,
    connections: 50,
    jsonFile: values.json ?? null,
  };
}
