import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Log } from '../base/log.ts';
import { createClusterMap } from '../cluster/cluster-map.ts';
import { AccessLevel } from '../proxy/access.ts';
import { runCommandLine } from './cli.ts';
import { configurationWith } from './configuration.ts';
import { FakeAssembly, FakeSystem } from './testing/fake-system.ts';
import { openUsers } from './users/proxy-users.ts';
import { passwordHashText, readUsersFile, type UsersResult } from './users-file.ts';

const HASH = passwordHashText(Buffer.from('secret'));
let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'junokv-users-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const path = (): string => join(directory, 'users.json');

function file(content: unknown): string {
  writeFileSync(path(), typeof content === 'string' ? content : JSON.stringify(content));
  return path();
}

const problem = (result: UsersResult): string => (result.ok ? 'none' : result.problem);

describe('the users file', () => {
  it('holds name, password hash, namespace and access', () => {
    const list = [
      { name: 'a', passwordHash: HASH, access: 'admin' },
      { name: 'b@x.org', passwordHash: HASH.toUpperCase().replace('SHA', 'sha'), namespace: 'orders', access: 'read' },
    ];
    const passwordHash = Buffer.from(HASH.slice(7), 'hex');
    expect(readUsersFile(file(list))).toEqual({
      ok: true,
      users: [
        { name: 'a', passwordHash, namespace: null, access: AccessLevel.admin },
        { name: 'b@x.org', passwordHash, namespace: 'orders', access: AccessLevel.read },
      ],
    });
    expect(readUsersFile(file([]))).toEqual({ ok: true, users: [] });
  });

  it('is refused with every problem named', () => {
    const good = { name: 'a', passwordHash: HASH, access: 'read' };
    const problems = problem(
      readUsersFile(
        file([
          { ...good, access: 'all', pasword: 'x' },
          { ...good, name: 'a b', passwordHash: 'secret' },
          { ...good, namespace: 'no such form' },
          { ...good, access: 'constructor', name: 'é\n' },
          good,
          good,
          'a',
        ]),
      ),
    );
    expect(problems.replaceAll(path(), 'F').split('\n')).toEqual([
      "user 1 in F: there is no field 'pasword'; there are name, passwordHash, namespace, access",
      'user 1 in F: access must be read, write or admin',
      'user 2 in F: name must be 1 to 128 characters without blanks',
      "user 2 in F: passwordHash must be 'sha256:' and 64 hex digits, as 'junokv hash-password' prints it",
      'user 3 in F: namespace must be the name of a namespace',
      'user 4 in F: name must be 1 to 128 characters without blanks',
      'user 4 in F: access must be read, write or admin',
      "user 6 in F: name 'a' stands there twice",
      'user 7 in F must be an object with name, passwordHash and access',
    ]);
    expect(problem(readUsersFile(file('{')))).toContain('cannot read');
    expect(problem(readUsersFile(file({})))).toContain('must hold a JSON list');
    expect(problem(readUsersFile(join(directory, 'none.json')))).toContain('ENOENT');
    expect(problem(readUsersFile(file(' '.repeat(5_000_000))))).toContain('has more than');
  });

  it('warns of a default user whom anybody can be, and of a namespace that is not there', async () => {
    const map = createClusterMap({
      clusterId: 'c',
      shards: 1,
      zones: [{ name: 'z', nodes: [{ id: 1, host: 'h', port: 1 }] }],
    });
    const warnings: string[] = [];
    const log: Log = { debug() {}, info() {}, error() {}, warn: (_fields, message) => warnings.push(message) };
    const user = { name: 'a', passwordHash: HASH, access: 'read', namespace: 'later' };
    const users = file([user]);
    expect((await openUsers(configurationWith({ users }), map, null, log)).ok).toBe(true);
    expect(warnings).toEqual([expect.stringContaining('without a password'), expect.stringContaining('not exist yet')]);
    expect(await openUsers(configurationWith({}), map, null, log)).toMatchObject({ ok: true, users: [] });
    expect(warnings).toHaveLength(2);
    file([{ ...user, name: 'default' }]);
    expect(problem(await openUsers(configurationWith({ users, requirepass: 'x' }), map, null, log))).toContain(
      "defines user 'default', so --requirepass must not be given",
    );
  });
});

describe('junokv hash-password', () => {
  it.each([
    ['secret', HASH],
    ['secret\n', HASH],
    ['secret\r\n', HASH],
    ['pässwörd \n', passwordHashText(Buffer.from('pässwörd '))],
  ])('%j', async (input, hash) => {
    const system = new FakeSystem();
    system.input = Buffer.from(input);
    expect(await runCommandLine(['hash-password'], system, new FakeAssembly())).toBe(0);
    expect(system.printed).toEqual([hash]);
    expect(system.holds).toBe(0);
  });

  it('refuses none, and too much', async () => {
    for (const [input, complaint] of [
      ['\n', 'there is no password on standard input'],
      ['x'.repeat(5_000), 'at most 4096 bytes'],
    ] as const) {
      const system = new FakeSystem();
      system.input = Buffer.from(input);
      expect(await runCommandLine(['hash-password'], system, new FakeAssembly())).toBe(1);
      expect(system.complaints).toEqual([expect.stringContaining(complaint)]);
    }
  });

  it('prints what sha256sum would', () => {
    expect(HASH).toBe('sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b');
  });
});
