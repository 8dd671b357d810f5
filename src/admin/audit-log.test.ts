import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditEntry } from '../base/audit.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { type AuditLog, appendAudit, openAuditLog } from './audit-log.ts';

let clock: ManualClock;
let folder = '';
let path = '';
let complaints: string[] = [];
const log: Log = {
  debug() {},
  info() {},
  warn() {},
  error: (_fields, message) => complaints.push(message),
};

beforeEach(() => {
  clock = new ManualClock(1_700_000_000_000);
  folder = mkdtempSync(join(tmpdir(), 'junokv-audit-'));
  path = join(folder, 'audit.log');
  complaints = [];
});
afterEach(() => {
  chmodSync(folder, 0o700);
  rmSync(folder, { recursive: true, force: true });
});

function entry(action: string): AuditEntry {
  return { user: 'ann', address: '10.1.2.3:4', action, arguments: ['timeout', '5'], outcome: 'done' };
}

function actions(file = path): string[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  expect(lines.pop()).toBe('');
  return lines.map((line) => JSON.parse(line).action);
}

async function opened(): Promise<AuditLog> {
  const result = await openAuditLog({ path, process: 'proxy', clock, log });
  if (!result.ok) throw new Error(result.problem);
  return result.audit;
}

describe('the audit log', () => {
  it('has a line for each entry, for its owner only, and keeps what is there', async () => {
    appendFileSync(path, '{"action":"before"}\n', { mode: 0o600 });
    const audit = await opened();
    await audit.note(entry('CONFIG SET'));
    await audit.note({ ...entry('FLUSHALL'), outcome: 'failed', detail: 'unavailable: no quorum' });
    expect(actions()).toEqual(['before', 'CONFIG SET', 'FLUSHALL']);
    expect(JSON.parse(readFileSync(path, 'utf8').split('\n')[2] ?? '')).toEqual({
      time: '2023-11-14T22:13:20.000Z',
      process: 'proxy',
      user: 'ann',
      address: '10.1.2.3:4',
      action: 'FLUSHALL',
      arguments: ['timeout', '5'],
      outcome: 'failed',
      detail: 'unavailable: no quorum',
    });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await audit.close();
  });

  it('keeps the order of what comes at once', async () => {
    const audit = await opened();
    const names = Array.from({ length: 200 }, (_, i) => `a${i}`);
    await Promise.all(names.map((name) => audit.note(entry(name))));
    expect(actions()).toEqual(names);
    await audit.close();
  });

  it('goes on in a new file after it was renamed', async () => {
    const audit = await opened();
    await audit.note(entry('one'));
    renameSync(path, `${path}.1`);
    await audit.note(entry('two'));
    audit.reopen();
    await audit.note(entry('three'));
    expect(actions(`${path}.1`)).toEqual(['one', 'two']);
    expect(actions()).toEqual(['three']);
    await audit.close();
  });

  it('keeps entries until the file can be written again', async () => {
    const audit = await opened();
    rmSync(path);
    mkdirSync(path);
    audit.reopen();
    const noted = audit.note(entry('waits'));
    for (let i = 0; i < 200 && complaints.length === 0; i++) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(complaints).toEqual(['the audit log cannot be written; its entries wait']);
    rmSync(path, { recursive: true });
    clock.advance(limits.auditRetryMs);
    await noted;
    expect(actions()).toEqual(['waits']);
    await audit.close();
  });

  it('says how many entries were lost', async () => {
    const audit = await opened();
    rmSync(path);
    mkdirSync(path);
    audit.reopen();
    for (let i = 0; i < limits.auditQueueEntries + 3; i++) void audit.note(entry('e'));
    for (let i = 0; i < 200 && !complaints.includes('the audit log cannot be written; its entries wait'); i++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    rmSync(path, { recursive: true });
    clock.advance(limits.auditRetryMs);
    for (let i = 0; i < 200 && !existsSync(path); i++) await new Promise((resolve) => setTimeout(resolve, 5));
    await audit.note(entry('last'));
    const all = actions();
    expect(all.filter((action) => action === 'lost entries')).toHaveLength(1);
    expect(all.filter((action) => action === 'e')).toHaveLength(limits.auditQueueEntries);
    expect(all.at(-1)).toBe('last');
    await audit.close();
  });

  it('that cannot be opened is a problem with its name', async () => {
    const result = await openAuditLog({ path: join(folder, 'none', 'audit.log'), process: 'proxy', clock, log });
    expect(result).toMatchObject({ ok: false, problem: expect.stringMatching(/^--audit-log: cannot open .*ENOENT/) });
  });

  it('takes single entries of commands', () => {
    expect(appendAudit(path, entry('one'), 'command line', 0)).toBeNull();
    expect(appendAudit(path, entry('two'), 'command line', 0)).toBeNull();
    expect(actions()).toEqual(['one', 'two']);
    expect(appendAudit(folder, entry('three'), 'command line', 0)).toContain('cannot write the audit log');
  });
});
