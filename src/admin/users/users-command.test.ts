import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommandLine } from '../cli.ts';
import { FakeAssembly, FakeSystem } from '../testing/fake-system.ts';
import { passwordHashText } from '../users-file.ts';

let directory = '';
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'junokv-users-'));
  const keys = ['--secret', at('secret'), '--keystore', at('keystore.json')];
  expect(await runCommandLine(['cluster', 'init', ...map(), ...keys], new FakeSystem(), new FakeAssembly())).toBe(0);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const at = (name: string): string => join(directory, name);
const map = (): string[] => ['--map', at('map.json')];

async function users(words: readonly string[], input = '') {
  const system = new FakeSystem();
  system.input = Buffer.from(input);
  const code = await runCommandLine(['users', ...words, ...map()], system, new FakeAssembly());
  expect(system.holds).toBe(0);
  return { code, out: system.printed.join('\n'), err: system.complaints.join('\n') };
}

const stored = () => JSON.parse(readFileSync(at('map.json.users'), 'utf8')).users;
const hash = (password: string): string => passwordHashText(Buffer.from(password));

describe('junokv users', () => {
  it('adds, changes, lists and removes users of the config store', async () => {
    expect((await users(['list'])).out).toContain('there are no users in the file of users');
    expect(await users(['set', 'bob', '--access', 'write'], 'a password\n')).toMatchObject({
      code: 0,
      out: expect.stringContaining('Proxies take that up within'),
      err: '',
    });
    const ann = await users(['set', 'ann', '--access', 'read', '--namespace', 'later', '--password-hash', hash('x')]);
    expect(ann).toMatchObject({ code: 0, err: expect.stringContaining("there is no namespace 'later' yet") });
    expect(stored()).toEqual([
      { name: 'ann', passwordHash: hash('x'), namespace: 'later', access: 'read' },
      { name: 'bob', passwordHash: hash('a password'), namespace: null, access: 'write' },
    ]);
    expect((await users(['list'])).out).toMatch(/name\s+access\s+namespace\nann\s+read\s+later\nbob\s+write\s+any/);
    expect((await users(['set', 'ann', '--access', 'admin', '--namespace', ''])).code).toBe(0);
    expect((await users(['set', 'bob', '--password-hash', '-'], 'another')).code).toBe(0);
    expect(stored()).toEqual([
      { name: 'ann', passwordHash: hash('x'), namespace: null, access: 'admin' },
      { name: 'bob', passwordHash: hash('another'), namespace: null, access: 'write' },
    ]);
    expect((await users(['remove', 'bob'])).code).toBe(0);
    const open = await users(['set', 'default', '--access', 'admin', '--password-hash', hash('y')]);
    expect(open).toMatchObject({ code: 0, err: expect.stringContaining('proxies with --requirepass do not start') });
    expect((await users(['remove', 'default'])).code).toBe(0);
    expect(JSON.parse((await users(['list', '--json'])).out)).toEqual({
      ok: true,
      revision: expect.any(Number),
      users: [{ name: 'ann', access: 'admin', namespace: null }],
    });
  });

  it.each([
    [['set', 'a b', '--access', 'read'], 'x', "a user's name is 1 to 128 characters without blanks"],
    [['set', 'ann', '--access', 'read', '--namespace', 'no such form'], 'x', "a namespace's name is"],
    [['set', 'ann'], 'x', "user 'ann' is new: --access must be given"],
    [['set', 'ann', '--access', 'read'], '', 'there is no password on standard input'],
    [['set', 'ann', '--access', 'all'], 'x', '--access'],
    [['set', 'ann', '--access', 'read', '--password-hash', 'x'], '', '--password-hash'],
    [['remove', 'ann'], '', "there is no user 'ann' in the file of users"],
  ])('refuses %j', async (words, input, complaint) => {
    const refused = await users(words, input);
    expect(refused.code).not.toBe(0);
    expect(refused.err).toContain(complaint);
  });

  it('enters changes in the audit log, and no password', async () => {
    const log = ['--audit-log', at('audit')];
    await users(['set', 'ann', '--access', 'read', '--password-hash', hash('x'), ...log]);
    await users(['remove', 'ann', ...log]);
    const text = readFileSync(at('audit'), 'utf8');
    const entries = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(entries.map(({ action, outcome }) => [action, outcome])).toEqual([
      ['junokv users set', 'started'],
      ['junokv users set', 'done'],
      ['junokv users remove', 'started'],
      ['junokv users remove', 'done'],
    ]);
    expect(text).toContain('ann');
    expect(text).not.toContain(hash('x'));
  });
});
