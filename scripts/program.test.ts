import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const PROGRAM = join(import.meta.dirname, '../bin/junokv.mjs');

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'junokv-program-'));
  mkdirSync(join(directory, 'bin'));
  mkdirSync(join(directory, 'dist'));
  cpSync(PROGRAM, join(directory, 'bin/junokv.mjs'));
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  writeFileSync(
    join(directory, 'dist/main.js'),
    'export async function main(args) { console.log(args.join(" "), process.env.NODE_COMPILE_CACHE); }',
  );
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function run(env: NodeJS.ProcessEnv = {}) {
  const { NODE_COMPILE_CACHE: _, ...inherited } = process.env;
  const options = { encoding: 'utf8', env: { ...inherited, ...env } } as const;
  return spawnSync(process.execPath, [join(directory, 'bin/junokv.mjs'), 'one', 'two'], options);
}

describe('what Node has compiled', () => {
  it('is kept beside the packages for the next start, and workers are told where', () => {
    const place = join(directory, 'node_modules/.cache/junokv');
    expect(run()).toMatchObject({ status: 0, stdout: `one two ${place}\n`, stderr: '' });
    expect(readdirSync(place)).toHaveLength(1);
  });

  it('is kept where the user wants it', () => {
    const place = join(directory, 'elsewhere');
    expect(run({ NODE_COMPILE_CACHE: place })).toMatchObject({ status: 0, stdout: `one two ${place}\n`, stderr: '' });
    expect(existsSync(join(directory, 'node_modules'))).toBe(false);
    expect(readdirSync(place)).toHaveLength(1);
  });

  it('is not kept where that cannot be written', () => {
    writeFileSync(join(directory, 'node_modules'), 'a file');
    expect(run()).toMatchObject({ status: 0, stderr: '' });
  });
});
