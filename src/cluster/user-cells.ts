import { type FileHandle, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { type FileLock, tryLockFile } from '../base/file-lock.ts';
import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { StoreResult } from './config-store.ts';
import type { EtcdClient } from './etcd-client.ts';
import type { CellText, UserCell } from './user-store.ts';

const USERS_KEY = 'users';
const NEVER = '0';
const OWNER_ONLY = 0o600;

/** In etcd, under the cluster's prefix. */
export class EtcdUserCell implements UserCell {
  readonly place = 'the list of users in etcd';
  readonly #client: EtcdClient;

  constructor(client: EtcdClient) {
    this.#client = client;
  }

  async read(): Promise<StoreResult<CellText>> {
    const got = await this.#client.get(USERS_KEY);
    if (!got.ok) return got;
    return { ok: true, value: { text: got.value?.text ?? null, token: got.value?.modRevision ?? NEVER } };
  }

  async swap(before: CellText, text: string): Promise<StoreResult<boolean>> {
    const put = await this.#client.putIf([{ key: USERS_KEY, modRevision: before.token }], [{ key: USERS_KEY, text }]);
    return put.ok ? { ok: true, value: put.value.done } : put;
  }
}

/** A file beside the cluster map's, for its owner only; replaced whole, under a lock that the kernel drops when its holder dies. */
export class FileUserCell implements UserCell {
  readonly place: string;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(mapPath: string, clock: Clock, random: Random) {
    this.#path = `${mapPath}.users`;
    this.place = `the file of users ${this.#path}`;
    this.#clock = clock;
    this.#random = random;
  }

  async read(): Promise<StoreResult<CellText>> {
    try {
      const text = await readFile(this.#path, 'utf8');
      return { ok: true, value: { text, token: text } };
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
        return { ok: true, value: { text: null, token: '' } };
      return this.#problem(error);
    }
  }

  async swap(before: CellText, text: string): Promise<StoreResult<boolean>> {
    const lock = await this.#lock();
    if (!lock.ok) return lock;
    try {
      const now = await this.read();
      if (!now.ok) return now;
      if (now.value.token !== before.token) return { ok: true, value: false };
      await replaceFile(this.#path, text);
      return { ok: true, value: true };
    } catch (error) {
      return this.#problem(error);
    } finally {
      lock.value.release();
    }
  }

  async #lock(): Promise<StoreResult<FileLock>> {
    const deadlineMs = this.#clock.monotonicMs() + limits.configLockWaitMs;
    for (;;) {
      const result = tryLockFile(`${this.#path}.lock`);
      if (result.kind === 'held') return { ok: true, value: result.lock };
      if (result.kind === 'failed') return this.#problem(result.problem);
      if (this.#clock.monotonicMs() >= deadlineMs) return this.#problem('other processes keep it locked');
      await new Promise<void>((resolve) => {
        this.#clock.after(1 + this.#random.below(limits.configLockRetryMs), resolve);
      });
    }
  }

  #problem(reason: unknown): { readonly ok: false; readonly problem: string } {
    return { ok: false, problem: `${this.place}: ${reason instanceof Error ? reason.message : String(reason)}` };
  }
}

/** Writes beside `path`, fsyncs, renames over it and fsyncs the directory: a crash leaves the old text or the new. */
async function replaceFile(path: string, text: string): Promise<void> {
  const beside = `${path}.new`;
  await withFile(await open(beside, 'w', OWNER_ONLY), async (file) => {
    await file.chmod(OWNER_ONLY);
    await file.writeFile(text);
    await file.sync();
  });
  await rename(beside, path);
  await withFile(await open(dirname(path), 'r'), (directory) => directory.sync());
}

async function withFile(file: FileHandle, use: (file: FileHandle) => Promise<void>): Promise<void> {
  try {
    await use(file);
  } finally {
    await file.close();
  }
}
