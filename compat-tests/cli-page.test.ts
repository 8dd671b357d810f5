import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTempDir, startJunokv } from './support/junokv-server.ts';
import type { RunningServer } from './support/redis-server.ts';

const PROGRAM = fileURLToPath(new URL('../bin/junokv.mjs', import.meta.url));
const page = readFileSync(new URL('../docs/cli.md', import.meta.url), 'utf8');

let server: RunningServer;
let directory = '';
beforeAll(async () => {
  server = await startJunokv({ engine: 'memory' });
  directory = makeTempDir('cli-page');
  mkdirSync(join(directory, 'bin'));
  writeFileSync(join(directory, 'bin', 'junokv'), `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`, {
    mode: 0o755,
  });
});
afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

interface Step {
  readonly command: string;
  readonly output: string;
}

/** The commands of a block, each with the lines that stand below it. */
function stepsOf(block: string): Step[] {
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((text) => {
      const [command = '', ...lines] = text.trimEnd().split('\n');
      return { command, output: lines.join('\n') };
    });
}

/** What differs from run to run, replaced by its name. */
function withoutChance(output: string): string {
  return output
    .trimEnd()
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replaceAll(/\b\d{13}\b/g, 'TIME_MS')
    .replaceAll(/\b35\d\d(\.\d+)? s\b|\b3600 s\b/g, 'AN_HOUR')
    .replaceAll(/"ttlMs":35\d{5}\b/g, '"ttlMs":AN_HOUR')
    .replaceAll(/\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, 'ID');
}

/** Runs the commands in one shell; gives back what each printed, on both outputs. */
function runSteps(steps: readonly Step[]): string[] {
  const script = steps.map(({ command }) => `printf '\\036'; (exit $code)\n${command}\ncode=$?`).join('\n');
  const run = spawnSync('bash', ['-c', `exec 2>&1; code=0\n${script}`], {
    cwd: directory,
    env: {
      PATH: `${join(directory, 'bin')}:${process.env['PATH']}`,
      JUNOKV_TARGET: `127.0.0.1:${server.port}`,
    },
    encoding: 'utf8',
  });
  return run.stdout.split('\x1e').slice(1);
}

describe('docs/cli.md', () => {
  const blocks = [...page.matchAll(/^```console\n(.*?)^```$/gms)].map((match) => match[1] ?? '');

  it.each(blocks.map((block, index) => [index + 1, block] as const))(
    'example %i prints what it says',
    (_, block) => {
      const steps = stepsOf(block);
      expect(steps.length).toBeGreaterThan(5);
      const printed = runSteps(steps);
      expect(steps.map(({ command }, i) => `$ ${command}\n${withoutChance(printed[i] ?? 'nothing')}`)).toEqual(
        steps.map(({ command, output }) => `$ ${command}\n${withoutChance(output)}`),
      );
    },
    120_000,
  );

  it('has two examples', () => {
    expect(blocks).toHaveLength(2);
  });
});
