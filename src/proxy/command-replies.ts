import { MapReply, type Reply, SetReply, SimpleString } from '../resp/reply.ts';
import type { ArgumentDoc, CommandFlag, CommandRow } from './command.ts';
import {
  commandDeprecations,
  commandHistory,
  commandTips,
  furtherKeySpecs,
  keyCountAt,
  keySpecNotes,
  systemCommands,
} from './command-metadata.ts';
import { keySpecFlags } from './key-spec-flags.ts';

/** The order in which Redis lists flags. */
const FLAG_ORDER: readonly CommandFlag[] = [
  'write',
  'readonly',
  'denyoom',
  'admin',
  'pubsub',
  'noscript',
  'blocking',
  'loading',
  'stale',
  'skip_monitor',
  'skip_slowlog',
  'asking',
  'fast',
  'no_auth',
  'may_replicate',
  'no_mandatory_keys',
  'no_async_loading',
  'no_multi',
  'movablekeys',
  'allow_busy',
];

/** One key specification: where its keys are and what is done to them. */
export interface KeySpec {
  readonly note: string | null;
  /** RO, RW, OW or RM, then access, update, insert, delete. */
  readonly flags: readonly string[];
  /** Index of the first key in the arguments, or of their number; where there is a keyword, of where that is sought from. */
  readonly index: number;
  /** The key stands after this word. */
  readonly keyword?: string;
  /** Only the command itself knows which keys: what they are called depends on what is kept, or on its grammar. */
  readonly isUnknown?: true;
  /** The argument at `index` is the number of keys, which follow it. */
  readonly isCounted: boolean;
  /** Distance from the first key to the last; negative: from the end. */
  readonly lastKey: number;
  readonly step: number;
}

/** The key specifications of a row: those of its key positions, and those of keys that only some forms of it have. */
export function keySpecsOf(row: CommandRow): readonly KeySpec[] {
  const further = furtherKeySpecs[row.name];
  if (further === undefined) return fixedKeySpecs(row);
  const more = further.map(({ note = null, flags, keyword, from = 0, isToEnd, countAt }): KeySpec => {
    if (countAt !== undefined) return { note, flags, index: countAt, isCounted: true, lastKey: 0, step: 1 };
    const place = { note, flags, index: from, isCounted: false, lastKey: isToEnd ? -1 : 0, step: 1 };
    return keyword === undefined ? { ...place, isUnknown: true } : { ...place, keyword };
  });
  return [...fixedKeySpecs(row), ...more];
}

/** One over the key positions, or one for each key where what is done to them differs. */
function fixedKeySpecs(row: CommandRow): readonly KeySpec[] {
  const { keys } = row;
  const byDefault = row.flags.includes('write') ? ['RW', 'access', 'update'] : ['RO', 'access'];
  const flags = keySpecFlags[row.name] ?? [byDefault];
  const countAt = keyCountAt[row.name];
  if (countAt !== undefined) {
    return [{ note: null, flags: flags[0] ?? byDefault, index: countAt, isCounted: true, lastKey: 0, step: 1 }];
  }
  if (keys === null) return [];
  const { first, last, step } = keys;
  const isCounted = false;
  const note = (i: number): string | null => keySpecNotes[row.name]?.[i] ?? null;
  if (flags.length === 1) {
    return [
      {
        note: note(0),
        flags: flags[0] ?? byDefault,
        index: first,
        isCounted,
        lastKey: last < 0 ? last : last - first,
        step,
      },
    ];
  }
  return flags.map((own, i) => {
    // The last of them may go on to the end.
    const lastKey = i === flags.length - 1 && last < 0 ? last : 0;
    return { note: note(i), flags: own, index: first + i * step, isCounted, lastKey, step };
  });
}

function simpleSet(words: readonly string[]): SetReply {
  return new SetReply(words.map((word) => new SimpleString(word)));
}

const UNKNOWN_PLACE = new MapReply([
  ['type', 'unknown'],
  ['spec', new MapReply([])],
]);

function keySpecReply(spec: KeySpec): Reply {
  const range: [Reply, Reply][] = spec.isCounted
    ? [
        ['keynumidx', 0],
        ['firstkey', 1],
        ['keystep', spec.step],
      ]
    : [
        ['lastkey', spec.lastKey],
        ['keystep', spec.step],
        ['limit', 0],
      ];
  const keyword: [Reply, Reply][] = [
    ['keyword', spec.keyword ?? ''],
    ['startfrom', spec.index],
  ];
  const begin: [Reply, Reply][] = [
    ['type', spec.keyword === undefined ? 'index' : 'keyword'],
    ['spec', new MapReply(spec.keyword === undefined ? [['index', spec.index]] : keyword)],
  ];
  const find: [Reply, Reply][] = [
    ['type', spec.isCounted ? 'keynum' : 'range'],
    ['spec', new MapReply(range)],
  ];
  const notes: [Reply, Reply][] = spec.note === null ? [] : [['notes', spec.note]];
  return new MapReply([
    ...notes,
    ['flags', simpleSet(spec.flags)],
    ['begin_search', spec.isUnknown ? UNKNOWN_PLACE : new MapReply(begin)],
    ['find_keys', spec.isUnknown ? UNKNOWN_PLACE : new MapReply(find)],
  ]);
}

/** One element of COMMAND and COMMAND INFO. https://redis.io/docs/latest/commands/command/ */
export function commandInfoReply(row: CommandRow): Reply {
  const { keys, subcommands } = row;
  return [
    row.name,
    row.arity,
    simpleSet(FLAG_ORDER.filter((flag) => row.flags.includes(flag))),
    keys?.first ?? 0,
    keys?.last ?? 0,
    keys?.step ?? 0,
    simpleSet(row.categories),
    new SetReply(commandTips[row.name] ?? []),
    new SetReply(keySpecsOf(row).map(keySpecReply)),
    subcommands === undefined ? new SetReply([]) : subcommands.map(commandInfoReply),
  ];
}

function argumentReply(argument: ArgumentDoc): Reply {
  const entries: [Reply, Reply][] = [
    ['name', argument.name],
    ['type', argument.type],
  ];
  if (argument.keySpecIndex !== undefined) entries.push(['key_spec_index', argument.keySpecIndex]);
  if (argument.token !== undefined) entries.push(['token', argument.token]);
  if (argument.since !== undefined) entries.push(['since', argument.since]);
  const flags: string[] = [];
  if (argument.optional) flags.push('optional');
  if (argument.multiple) flags.push('multiple');
  if (argument.multipleToken) flags.push('multiple_token');
  if (flags.length > 0) entries.push(['flags', simpleSet(flags)]);
  if (argument.arguments !== undefined) entries.push(['arguments', argument.arguments.map(argumentReply)]);
  return new MapReply(entries);
}

/** What COMMAND DOCS says of one command. https://redis.io/docs/latest/commands/command-docs/ */
export function commandDocsReply(row: CommandRow): Reply {
  const entries: [Reply, Reply][] = [
    ['summary', row.summary],
    ['since', row.since],
    ['group', row.group],
  ];
  if (row.complexity !== '') entries.push(['complexity', row.complexity]);
  const deprecation = commandDeprecations[row.name];
  if (deprecation !== undefined) {
    entries.push(['doc_flags', simpleSet(['deprecated'])], ['deprecated_since', deprecation.since]);
    entries.push(['replaced_by', deprecation.replacedBy]);
  }
  if (systemCommands.has(row.name)) entries.push(['doc_flags', simpleSet(['syscmd'])]);
  const history = commandHistory[row.name];
  if (history !== undefined) entries.push(['history', new SetReply(history)]);
  if (row.docArguments.length > 0) entries.push(['arguments', row.docArguments.map(argumentReply)]);
  if (row.subcommands !== undefined) {
    const children: [Reply, Reply][] = row.subcommands.map((child) => [child.name, commandDocsReply(child)]);
    entries.push(['subcommands', new MapReply(children)]);
  }
  return new MapReply(entries);
}
