import { beforeEach, describe, expect, it } from 'vitest';
import type { AuditEntry } from '../base/audit.ts';
import { limits } from '../base/limits.ts';
import { ErrorReply, OK, type Reply } from '../resp/reply.ts';
import { auditedLogins } from './audited-logins.ts';
import type { CommandRow } from './command.ts';
import { allCommands } from './commands/all-commands.ts';
import type { Session } from './session.ts';

const REFUSED = new ErrorReply('WRONGPASS invalid username-password pair or user is disabled.');

let nowMs = 0;
let entries: AuditEntry[] = [];
let rows: readonly CommandRow[] = [];
let answer: Reply = REFUSED;

const audit = {
  async note(entry: AuditEntry): Promise<void> {
    entries.push(entry);
  },
};
const session = {
  remoteAddress: '10.0.0.1:5',
  proxy: { clock: { monotonicMs: () => nowMs }, users: { has: (name: string) => ['default', 'ann'].includes(name) } },
} as unknown as Session;

beforeEach(() => {
  nowMs = 0;
  entries = [];
  answer = REFUSED;
  const logins = [...allCommands].filter(({ name }) => name === 'auth' || name === 'hello');
  rows = auditedLogins(
    logins.map((row) => ({ ...row, handler: { kind: 'session', run: () => answer } })),
    audit,
  );
});

function run(...words: string[]): Reply | undefined {
  const row = rows.find(({ name }) => name === words[0]?.toLowerCase());
  if (row?.handler?.kind !== 'session') throw new Error('no such command');
  return row.handler.run(
    session,
    words.map((word) => Buffer.from(word)),
  );
}

describe('refused passwords', () => {
  it('are entered, with the user if there is one of that name, and nothing else that was typed', () => {
    expect(run('AUTH', 'guess')).toBe(REFUSED);
    nowMs += 1_000;
    run('auth', 'ann', 'guess');
    nowMs += 1_000;
    run('HELLO', '3', 'AUTH', 'guess', 'guess');
    nowMs += 1_000;
    run('HELLO', '3', 'SETNAME', 'auth', 'AUTH', 'ann', 'guess');
    expect(entries).toEqual([
      entry('default', 'wrong password'),
      entry('ann', 'wrong password'),
      entry('', 'there is no such user'),
      entry('ann', 'wrong password'),
    ]);
  });

  it('are not what other answers are', () => {
    answer = OK;
    run('AUTH', 'right');
    answer = new ErrorReply('ERR syntax error');
    run('HELLO', '3', 'AUTH');
    expect(entries).toEqual([]);
  });

  it('are counted where they come too fast', () => {
    const tries = 1_000;
    for (let i = 0; i < tries; i++) run('AUTH', 'ann', `guess-${i}`);
    expect(entries).toHaveLength(limits.auditRefusedLoginsPerSecond);
    nowMs += 1_000;
    run('AUTH', 'ann', 'guess');
    const left = tries - limits.auditRefusedLoginsPerSecond;
    expect(entries.at(-1)?.detail).toBe(`wrong password; ${left} more before it were not entered one by one`);
    run('AUTH', 'ann', 'guess');
    expect(entries.at(-1)?.detail).toBe('wrong password');
  });
});

function entry(user: string, detail: string): AuditEntry {
  return { user, address: '10.0.0.1:5', action: 'AUTH', arguments: [], outcome: 'denied', detail };
}
