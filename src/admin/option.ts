/** Commands that take options. */
export type CommandName =
  | 'start'
  | 'storage'
  | 'proxy'
  | 'cluster init'
  | 'cluster move-to-etcd'
  | 'cluster plan'
  | 'cluster apply'
  | 'cluster status'
  | 'cluster cancel'
  | 'cluster mark-down'
  | 'cluster mark-up'
  | 'cluster trust-disks'
  | 'cluster verify'
  | 'top'
  | 'backup verify'
  | 'backup compare'
  | 'backup'
  | 'restore'
  | 'import'
  | 'export'
  | 'keys list'
  | 'keys rotate'
  | 'keys reencrypt'
  | 'keys retire'
  | 'namespace list'
  | 'namespace create'
  | 'limits get'
  | 'limits set'
  | 'users list'
  | 'users set'
  | 'users remove'
  | 'hash-password'
  | 'certs'
  | 'create'
  | 'get'
  | 'update'
  | 'set'
  | 'destroy'
  | 'locate'
  | 'inspect'
  | 'load';

export type ParsedValue<T> = { readonly ok: true; readonly value: T } | { readonly ok: false };

/** One row of the option table: everything that command line, environment, file, help and documentation need of it. */
export interface Option<T> {
  /** What it means, one sentence for --help and docs/configuration.md. */
  readonly summary: string;
  readonly commands: readonly CommandName[];
  readonly defaultValue: T;
  /** The default as documented, where it is not simply the value. */
  readonly defaultText?: string;
  /** What stands for the value in --help, such as `PORT`. */
  readonly placeholder: string;
  /** What is allowed, as error messages say it. */
  readonly allowed: string;
  /** Not to be shown in error messages. */
  readonly secret?: boolean;
  /** Of one call only, so that the environment and the file may not name it. */
  readonly lineOnly?: boolean;
  /** On the command line, where its key is another command's option of that name; such an option is `lineOnly`. */
  readonly name?: string;
  parse(text: string): ParsedValue<T>;
}

type Described<T> = Pick<Option<T>, 'summary' | 'commands' | 'defaultValue'> &
  Partial<Pick<Option<T>, 'defaultText' | 'placeholder' | 'allowed' | 'secret' | 'lineOnly' | 'name'>>;

export function integerOption(range: { min: number; max: number }, row: Described<number>): Option<number> {
  return {
    placeholder: 'N',
    allowed: `an integer from ${range.min} to ${range.max}`,
    ...row,
    parse(text) {
      const value = Number(text);
      return /^\d{1,10}$/.test(text) && value >= range.min && value <= range.max ? { ok: true, value } : { ok: false };
    },
  };
}

/** A whole number up to Number.MAX_SAFE_INTEGER, such as a time in Unix milliseconds. */
export function wholeNumberOption(min: number, row: Described<number>): Option<number> {
  return {
    placeholder: 'N',
    allowed: `a whole number, at least ${min}`,
    ...row,
    parse(text) {
      const value = Number(text);
      return /^\d{1,16}$/.test(text) && Number.isSafeInteger(value) && value >= min
        ? { ok: true, value }
        : { ok: false };
    },
  };
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A span of time, in milliseconds: `90` and `90s` are 90,000; the units are ms, s, m, h and d. */
export function durationOption(range: { minMs: number; maxMs: number }, row: Described<number>): Option<number> {
  return {
    placeholder: 'TIME',
    allowed: 'a whole number of seconds, or of another unit that follows it: ms, s, m, h or d (such as 90, 500ms, 7d)',
    ...row,
    parse(text) {
      const match = /^(\d{1,16})(ms|s|m|h|d)?$/i.exec(text);
      const value = Number(match?.[1]) * (UNIT_MS[match?.[2]?.toLowerCase() ?? 's'] ?? Number.NaN);
      return value >= range.minMs && value <= range.maxMs ? { ok: true, value } : { ok: false };
    },
  };
}

/** An integer out of a short list. */
export function numberChoiceOption<const T extends number>(choices: readonly T[], row: Described<T>): Option<T> {
  return {
    placeholder: choices.join('|'),
    allowed: listOf(choices.map(String)),
    ...row,
    parse(text) {
      const value = choices.find((choice) => String(choice) === text);
      return value === undefined ? { ok: false } : { ok: true, value };
    },
  };
}

export function choiceOption<const T extends string>(choices: readonly T[], row: Described<T>): Option<T> {
  return {
    placeholder: choices.join('|'),
    allowed: listOf(choices),
    ...row,
    parse(text) {
      const value = choices.find((choice) => choice === text.toLowerCase());
      return value === undefined ? { ok: false } : { ok: true, value };
    },
  };
}

/** yes or no; in a JSON file also true and false, on the command line also the bare option. */
export function yesNoOption(row: Described<boolean>): Option<boolean> {
  return {
    placeholder: 'yes|no',
    allowed: 'yes or no',
    ...row,
    parse(text) {
      const word = text.toLowerCase();
      if (word === 'yes' || word === 'true') return { ok: true, value: true };
      return word === 'no' || word === 'false' ? { ok: true, value: false } : { ok: false };
    },
  };
}

/** Any text without control characters; `mayBeEmpty` says whether '' is one. */
export function textOption(mayBeEmpty: boolean, row: Described<string>): Option<string> {
  return {
    placeholder: 'TEXT',
    allowed: mayBeEmpty ? 'a text without control characters' : 'a text that is not empty, without control characters',
    ...row,
    parse(text) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
      return /[\x00-\x1f\x7f]/.test(text) || (!mayBeEmpty && text === '') ? { ok: false } : { ok: true, value: text };
    },
  };
}

/** Texts separated by commas or blanks, each accepted by `accepts`. */
export function listOption(
  accepts: (item: string) => boolean,
  row: Described<readonly string[]>,
): Option<readonly string[]> {
  return {
    placeholder: 'LIST',
    allowed: 'a list',
    ...row,
    parse(text) {
      const items = text.split(/[,\s]+/).filter((item) => item !== '');
      return items.every(accepts) ? { ok: true, value: items } : { ok: false };
    },
  };
}

function listOf(choices: readonly string[]): string {
  return choices.length < 2 ? choices.join('') : `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
}
