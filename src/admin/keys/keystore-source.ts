import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { limits } from '../../base/limits.ts';
import { decodeKeystore } from '../../crypto/keystore.ts';
import { type KeystoreResult, openKeystore } from '../../crypto/keystore-file.ts';
import { endProcessGroup } from '../system.ts';

/** Where a process has its keystore from, and looks for a newer one. */
export interface KeystoreSource {
  /** For messages: a path, or the option that names the command. */
  readonly name: string;
  /** How often to load it where its stamp does not tell. */
  readonly reloadEveryMs: number;
  /** Changes with the keystore; null: only loading it tells. */
  stamp(): string | null;
  load(): Promise<KeystoreResult>;
  /** At once, for what cannot wait; null where that is impossible. */
  loadNow(): KeystoreResult | null;
}

/** A keystore file. */
export function fileSource(path: string): KeystoreSource {
  return {
    name: path,
    reloadEveryMs: limits.keystoreCheckMs,
    stamp() {
      try {
        const { ino, size, mtimeNs, mode } = statSync(path, { bigint: true });
        return `${ino} ${size} ${mtimeNs} ${mode}`;
      } catch (error) {
        return error instanceof Error ? errorCode(error) : 'unknown';
      }
    },
    load: async () => openKeystore(path),
    loadNow: () => openKeystore(path),
  };
}

const NAME = '--keystore-command';

/**
 * A command line for the shell whose standard output is a keystore file: the way to a key management system. Neither what it
 * writes nor the command line itself, which may hold a token, gets into a message; its standard error is dropped, and what it
 * leaves running is ended.
 */
export function commandSource(commandLine: string): KeystoreSource {
  return {
    name: NAME,
    reloadEveryMs: limits.keystoreCommandEveryMs,
    stamp: () => null,
    load: () => runCommand(commandLine),
    loadNow: () => null,
  };
}

function runCommand(commandLine: string): Promise<KeystoreResult> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const child = spawn('/bin/sh', ['-c', commandLine], {
      stdio: ['ignore', 'pipe', 'ignore'],
      // A process group of its own: what the shell leaves running would hold its output open.
      detached: true,
      timeout: limits.keystoreCommandMs,
      killSignal: 'SIGKILL',
    });
    const finish = (result: KeystoreResult): void => {
      for (const chunk of chunks) chunk.fill(0);
      resolve(result);
    };
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > limits.keystoreFileBytes) child.kill('SIGKILL');
    });
    child.once('exit', () => {
      if (child.pid !== undefined) endProcessGroup(child.pid);
    });
    child.once('error', (error) => finish(failed(`cannot be run: ${errorCode(error)}`)));
    child.once('close', (code, signal) => {
      if (size > limits.keystoreFileBytes) finish(failed('writes too much for a keystore'));
      else if (signal !== null)
        finish(failed(`did not end within ${limits.keystoreCommandMs / 1_000} s, or was killed`));
      else if (code !== 0) finish(failed(`ended with status ${code}`));
      else finish(keystoreOf(chunks));
    });
  });
}

function keystoreOf(chunks: readonly Buffer[]): KeystoreResult {
  const bytes = Buffer.concat(chunks);
  const parsed = decodeKeystore(bytes);
  bytes.fill(0);
  if (parsed.ok) return parsed;
  return failed(`writes no keystore: ${parsed.problem}`);
}

function failed(what: string): KeystoreResult {
  return { ok: false, failure: { kind: 'command', detail: `The command of ${NAME} ${what}.` } };
}

function errorCode(error: Error): string {
  return 'code' in error ? String(error.code) : error.name;
}
