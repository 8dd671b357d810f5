import { assert } from '../base/assert.ts';
import { type AccessLevel, accessNeeded } from './access.ts';
import type { CommandRow } from './command.ts';

/** Their commands are about the connection, the proxy or the cluster. */
const GROUPS_APART: ReadonlySet<CommandRow['group']> = new Set(['connection', 'server', 'cluster']);

/** As in Redis. */
const ONLY_LOOKING: ReadonlySet<string> = new Set([
  ...['object|encoding', 'object|freq', 'object|idletime', 'object|refcount', 'type', 'exists'],
  ...['ttl', 'pttl', 'expiretime', 'pexpiretime', 'juno.inspect', 'juno.locate'],
]);

/** A row with what the serving path wants to know of it at once. */
export interface CommandEntry {
  readonly row: CommandRow;
  /** Dense over all rows, subcommands included: indexes per-command counters. */
  readonly index: number;
  /** Null for a row without subcommands. */
  readonly subcommands: NameIndex | null;
  readonly writes: boolean;
  readonly readOnly: boolean;
  /** May need more memory: refused where there is none left. */
  readonly grows: boolean;
  readonly fast: boolean;
  readonly allowedBeforeAuth: boolean;
  /** What the user must be allowed. */
  readonly access: AccessLevel;
  /** Works on the keys of a namespace: its rates and counters concern it. */
  readonly onNamespace: boolean;
  /** Counts as a use of its keys: see `key-use.ts`. */
  readonly usesKeys: boolean;
  readonly hiddenFromMonitor: boolean;
  readonly hiddenFromSlowLog: boolean;
}

/**
 * Command names to entries, looked up by the bytes of an argument in any letter case: open addressing over a hash of
 * the folded bytes, so that the data path makes no string per command.
 */
export class NameIndex {
  readonly #slots: (CommandEntry | undefined)[];
  readonly #names: string[] = [];
  readonly #mask: number;
  readonly #entries: readonly CommandEntry[];

  /** `names[i]` is the name of `entries[i]`: lower case, latin1, unique. */
  constructor(entries: readonly CommandEntry[], names: readonly string[]) {
    let size = 8;
    while (size < entries.length * 4) size *= 2;
    this.#mask = size - 1;
    this.#slots = new Array<CommandEntry | undefined>(size).fill(undefined);
    this.#names = new Array<string>(size).fill('');
    this.#entries = entries;
    entries.forEach((entry, i) => {
      const name = names[i];
      assert(name !== undefined && name.length > 0, 'a command has a name');
      this.#insert(name, entry);
    });
  }

  find(name: Uint8Array): CommandEntry | undefined {
    let slot = hashBytes(name) & this.#mask;
    for (;;) {
      const entry = this.#slots[slot];
      if (entry === undefined) return undefined;
      if (sameName(this.#names[slot] ?? '', name)) return entry;
      slot = (slot + 1) & this.#mask;
    }
  }

  [Symbol.iterator](): Iterator<CommandEntry> {
    return this.#entries[Symbol.iterator]();
  }

  #insert(name: string, entry: CommandEntry): void {
    const bytes = Buffer.from(name, 'latin1');
    assert(this.find(bytes) === undefined, `command name given twice: ${name}`);
    let slot = hashBytes(bytes) & this.#mask;
    while (this.#slots[slot] !== undefined) slot = (slot + 1) & this.#mask;
    this.#slots[slot] = entry;
    this.#names[slot] = name;
  }
}

/** All commands of a proxy. */
export class CommandTable {
  readonly #byName: NameIndex;
  /** Every entry, subcommands after their parent; `entries[i].index === i`. */
  readonly entries: readonly CommandEntry[];

  /** Names must be unique; a subcommand's is `parent|child`. */
  constructor(rows: Iterable<CommandRow>) {
    const all: CommandEntry[] = [];
    const top: CommandEntry[] = [];
    for (const row of rows) top.push(addEntry(row, all));
    this.entries = all;
    this.#byName = new NameIndex(
      top,
      top.map((entry) => entry.row.name),
    );
  }

  /** Commands without their subcommands: what COMMAND COUNT counts. */
  get size(): number {
    return [...this.#byName].length;
  }

  /** The top-level command of that name, in any letter case. */
  find(name: Uint8Array): CommandEntry | undefined {
    return this.#byName.find(name);
  }

  /** The entry of a full name as COMMAND INFO takes it, `get` or `client|kill`, in any letter case. */
  findFull(name: string): CommandEntry | undefined {
    const bar = name.indexOf('|');
    if (bar < 0) return this.find(Buffer.from(name, 'latin1'));
    const parent = this.find(Buffer.from(name.slice(0, bar), 'latin1'));
    return parent?.subcommands?.find(Buffer.from(name.slice(bar + 1), 'latin1'));
  }

  /** Top-level entries in the order given. */
  [Symbol.iterator](): Iterator<CommandEntry> {
    return this.#byName[Symbol.iterator]();
  }
}

function addEntry(row: CommandRow, all: CommandEntry[]): CommandEntry {
  assert(row.handler !== null || row.subcommands !== undefined, `command ${row.name} can be carried out`);
  const index = all.length;
  const flags = new Set(row.flags);
  const children: CommandEntry[] = [];
  const entry: CommandEntry = {
    row,
    index,
    subcommands: null,
    writes: flags.has('write'),
    readOnly: flags.has('readonly'),
    grows: flags.has('denyoom'),
    fast: flags.has('fast'),
    allowedBeforeAuth: flags.has('no_auth'),
    access: accessNeeded(row),
    onNamespace: (flags.has('write') || flags.has('readonly')) && !GROUPS_APART.has(row.group),
    usesKeys: row.keys !== null && !GROUPS_APART.has(row.group) && !ONLY_LOOKING.has(row.name),
    hiddenFromMonitor: flags.has('skip_monitor') || flags.has('admin'),
    hiddenFromSlowLog: flags.has('skip_slowlog'),
  };
  all.push(entry);
  if (row.subcommands === undefined) return entry;
  const prefix = `${row.name}|`;
  const names: string[] = [];
  for (const child of row.subcommands) {
    assert(child.name.startsWith(prefix), `subcommand ${child.name} is named ${prefix}...`);
    names.push(child.name.slice(prefix.length));
    children.push(addEntry(child, all));
  }
  const whole: CommandEntry = { ...entry, subcommands: new NameIndex(children, names) };
  all[index] = whole;
  return whole;
}

/** FNV-1a over the bytes, upper case folded to lower. */
function hashBytes(name: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ lowerCase(name[i] ?? 0), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}

function sameName(lower: string, name: Uint8Array): boolean {
  if (lower.length !== name.length) return false;
  for (let i = 0; i < name.length; i++) if (lower.charCodeAt(i) !== lowerCase(name[i] ?? 0)) return false;
  return true;
}

function lowerCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}
