import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { limits } from '../../base/limits.ts';
import { silentLog } from '../../base/log.ts';
import { SystemRandom } from '../../base/system-random.ts';
import { ManualClock } from '../../base/testing/manual-clock.ts';
import { createClusterMap } from '../../cluster/cluster-map.ts';
import { answerOf } from '../../cluster/config-store-conformance.ts';
import { KeptUserStore } from '../../cluster/kept-user-store.ts';
import { MemoryUserCell } from '../../cluster/testing/memory-user-cell.ts';
import type { StoredUser } from '../../cluster/user-list.ts';
import { CellUserStore } from '../../cluster/user-store.ts';
import { AccessLevel } from '../../proxy/access.ts';
import { SessionRunner, TestProxy } from '../../proxy/testing/session-runner.ts';
import { configurationWith } from '../configuration.ts';
import { passwordHashText } from '../users-file.ts';
import { type OpenedUsers, openUsers } from './proxy-users.ts';

const MAP = createClusterMap({
  clusterId: 'c',
  shards: 1,
  zones: [{ name: 'z', nodes: [{ id: 1, host: 'h', port: 1 }] }],
});
let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'junokv-users-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function user(name: string, password: string, changes: Partial<StoredUser> = {}): StoredUser {
  return { name, passwordHash: passwordHashText(Buffer.from(password)), namespace: null, access: 'write', ...changes };
}

function kit() {
  const clock = new ManualClock();
  const cell = new MemoryUserCell();
  const inner = new CellUserStore({ cell, clock, random: new SystemRandom(), log: silentLog });
  const store = new KeptUserStore(inner, join(directory, 'kept'), silentLog);
  const polled = async (): Promise<void> => {
    clock.advance(limits.userPollMs);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { cell, store, polled };
}

function opened(result: OpenedUsers): OpenedUsers & { readonly ok: true } {
  return result.ok ? result : expect.fail(result.problem);
}

const problemOf = (result: OpenedUsers): string => (result.ok ? 'none' : result.problem);

describe('the users of a proxy', () => {
  it('are those of the config store, and change with it', async () => {
    const { store, polled } = kit();
    const change = async (list: readonly StoredUser[]): Promise<void> => {
      const { revision } = await answerOf(store.read());
      expect((await answerOf(store.compareAndSet(revision, list))).swapped).toBe(true);
    };
    await change([user('ann', 'one'), user('bob', 'two'), user('cat', 'three')]);
    const users = opened(await openUsers(configurationWith({}), MAP, store, silentLog));
    const proxy = new TestProxy({}, users.users);
    const watch = users.follow(proxy);
    onTestFinished(() => watch.stop());
    const sessions = ['ann', 'bob', 'cat', 'default'].map((name) => {
      const session = new SessionRunner(proxy);
      session.user = name;
      return session;
    });
    const rights = (name: string, password: string) => proxy.users.authenticate(name, Buffer.from(password))?.access;
    expect([rights('ann', 'one'), rights('dan', 'four')]).toEqual([AccessLevel.write, undefined]);
    const next = [user('ann', 'other'), user('bob', 'two', { access: 'read' }), user('dan', 'four')];
    await change(next);
    await polled();
    expect([rights('ann', 'one'), rights('ann', 'other')]).toEqual([undefined, AccessLevel.write]);
    expect([rights('bob', 'two'), rights('cat', 'three'), rights('dan', 'four')]).toEqual([
      AccessLevel.read,
      undefined,
      AccessLevel.write,
    ]);
    const left = (): string[] =>
      sessions.filter(({ id }) => proxy.clients.get(id) !== undefined).map((each) => each.user);
    expect(left()).toEqual(['ann', 'default']);
    expect(proxy.users.passwordNeeded).toBe(false);
    await change([...next, user('default', 'secret')]);
    await polled();
    expect(proxy.users.passwordNeeded).toBe(true);
    expect(left()).toEqual(['ann']);
    watch.stop();
    await change([]);
    await polled();
    expect(proxy.users.passwordNeeded).toBe(true);
  });

  it('are those that were kept while the store is away, and without these there is no start', async () => {
    const { cell, store } = kit();
    cell.isAway = true;
    expect(problemOf(await openUsers(configurationWith({}), MAP, store, silentLog))).toBe('away');
    cell.isAway = false;
    await answerOf(store.compareAndSet(0, [user('ann', 'one')]));
    cell.isAway = true;
    const users = opened(await openUsers(configurationWith({}), MAP, store, silentLog));
    expect(users.users.map(({ name }) => name)).toEqual(['ann']);
    // The store was lost: nobody becomes the open default user by that.
    cell.isAway = false;
    cell.text = null;
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (_fields: object, message: string) => void warnings.push(message) };
    const again = opened(await openUsers(configurationWith({ requirepass: 'x' }), MAP, store, log));
    expect([again.users.map(({ name }) => name), warnings]).toEqual([
      ['ann'],
      ['the config store has older users than were known here, or none; those known here are used'],
    ]);
  });

  it('come from a file or from the store, not from both', async () => {
    const { store } = kit();
    const file = join(directory, 'users.json');
    writeFileSync(file, JSON.stringify([user('ann', 'one')]));
    const config = configurationWith({ users: file });
    const fromFile = opened(await openUsers(config, MAP, store, silentLog));
    expect(fromFile.users).toHaveLength(1);
    await answerOf(store.compareAndSet(0, [user('bob', 'two')]));
    expect(problemOf(await openUsers(config, MAP, store, silentLog))).toBe(
      "--users names a file, but the list of users in memory holds users, too; leave --users out, or remove those with 'junokv users remove'",
    );
  });

  it('may define default only without --requirepass', async () => {
    const { store } = kit();
    await answerOf(store.compareAndSet(0, [user('default', 'x')]));
    const config = configurationWith({ requirepass: 'y' });
    expect(problemOf(await openUsers(config, MAP, store, silentLog))).toBe(
      "the list of users in memory defines user 'default', so --requirepass must not be given",
    );
  });
});
