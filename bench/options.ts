import { parseArgs } from 'node:util';
import type { Form } from './rows.ts';
import { isSystemName, SYSTEM_NAMES, type SystemName } from './systems.ts';

export interface BenchOptions {
  readonly form: Form;
  readonly rounds: number;
  /** Aimed-at length of one run. */
  readonly runMs: number;
  /** How long each row's load is served before it is counted, by each of its systems. */
  readonly warmUpMs: number;
  /** Length of one run at a fixed rate. */
  readonly openLoopMs: number;
  /** Keys that are read and written at random, fewer where the values are large; all exist. */
  readonly keys: number;
  /** Row ids or parts of them. Null: all rows of the form. */
  readonly rows: readonly string[] | null;
  readonly systems: readonly SystemName[];
  readonly memoryLimitBytes: number;
  readonly instructions: boolean;
  /**
   * guard: compare ratios with bench/guard.json; write-guard: write it; render: only make the page again; the others: sections
   * of the page of their own.
   */
  readonly mode: 'measure' | (typeof MODES)[number];
  readonly writeDocs: boolean;
  readonly jsonFile: string | null;
}

const SECTION_MODES = ['rooms', 'least', 'scale', 'connections', 'collections'] as const;
const MODES = ['guard', 'write-guard', 'render', 'list', ...SECTION_MODES] as const;

/** Modes that measure a section of the page of their own. */
export function isSectionMode(mode: BenchOptions['mode']): mode is (typeof SECTION_MODES)[number] {
  return SECTION_MODES.some((one) => one === mode);
}

const USAGE = `Usage: npm run bench -- [options]

  --quick            few rows, few keys, short runs: about a minute
  --full             all rows, among them data larger than memory
  --rows A,B         only the rows A and B, or all whose ids contain A or B, of any form (see --list)
  --systems A,B      only these systems: ${SYSTEM_NAMES.join(', ')}
  --rounds N         runs of each row on each system, in turns (default 3; --quick 1, --full 5; --connections 5 or 2)
  --run-ms N         aimed-at length of one run (default 1500; --quick 500)
  --warm-up-ms N     how long each system serves a row before it is counted (default 4000; --quick 2000)
  --keys N           keys of each system (default 100000; --quick 20000)
  --memory-limit-mb N  for data larger than memory (default 1024); twice as much is loaded
  --instructions     also counts instructions with perf
  --json FILE        writes all figures as JSON
  --write-docs       writes docs/performance.md and what belongs to it
  --render           writes docs/performance.md again from the figures of the last --write-docs
  --guard            the short form; fails where a ratio is below that of bench/guard.json
  --write-guard      the short form; writes three tenths of its ratios to bench/guard.json
  --rooms            what an operation costs junokv in one process, by thread and by room of the source
  --least            what it costs at least: servers that leave out more and more of junokv, beside the whole
  --scale            what it costs with more storage nodes and proxies, and a model of large clusters
  --connections      active connections beside 15,000 idle ones (--quick: 1,000), and what an idle one costs: 7 minutes
  --collections      single operations on collections of 1,000,000 elements (--quick: 50,000) beside such of 100, and HGETALL of all
  --list             shows the rows`;

/** The fewest of which the median is not moved by one bad round. */
const GUARD_ROUNDS = 3;
const CONNECTIONS_ROUNDS = { quick: 2, normal: 5 } as const;

const FLAGS = { type: 'boolean', default: false } as const;
const CONFIG = {
  quick: FLAGS,
  full: FLAGS,
  rows: { type: 'string' },
  systems: { type: 'string' },
  rounds: { type: 'string' },
  'run-ms': { type: 'string' },
  'warm-up-ms': { type: 'string' },
  keys: { type: 'string' },
  'memory-limit-mb': { type: 'string' },
  instructions: FLAGS,
  json: { type: 'string' },
  'write-docs': FLAGS,
  render: FLAGS,
  guard: FLAGS,
  'write-guard': FLAGS,
  rooms: FLAGS,
  least: FLAGS,
  scale: FLAGS,
  connections: FLAGS,
  collections: FLAGS,
  list: FLAGS,
  help: FLAGS,
} as const;

export class UsageError extends Error {}

/** What the command line asks for; null for help. Throws a UsageError where it makes no sense. */
export function parseOptions(args: readonly string[]): BenchOptions | null {
  const { values } = parse(args);
  if (values.help) return null;
  const modes = MODES.filter((mode) => values[mode]);
  if (modes.length > 1) throw new UsageError(`--${modes.join(' and --')} do not go together`);
  const mode = modes[0] ?? 'measure';
  const guards = mode === 'guard' || mode === 'write-guard';
  if (values.quick && values.full) throw new UsageError('--quick and --full do not go together');
  if (guards && (values.full || values['write-docs'])) throw new UsageError(`--${mode} is a short form of its own`);
  const hasFile = mode === 'connections' || mode === 'collections';
  const chosen = [values.rows, values.systems, hasFile ? undefined : values.json];
  if (isSectionMode(mode) && (values.full || chosen.some((value) => value !== undefined))) {
    throw new UsageError(
      `--${mode} has no other form than --quick, and no rows${hasFile ? '' : ', JSON file'} or systems to choose`,
    );
  }
  const form: Form = values.quick || guards ? 'quick' : values.full ? 'full' : 'normal';
  const quick = form === 'quick';
  const usualRounds = guards
    ? GUARD_ROUNDS
    : { quick: 1, normal: 3, full: 5, ...(mode === 'connections' ? CONNECTIONS_ROUNDS : {}) }[form];
  const runMs = whole('run-ms', values['run-ms'], quick ? 500 : 1_500, 100, 600_000);
  return {
    form,
    rounds: whole('rounds', values.rounds, usualRounds, 1, 100),
    runMs,
    warmUpMs: whole('warm-up-ms', values['warm-up-ms'], quick ? 2_000 : 4_000, 100, 600_000),
    openLoopMs: 3 * runMs,
    keys: whole('keys', values.keys, quick ? 20_000 : 100_000, 100, 10_000_000),
    rows: values.rows === undefined ? null : words(values.rows),
    systems: systemsOf(values.systems),
    memoryLimitBytes: 2 ** 20 * whole('memory-limit-mb', values['memory-limit-mb'], 1_024, 64, 1_000_000),
    instructions: values.instructions,
    mode,
    writeDocs: values['write-docs'],
    jsonFile: values.json ?? null,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: CONFIG });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function words(text: string): string[] {
  return text.split(',').filter((word) => word !== '');
}

function systemsOf(text: string | undefined): readonly SystemName[] {
  if (text === undefined) return SYSTEM_NAMES;
  return words(text).map((name) => {
    if (!isSystemName(name)) throw new UsageError(`--systems: there is no ${name}`);
    return name;
  });
}

function whole(name: string, text: string | undefined, usual: number, least: number, most: number): number {
  const value = text === undefined ? usual : Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new UsageError(`--${name}: ${text} is no number from ${least} to ${most}`);
  }
  return value;
}

/** Reads the command line; ends the process where it makes no sense. */
export function readOptions(args: readonly string[]): BenchOptions {
  try {
    const options = parseOptions(args);
    if (options !== null) return options;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n\n${USAGE}`);
    process.exit(2);
  }
  console.log(USAGE);
  process.exit(0);
}
