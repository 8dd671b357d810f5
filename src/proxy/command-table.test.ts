import { describe, expect, it } from 'vitest';
import type { CommandRow } from './command.ts';
import { CommandTable } from './command-table.ts';
import { allCommands } from './commands/all-commands.ts';

function row(name: string, subcommands?: readonly CommandRow[]): CommandRow {
  return {
    name,
    group: 'server',
    summary: '',
    since: '1.0.0',
    complexity: '',
    arity: -1,
    flags: [],
    categories: [],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: () => 1 },
    ...(subcommands === undefined ? {} : { subcommands }),
  };
}

describe('CommandTable', () => {
  it('finds names in any letter case, by their bytes', () => {
    const table = new CommandTable([row('get'), row('juno.get'), row('getx')]);
    expect(table.find(Buffer.from('gEt'))?.row.name).toBe('get');
    expect(table.find(Buffer.from('JUNO.GET'))?.row.name).toBe('juno.get');
    for (const name of ['', 'ge', 'getxx', 'g\u0000t', 'GET ', 'x'.repeat(100_000)]) {
      expect(table.find(Buffer.from(name))).toBeUndefined();
    }
    expect(table.size).toBe(3);
  });

  it('finds subcommands below their parent only', () => {
    const table = new CommandTable([row('a', [row('a|x'), row('a|y')]), row('b')]);
    expect(table.find(Buffer.from('A'))?.subcommands?.find(Buffer.from('Y'))?.row.name).toBe('a|y');
    expect(table.findFull('A|X')?.row.name).toBe('a|x');
    expect(table.findFull('b|x')).toBeUndefined();
    expect(table.find(Buffer.from('a|x'))).toBeUndefined();
    expect(table.entries.map((entry) => entry.index)).toEqual([0, 1, 2, 3]);
    expect([...table].map((entry) => entry.row.name)).toEqual(['a', 'b']);
  });

  it('refuses rows that it could not tell apart', () => {
    expect(() => new CommandTable([row('a'), row('a')])).toThrow('twice');
    expect(() => new CommandTable([row('a', [row('b|x')])])).toThrow('is named');
  });

  it('holds every command of the proxy, each under its own name', () => {
    const table = new CommandTable(allCommands);
    for (const entry of table.entries) expect(table.findFull(entry.row.name.toUpperCase())).toBe(entry);
  });
});
