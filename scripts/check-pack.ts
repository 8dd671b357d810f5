/** `npm run check:pack`: packs server and client, installs what came out somewhere else, and runs it from there. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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

/** Unpacks what `npm pack` makes of the package in `directory` into `place`; returns where, and the archive's name. */
function unpack(directory: string, name: string): { readonly packed: string; readonly archive: string } {
  const target = join(place, name);
  mkdirSync(target);
  run('npm', ['pack', '--silent', '--pack-destination', target], directory);
  const archive = readdirSync(target).find((file) => file.endsWith('.tgz'));
  if (archive === undefined) throw new Error(`npm pack made no archive of ${name}`);
  run('tar', ['-xzf', archive], target);
  return { packed: join(target, 'package'), archive };
}

/** The client as an application has it: of the clone, only ioredis stands in for an installation. */
function checkClient(): string {
  const { packed, archive } = unpack(join(root, 'src/juno-ext/client'), 'client');
  const application = join(place, 'application');
  const modules = join(application, 'node_modules');
  mkdirSync(modules, { recursive: true });
  renameSync(packed, join(modules, 'junokv-client'));
  symlinkSync(join(root, 'node_modules/ioredis'), join(modules, 'ioredis'));
  const files = readdirSync(join(modules, 'junokv-client'), { recursive: true, encoding: 'utf8' });
  for (const file of ['package.json', 'README.md', 'LICENSE', join('dist', 'client.js'), join('dist', 'client.d.ts')]) {
    check(files.includes(file), `${file} is missing from the client`);
  }
  check(!files.some((file) => /\.test\.|^src\b|testing/.test(file)), 'tests or sources are in the client');
  const script = `
    import { connect } from 'junokv-client';
    import 'junokv-client/types';
    import 'junokv-client/keystore';
    import 'junokv-client/request-id';
    const client = connect({ addresses: [{ host: '127.0.0.1', port: 1 }], deadlineMs: 50 });
    const result = await client.get('k');
    await client.close();
    console.log(result.ok ? 'ok' : result.error.kind);
  `;
  writeFileSync(join(application, 'main.mjs'), script);
  check(run(process.execPath, ['main.mjs'], application).trim() === 'unavailable', 'the client does not run');
  return archive;
}

try {
  const { packed, archive } = unpack(root, 'server');
  // The dependencies of the clone stand in for an installation: the archive must bring everything else.
  symlinkSync(join(root, 'node_modules'), join(packed, 'node_modules'));
  const junokv = (...args: string[]) => run(process.execPath, [join('bin', 'junokv.mjs'), ...args], packed);
  check(/^junokv \d+\.\d+\.\d+/.test(junokv('--version')), '--version');
  check(junokv('help').includes('junokv start'), 'help');
  check(junokv('start', '--help').includes('--fsync'), 'start --help');
  for (const file of readdirSync(packed, { recursive: true, encoding: 'utf8' })) {
    const isOurs = !file.startsWith('node_modules');
    check(!isOurs || !/\.test\.|^(src|sim|data)\/|\/testing\//.test(file), `${file} should not be in the archive`);
  }
  // The command line uses the client that is compiled with the server, not the package.
  const client = join(packed, 'dist/juno-ext/client/src/client.js');
  const load = `import(${JSON.stringify(client)}).then((m) => console.log(typeof m.connect))`;
  check(run(process.execPath, ['-e', load], packed).trim() === 'function', 'the client within the server');
  console.log(`${archive} and ${checkClient()} run`);
} finally {
  rmSync(place, { recursive: true, force: true });
}
