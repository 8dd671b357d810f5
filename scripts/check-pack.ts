/**
 * `npm run check:pack`: packs server and client, installs what came out somewhere else, and runs it from there. With
 * `-- --install` npm fetches the dependencies, too, which may take minutes.
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
/** From start to stop. */
const SERVE_MS = 180_000;
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

/** The archive in an empty folder: with --install by npm, else with the clone's dependencies, which is sooner done. */
function install(archive: string, application: string): void {
  mkdirSync(application);
  writeFileSync(join(application, 'package.json'), '{"private":true}');
  if (process.argv.includes('--install')) {
    run('npm', ['install', '--no-audit', '--no-fund', '--omit=optional', '--prefer-offline', archive], application);
    return;
  }
  const modules = join(application, 'node_modules');
  mkdirSync(join(modules, '.bin'), { recursive: true });
  run('tar', ['-xzf', archive, '-C', modules], application);
  renameSync(join(modules, 'package'), join(modules, 'junokv'));
  symlinkSync(join(root, 'node_modules'), join(modules, 'junokv', 'node_modules'));
  symlinkSync('../junokv/bin/junokv.mjs', join(modules, '.bin', 'junokv'));
}

/** `npx junokv start` in an empty folder with the archive: it has to serve, keep what it was told, and stop. */
async function checkStart(archive: string): Promise<void> {
  const application = join(place, 'operator');
  install(archive, application);
  const server = spawn(
    'npx',
    ['--no-install', 'junokv', 'start', '--port', '0', '--shards', '16', '--disk-reserve', '0'],
    {
      cwd: application,
      stdio: ['ignore', 'pipe', 'inherit'],
      // npx does not pass signals on: its process group gets them.
      detached: true,
    },
  );
  const exited = new Promise<number | null>((resolve) => server.on('exit', resolve));
  const timer = setTimeout(() => server.pid !== undefined && process.kill(-server.pid, 'SIGKILL'), SERVE_MS);
  try {
    let output = '';
    for await (const text of server.stdout.setEncoding('utf8')) {
      output += text;
      if (output.includes('stop ')) break;
    }
    const port = Number(/redis-cli -p (\d+)/.exec(output)?.[1] ?? 0);
    check(port > 0, `start does not say where it serves: ${output}`);
    const reply = await ask(port, '*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n', 12);
    check(reply === '+OK\r\n$1\r\nv\r\n', `start does not serve: ${reply}`);
    if (server.pid !== undefined) process.kill(-server.pid, 'SIGTERM');
    await exited;
    check(existsSync(join(application, 'data', 'cluster-map.json')), 'start leaves no data');
  } finally {
    clearTimeout(timer);
    if (server.exitCode === null && server.signalCode === null && server.pid !== undefined) {
      process.kill(-server.pid, 'SIGKILL');
    }
  }
}

function ask(port: number, request: string, replyBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let reply = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    socket.setEncoding('latin1').on('error', reject);
    socket.on('data', (text: string) => {
      reply += text;
      if (reply.length >= replyBytes) socket.destroy();
    });
    socket.on('close', () => resolve(reply));
  });
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
    check(
      !isOurs || !/\.test\.(js|ts|d\.ts)$|^(src|sim|data)\/|\/testing\//.test(file),
      `${file} should not be in the archive`,
    );
  }
  // The command line uses the client that is compiled with the server, not the package.
  const client = join(packed, 'dist/juno-ext/client/src/client.js');
  const load = `import(${JSON.stringify(client)}).then((m) => console.log(typeof m.connect))`;
  check(run(process.execPath, ['-e', load], packed).trim() === 'function', 'the client within the server');
  await checkStart(join(place, 'server', archive));
  console.log(`${archive} serves, ${checkClient()} runs`);
} finally {
  rmSync(place, { recursive: true, force: true });
}
