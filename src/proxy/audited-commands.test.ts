import { describe, expect, it } from 'vitest';
import type { AuditEntry } from '../base/audit.ts';
import { limits } from '../base/limits.ts';
import { ErrorReply, OK, type Reply } from '../resp/reply.ts';
import { auditedCommands } from './audited-commands.ts';
import { ClusterFailure } from './cluster-port.ts';
import type { CommandRow } from './command.ts';
import { allCommands } from './commands/all-commands.ts';
import type { Session } from './session.ts';

const entries: AuditEntry[] = [];
const audit = {
  async note(entry: AuditEntry): Promise<void> {
    entries.push(entry);
  },
};
const session = { user: 'ann', remoteAddress: '10.0.0.1:5' } as Session;

function only(row: Partial<CommandRow>): CommandRow {
  const base = [...allCommands].find(({ name }) => name === 'flushall');
  if (base === undefined) throw new Error('no such command');
  const [audited] = auditedCommands([{ ...base, ...row }], audit);
  if (audited === undefined) throw new Error('no row');
  entries.length = 0;
  return audited;
}

async function run({ handler }: CommandRow, ...words: string[]): Promise<Reply | undefined> {
  const args = words.map((word) => Buffer.from(word));
  if (handler?.kind !== 'session' && handler?.kind !== 'waiting') throw new Error('another kind');
  return handler.run(session, args);
}

describe('commands that are audited', () => {
  it('are all there, and no others', () => {
    const rows = auditedCommands([...allCommands], audit).flatMap((row) => [row, ...(row.subcommands ?? [])]);
    const audited = rows.filter(({ onDenied }) => onDenied !== undefined).map(({ name }) => name);
    expect(audited).toEqual(expect.arrayContaining(['config|set', 'flushall', 'flushdb', 'monitor']));
    expect(audited).not.toContain('get');
  });

  it('tell what was answered', async () => {
    const fine = only({ name: 'config|set', handler: { kind: 'session', run: () => OK } });
    expect(await run(fine, 'CONFIG', 'SET', 'requirepass', 'hidden')).toBe(OK);
    expect(entries).toEqual([
      {
        user: 'ann',
        address: '10.0.0.1:5',
        action: 'CONFIG SET',
        arguments: ['requirepass', '(redacted)'],
        outcome: 'done',
      },
    ]);
    const refused = only({ handler: { kind: 'waiting', run: async () => new ErrorReply('ERR no') } });
    await run(refused, 'FLUSHALL', 'sync');
    expect(entries).toMatchObject([{ arguments: ['sync'], outcome: 'failed', detail: 'ERR no' }]);
  });

  it('tell why the cluster did not do them', async () => {
    const failing = only({
      handler: {
        kind: 'waiting',
        run: async () => {
          throw new ClusterFailure({ kind: 'unavailable', detail: 'no quorum' });
        },
      },
    });
    await expect(run(failing, 'FLUSHALL')).rejects.toThrow('no quorum');
    expect(entries).toMatchObject([{ outcome: 'failed', detail: 'unavailable: no quorum' }]);
  });

  it('tell who was not allowed to', () => {
    only({}).onDenied?.(session, [Buffer.from('FLUSHALL')]);
    expect(entries).toMatchObject([{ action: 'FLUSHALL', user: 'ann', outcome: 'denied' }]);
  });

  it('are cut where they are long', async () => {
    const row = only({ handler: { kind: 'waiting', run: async () => OK } });
    await run(row, 'FLUSHALL', 'x'.repeat(10_000), ...Array.from({ length: 100 }, () => 'y'));
    const shown = entries[0]?.arguments ?? [];
    expect(shown[0]).toHaveLength(limits.auditArgumentBytes + 3);
    expect(shown).toHaveLength(limits.auditArguments + 1);
    expect(shown.at(-1)).toBe('... 69 more');
  });
});
