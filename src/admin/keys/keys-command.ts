import { limits } from '../../base/limits.ts';
import { activeVersionAt, type Keystore, keyRoleAt, keystoreFingerprint } from '../../crypto/keystore.ts';
import { addKeyVersion, type KeystoreResult, openKeystore, removeKeyVersion } from '../../crypto/keystore-file.ts';
import { BackupLink, pause } from '../backup/backup-link.ts';
import { BackupProblem } from '../backup/backup-problem.ts';
import { BackupProgress, durationText } from '../backup/backup-progress.ts';
import type { Command, CommandInput } from '../command-input.ts';
import { textTable } from '../data-verbs/text-table.ts';
import { EXIT_FAILED, EXIT_OK } from '../serve.ts';
import { type KeyUsePass, passOverKeyUse } from './key-use-pass.ts';
import { keystoreJson, keyTable, usesJson, usesTable } from './keys-text.ts';
import { keystorePath } from './keystore-path.ts';
import { askProxies, type ProxyKeys, sameActive } from './proxy-keys.ts';

const MIB = 1_048_576;

/** What a verb prints: for people, and as JSON. */
interface Told {
  readonly text: string;
  readonly json: object;
  /** Default true. */
  readonly isDone?: boolean;
}

function verb(run: (input: CommandInput, progress: BackupProgress) => Promise<Told>): Command {
  return async (input) => {
    const { config, system } = input;
    const hold = system.hold();
    const progress = new BackupProgress(system, 'keys');
    try {
      const { text, json, isDone = true } = await run(input, progress);
      progress.end();
      system.print(config.json ? JSON.stringify({ ok: isDone, ...json }) : text);
      return isDone ? EXIT_OK : EXIT_FAILED;
    } catch (error) {
      if (!(error instanceof BackupProblem)) throw error;
      progress.end();
      if (config.json) system.print(JSON.stringify({ ok: false, error: { message: error.message } }));
      else system.complain(`junokv: ${error.message}`);
      return EXIT_FAILED;
    } finally {
      hold.cancel();
    }
  };
}

/** `junokv keys list`: the versions in the keystore, and with --target what proxies have of them. */
export const keysListCommand: Command = verb(async ({ config, given, system }) => {
  const path = keystorePath(config);
  const keystore = need(openKeystore(path));
  const nowMs = system.clock.wallMs();
  const proxies = given.has('target') ? await askProxies(config, system.clock) : [];
  const lines = [`keystore ${path}, fingerprint ${keystoreFingerprint(keystore)}`, '', keyTable(keystore, nowMs)];
  if (proxies.length > 0) lines.push('', proxyTable(proxies));
  return { text: lines.join('\n'), json: { ...keystoreJson(path, keystore, nowMs), proxies } };
});

function proxyTable(proxies: readonly ProxyKeys[]): string {
  const rows = proxies.map(({ target, activeVersion, versions }) => [
    target,
    String(activeVersion),
    versions.slice(-8).join(', '),
  ]);
  return textTable([['proxy', 'seals with', 'has'], ...rows]);
}

/** `junokv keys rotate`: adds a version, which seals when every proxy has it. */
export const keysRotateCommand: Command = verb(async (input, progress) => {
  const { config, system } = input;
  const path = keystorePath(config);
  // Who is going to be asked for long should be there at the start.
  if (config.reencrypt) checkOurs(sameActive(await askProxies(config, system.clock)), need(openKeystore(path)), path);
  const nowMs = system.clock.wallMs();
  const keystore = need(addKeyVersion(path, system.random, nowMs, nowMs + config.activateAfter));
  const keyVersion = keystore.sealKeys.at(-1)?.keyVersion ?? 0;
  const from = new Date(nowMs + config.activateAfter).toISOString();
  const added =
    `version ${keyVersion} was added to ${path}; it seals from ${from} on (in ${durationText(config.activateAfter)}).\n` +
    'Make a new copy of the keystore now: what this version seals can only be read with it.';
  const json = { keystore: path, keyVersion, activeFromMs: nowMs + config.activateAfter };
  if (!config.reencrypt) return { text: added, json };
  system.complain(added);
  await waitUntilActive(input, keyVersion, progress);
  const done = await reencrypt(input, progress);
  return { ...done, json: { ...json, ...done.json } };
});

/** Until every proxy of --target seals with the version. */
async function waitUntilActive(input: CommandInput, keyVersion: number, progress: BackupProgress): Promise<void> {
  const { config, system } = input;
  const { clock } = system;
  const startMs = clock.monotonicMs();
  const endMs = startMs + config.activateAfter + limits.keyTakenUpMs;
  for (;;) {
    const proxies = await askProxies(config, clock);
    const behind = proxies.filter(({ activeVersion }) => activeVersion < keyVersion);
    if (behind.length === 0) return;
    const nowMs = clock.monotonicMs();
    if (nowMs >= endMs) {
      const names = behind.map(({ target }) => target).join(', ');
      throw new BackupProblem(
        `${names} did not take version ${keyVersion} up; see the log there. Then: junokv keys reencrypt`,
      );
    }
    progress.show(
      0,
      `version ${keyVersion} is to seal in ${durationText(Math.max(0, startMs + config.activateAfter - nowMs))}`,
    );
    await pause(clock, limits.keystoreCheckMs);
  }
}

/** `junokv keys reencrypt`: seals anew with the active version what older ones seal. May be interrupted, and called again. */
export const keysReencryptCommand: Command = verb(reencrypt);

async function reencrypt(input: CommandInput, progress: BackupProgress): Promise<Told> {
  const { config, system } = input;
  const { activeVersion, shards } = sameActive(await askProxies(config, system.clock));
  const link = new BackupLink(config, system.clock);
  try {
    const common = { link, clock: system.clock, shards, bytesPerSecond: config.reencryptRate * MIB };
    const done = await passOverKeyUse({ ...common, progress, reseal: true });
    const counting = new BackupProgress(system, 'count');
    const left = await passOverKeyUse({ ...common, progress: counting, reseal: false });
    counting.end();
    const isDone = done.failed === 0;
    const tail = leftText(left, activeVersion, done.failed);
    const text = `${done.resealed} records and pages were sealed anew\n\n${usesTable(left, activeVersion)}\n\n${tail}`;
    const json = { activeVersion, resealed: done.resealed, failed: done.failed, ...usesJson(left) };
    return { text, json, isDone };
  } finally {
    link.close();
  }
}

function leftText(left: KeyUsePass, activeVersion: number, failed: number): string {
  if (failed > 0) return `${failed} could not be sealed anew for now; call it again`;
  const old = [...left.uses.values()].filter(({ keyVersion }) => keyVersion !== activeVersion);
  if (old.length === 0) return `nothing uses an older version than ${activeVersion} any more`;
  return 'what older versions still seal are tombstones and what was flushed: it goes by itself, some minutes after';
}

/** `junokv keys retire VERSION`: takes an old version out, if nothing uses it. */
export const keysRetireCommand: Command = verb(async (input, progress) => {
  const { config, system, words } = input;
  const keyVersion = Number(words[0]);
  if (!Number.isSafeInteger(keyVersion) || keyVersion < 1) throw new BackupProblem(`'${words[0]}' is no key version`);
  const path = keystorePath(config);
  const nowMs = system.clock.wallMs();
  const keystore = need(openKeystore(path));
  checkRetirable(keystore, keyVersion, nowMs, path);
  const proxies = await askProxies(config, system.clock);
  const first = sameActive(proxies);
  checkOurs(first, keystore, path);
  const active = activeVersionAt(keystore, nowMs);
  if (first.activeVersion !== active) {
    throw new BackupProblem(`${first.target} seals with version ${first.activeVersion}, not yet with ${active}`);
  }
  if (first.moves > 0) {
    throw new BackupProblem(`${first.moves} shards move; what uses a version can be told when they have come to rest`);
  }
  const left = await countAll(input, first.shards, progress);
  const use = left.uses.get(keyVersion);
  if (use !== undefined) throw new BackupProblem(inUseText(use.keyVersion, use.records, use.pages));
  if (left.unreadable > 0) {
    throw new BackupProblem(
      `${left.unreadable} records are damaged, so that nobody can tell what seals them; run: junokv cluster verify`,
    );
  }
  need(removeKeyVersion(path, system.random, keyVersion, system.clock.wallMs()));
  const text =
    `version ${keyVersion} was taken out of ${path}: nothing in the cluster uses it.\n` +
    'Backups from before may: keep the keystore of their time with them.';
  return { text, json: { keystore: path, keyVersion, ...usesJson(left) } };
});

function checkRetirable(keystore: Keystore, keyVersion: number, nowMs: number, path: string): void {
  if (!keystore.sealKeys.some((key) => key.keyVersion === keyVersion)) {
    throw new BackupProblem(`the keystore ${path} has no version ${keyVersion}`);
  }
  const role = keyRoleAt(keystore, keyVersion, nowMs);
  if (role !== 'old') {
    throw new BackupProblem(
      `version ${keyVersion} ${role === 'active' ? 'seals' : 'will seal'}; only an old one can be retired`,
    );
  }
  const active = keystore.sealKeys.find((key) => key.keyVersion === activeVersionAt(keystore, nowMs));
  const sinceMs = nowMs - (active?.activeFromMs ?? active?.createdAtMs ?? 0);
  if (sinceMs < limits.keyRetireAfterMs) {
    const waitMs = limits.keyRetireAfterMs - sinceMs;
    throw new BackupProblem(
      `version ${active?.keyVersion} seals only since ${durationText(sinceMs)}; try again in ${durationText(waitMs)}`,
    );
  }
}

function checkOurs(proxy: ProxyKeys, keystore: Keystore, path: string): void {
  const ours = keystoreFingerprint(keystore);
  if (ours === proxy.fingerprint) return;
  throw new BackupProblem(
    `${path} is not the keystore of ${proxy.target}: its fingerprint is ${ours}, that of the proxy's ${proxy.fingerprint}`,
  );
}

async function countAll(
  { config, system }: CommandInput,
  shards: number,
  progress: BackupProgress,
): Promise<KeyUsePass> {
  const link = new BackupLink(config, system.clock);
  try {
    return await passOverKeyUse({ link, clock: system.clock, progress, shards, reseal: false, bytesPerSecond: 0 });
  } finally {
    link.close();
  }
}

function inUseText(keyVersion: number, records: number, pages: number): string {
  return (
    `version ${keyVersion} is in use: it seals ${records} records and ${pages} pages on all nodes together. ` +
    'Run junokv keys reencrypt; tombstones go by themselves some minutes after'
  );
}

function need(result: KeystoreResult): Keystore {
  if (result.ok) return result.keystore;
  throw new BackupProblem(result.failure.detail);
}
