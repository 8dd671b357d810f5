import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ChildServer } from '../../compat-tests/support/child-server.ts';
import { makeTempDir } from '../../compat-tests/support/junokv-server.ts';
import type { Place } from '../../compat-tests/support/place.ts';
import type { Report } from '../report.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const VITEST = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
/** Those for which one server of the usual configuration is enough, wherever it is. */
const QUICK_FILES = ['random-collections', 'random-strings', 'command-metadata', 'ioredis', 'node-redis'];
const FILES = [...QUICK_FILES, 'scripts', 'known-differences'];
const SUITE_MS = 900_000;
/** Of one test: everything is a process of its own, on as many cores as there are. */
const TEST_MS = 300_000;

/** What vitest writes as JSON; of it, what is of interest here. */
interface SuiteReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[] | null;
    }[];
  }[];
}

export interface CompatOptions {
  /** Each command with each of its options, too. */
  readonly isWhole: boolean;
  /** Random ones of each kind, about. */
  readonly randomCommands: number;
}

/** The tests that compare junokv with a redis-server, on the junokv at `place`. */
export async function runCompatSuite(place: Place, options: CompatOptions, report: Report): Promise<void> {
  console.log('\nThe compat suite through HAProxy, beside a redis-server\n');
  const dir = makeTempDir('compat-suite');
  const file = join(dir, 'report.json');
  const suite = new ChildServer({
    name: 'the compat suite',
    command: process.execPath,
    // One file after the other: they flush what the others have.
    args: [
      VITEST,
      'run',
      '--project',
      'compat',
      '--no-file-parallelism',
      `--testTimeout=${TEST_MS}`,
      ...(options.isWhole ? FILES : QUICK_FILES).map((name) => `compat-tests/${name}.test.ts`),
    ],
    cwd: ROOT,
    env: {
      COMPAT_SERVER: JSON.stringify(place),
      TEST_REPORT_FILE: file,
      RANDOM_COMMANDS: `${options.randomCommands}`,
    },
  });
  const startMs = performance.now();
  try {
    const ended = await suite.waitUntilDone(SUITE_MS).then(
      () => null,
      (error: Error) => error.message,
    );
    const seconds = Math.round((performance.now() - startMs) / 1_000);
    const compared = /(\d+) pairs of replies compared/.exec(suite.output)?.[1];
    const { passed, failures } = readReport(file);
    if (ended !== null && failures.length === 0) failures.push(ended);
    const pairs = compared === undefined ? '' : `, ${compared} pairs of replies of scripts`;
    report.check(`replies are those of redis-server: ${passed} tests${pairs}, ${seconds} s`, failures);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function readReport(file: string): { passed: number; failures: string[] } {
  let report: SuiteReport;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    return { passed: 0, failures: [`there is no report: ${error instanceof Error ? error.message : String(error)}`] };
  }
  const failures = report.testResults.flatMap(({ name, status, message, assertionResults }) => {
    const tests = assertionResults
      .filter((test) => test.status === 'failed')
      .map((test) => `${test.fullName}: ${test.failureMessages?.join(' ').slice(0, 1_000)}`);
    return status === 'failed' && tests.length === 0 ? [`${name}: ${message.slice(0, 1_000)}`] : tests;
  });
  if (report.numPassedTests === 0) failures.push('no test has passed');
  return { passed: report.numPassedTests, failures };
}
