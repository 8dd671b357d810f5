/** `npm run check:pack`: packs, installs what came out somewhere else, and runs it from there. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const place = mkdtempSync(join(tmpdir(), 'junokv-pack-'));

function run(program: string, args: readonly string[], directory: string): string {
  return execFileSync(program, args, { cwd: directory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`the packed program fails: ${what}`);
}

try {
  run('npm', ['pack', '--silent', '--pack-destination', place], root);
  const archive = readdirSync(place).find((name) => name.endsWith('.tgz'));
  check(archive !== undefined, 'npm pack made no archive');
  run('tar', ['-xzf', archive ?? ''], place);
  const packed = join(place, 'package');
  // The dependencies of the clone stand in for an installation: the archive must bring everything else.
  symlinkSync(join(root, 'node_modules'), join(packed, 'node_modules'));
  const junokv = (...args: string[]) => run(process.execPath, [join('bin', 'junokv.mjs'), ...args], packed);
  check(/^junokv \d+\.\d+\.\d+/.test(junokv('--version')), '--version');
  check(junokv('help').includes('junokv start'), 'help');
  check(junokv('start', '--help').includes('--fsync'), 'start --help');
  for (const file of readdirSync(packed, { recursive: true, encoding: 'utf8' })) {
    const isOurs = !file.startsWith('node_modules');
    check(!isOurs || !/\.test\.|(^|\/)(src|sim|data)\//.test(file), `${file} should not be in the archive`);
  }
  console.log(`${archive} runs`);
} finally {
  rmSync(place, { recursive: true, force: true });
}
