import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import type { Operation } from '../quorum/operation.ts';
import type { Reply } from '../resp/reply.ts';
import { CommandTable } from './command-table.ts';
import { allCommands } from './commands/all-commands.ts';
import { MultiPartCommand, PendingCommand } from './pending-command.ts';

const KEYS = 3 * limits.keysInFlight + 7;

function multiOf(count: number): { whole: MultiPartCommand; command: PendingCommand } {
  const entry = new CommandTable(allCommands).findFull('mget');
  if (entry === undefined || entry === null) throw new Error('MGET is a command');
  const command = new PendingCommand({ settled() {} }, entry, [], 0, new ManualClock().monotonicMs(), 2, false, true);
  const step = { access: 'read', needs: 'meta', run: () => ({ reply: 0, change: null }) } as const;
  const steps = Array.from({ length: count }, (_, i) => ({ key: Buffer.from(`k${i}`), step }));
  return { whole: new MultiPartCommand(command, { steps, combine: (replies) => [...replies] }, false), command };
}

describe('a command over very many keys', () => {
  it('has at most keysInFlight of them under way, in order, and answers in their order', () => {
    const { whole, command } = multiOf(KEYS);
    const waiting: Operation<Reply>[] = [];
    let most = 0;
    whole.start({ submit: (operation) => (most = Math.max(most, waiting.push(operation))) }, 0);
    let answered = 0;
    for (let operation = waiting.shift(); operation !== undefined; operation = waiting.shift()) {
      expect(operation.key.toString()).toBe(`k${answered}`);
      operation.done({ ok: true, reply: answered++ });
    }
    expect(answered).toBe(KEYS);
    expect(most).toBe(limits.keysInFlight);
    expect(command.reply).toEqual(Array.from({ length: KEYS }, (_, i) => i));
  });

  it('needs no stack for parts that are done at once', () => {
    const { whole, command } = multiOf(200_000);
    whole.start({ submit: (operation) => operation.done({ ok: true, reply: 1 }) }, 0);
    expect(command.reply).toHaveLength(200_000);
  });
});
