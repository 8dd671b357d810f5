// Installs what npm cannot bring, from Debian's packages, when this is root on Debian; otherwise says what is missing.
// Runs before `npm start` (argument start), `npm test` (argument test) and `npm run test:clients` (argument clients), and
// when `npm run bench` starts (argument test or bench). Plain JavaScript for Node 18 and newer.
// Never fails: what stays missing is reported by the self-test at start, or skipped and counted by the tests.
import { spawnSync } from 'node:child_process';
import { accessSync, chmodSync, constants, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const LOCK_TIMEOUT_S = 180;
const UPDATE_TRIES = 3;

/** What each purpose needs: how it is found, the packages that bring it, what goes without it. */
const NEEDS = {
  libatomic: {
    package: 'libatomic1',
    purposes: ['start', 'test', 'bench', 'crash', 'clients'],
    isThere: hasLibatomic,
    without: 'RocksDB cannot be loaded; only --engine memory works, and tests of the disk are skipped',
  },
  'redis-server': {
    package: 'redis-server',
    service: 'redis-server',
    purposes: ['test', 'bench', 'crash', 'clients'],
    isThere: () => onPath('redis-server'),
    without: 'tests that compare with a real Redis are skipped',
  },
  'redis-cli': {
    package: 'redis-tools',
    purposes: ['test', 'bench'],
    isThere: () => onPath('redis-cli'),
    without: 'tests that run redis-cli are skipped',
  },
  promtool: {
    package: 'prometheus',
    service: 'prometheus',
    purposes: ['test'],
    isThere: () => onPath('promtool'),
    without: "tests that have Prometheus's own tool check alert rules and metrics are skipped",
  },
  haproxy: {
    package: 'haproxy',
    service: 'haproxy',
    purposes: ['crash'],
    isThere: () => onPath('haproxy'),
    without: 'the restarts and upgrades behind HAProxy, and the production test, are left out',
  },
  etcd: {
    package: 'etcd-server',
    service: 'etcd',
    purposes: ['test', 'bench', 'crash'],
    isThere: () => onPath('etcd'),
    without: 'tests of the config store in etcd are skipped, and the benchmark leaves etcd out',
  },
  'redis-py': {
    package: 'python3-redis',
    purposes: ['clients'],
    isThere: () => endsWell('/usr/bin/python3', ['-c', 'import redis']),
    without: "the tests of Python's client of Redis are skipped",
  },
  'redis-rb': {
    package: 'ruby-redis',
    purposes: ['clients'],
    isThere: () => endsWell('/usr/bin/ruby', ['-e', 'require "redis"']),
    without: "the tests of Ruby's client of Redis are skipped",
  },
  phpredis: {
    package: 'php-cli php-redis',
    purposes: ['clients'],
    isThere: () => endsWell('/usr/bin/php', ['-r', 'exit(extension_loaded("redis") ? 0 : 1);']),
    without: "the tests of PHP's client of Redis are skipped",
  },
  hiredis: {
    package: 'gcc libc6-dev libhiredis-dev',
    purposes: ['clients'],
    isThere: () => onPath('cc') && existsSync('/usr/include/hiredis/hiredis.h'),
    without: "the tests of C's client of Redis are skipped",
  },
};

/** Names of the needs of a purpose that this machine lacks. */
export function missingNeeds(purpose) {
  return Object.keys(NEEDS).filter((name) => NEEDS[name].purposes.includes(purpose) && !NEEDS[name].isThere());
}

function onPath(program) {
  return (process.env.PATH ?? '').split(':').some((directory) => {
    try {
      accessSync(join(directory || '.', program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function endsWell(program, args) {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

function hasLibatomic() {
  if (process.platform !== 'linux') return true;
  const places = ['/lib', '/usr/lib', '/lib64', '/usr/lib64', '/usr/local/lib'];
  for (const triple of ['x86_64-linux-gnu', 'aarch64-linux-gnu']) places.push(`/lib/${triple}`, `/usr/lib/${triple}`);
  if (places.some((place) => existsSync(join(place, 'libatomic.so.1')))) return true;
  const cache = spawnSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' });
  return cache.status === 0 && cache.stdout.includes('libatomic.so.1');
}

function say(text) {
  console.error(`junokv: ${text}`);
}

function run(program, args) {
  const result = spawnSync(program, args, {
    // What apt says goes to standard error: standard output belongs to the command that follows.
    stdio: ['ignore', 2, 2],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_MODE: 'l' },
  });
  return result.status === 0;
}

const POLICY_FILE = '/usr/sbin/policy-rc.d';
const POLICY_SAVED = `${POLICY_FILE}.before-junokv`;
const POLICY_MARK = '# written by junokv while it installs packages';

/** Debian starts a service as soon as it is installed, unless this file says no (101). Returns what undoes it. */
function forbidServices() {
  const isOurs = existsSync(POLICY_FILE) && readFileSync(POLICY_FILE, 'utf8').includes(POLICY_MARK);
  // Ours may be left from a run that was killed; then what stood there before is still saved.
  if (existsSync(POLICY_FILE) && !isOurs) renameSync(POLICY_FILE, POLICY_SAVED);
  writeFileSync(POLICY_FILE, `#!/bin/sh\n${POLICY_MARK}\nexit 101\n`);
  chmodSync(POLICY_FILE, 0o755);
  return () => {
    if (existsSync(POLICY_SAVED)) renameSync(POLICY_SAVED, POLICY_FILE);
    else rmSync(POLICY_FILE, { force: true });
  };
}

/** A service would take its port at the next boot. Only for what this script installed. */
function disableService(service) {
  const quiet = { stdio: 'ignore' };
  if (onPath('systemctl')) spawnSync('systemctl', ['disable', `${service}.service`], quiet);
  else if (existsSync('/usr/sbin/update-rc.d')) spawnSync('/usr/sbin/update-rc.d', [service, 'disable'], quiet);
}

function install(packages) {
  const lock = ['-o', `DPkg::Lock::Timeout=${LOCK_TIMEOUT_S}`, '-o', 'Acquire::Retries=3'];
  // The lists have a lock of their own, for which apt-get does not wait.
  for (let tries = 1; !run('apt-get', [...lock, '-q', 'update']); tries++) {
    if (tries === UPDATE_TRIES) {
      say('apt-get update failed; trying with the lists that are here');
      break;
    }
    spawnSync('sleep', ['5']);
  }
  return run('apt-get', [...lock, '-q', '-y', '--no-install-recommends', 'install', ...packages]);
}

function whyNotInstalled() {
  if (process.platform !== 'linux' || !onPath('apt-get')) return 'this is not a Debian system';
  return process.getuid?.() === 0 ? null : 'only root can install packages';
}

function ensure(purpose) {
  const missing = missingNeeds(purpose);
  if (missing.length === 0) return;
  const packages = missing.flatMap((name) => NEEDS[name].package.split(' '));
  const obstacle = whyNotInstalled();
  if (obstacle === null) {
    say(`installing ${packages.join(', ')} from Debian's packages`);
    // A signal ends apt-get, not this process: services must be allowed again in any case.
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    const ignore = () => {};
    for (const signal of signals) process.on(signal, ignore);
    const allowServices = forbidServices();
    try {
      install(packages);
      for (const name of missing) if (NEEDS[name].service !== undefined) disableService(NEEDS[name].service);
    } finally {
      allowServices();
      for (const signal of signals) process.off(signal, ignore);
    }
  }
  const still = missingNeeds(purpose);
  if (still.length === 0) return;
  say(`missing on this machine (${obstacle ?? 'the installation failed'}):`);
  for (const name of still) say(`  ${name}: ${NEEDS[name].without}`);
  say(`On Debian or Ubuntu: sudo apt-get install ${still.map((name) => NEEDS[name].package).join(' ')}`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const purpose = process.argv[2];
  if (!['start', 'test', 'bench', 'crash', 'clients'].includes(purpose)) {
    say('usage: ensure-system.mjs start|test|bench|crash|clients');
    process.exit(2);
  }
  try {
    ensure(purpose);
  } catch (error) {
    say(`could not look after system packages: ${error instanceof Error ? error.message : error}`);
  }
}
