import type { ParsedValue } from '../option.ts';

export type CommandSet = 'redis' | 'juno';

/** How a request of one kind looks: command, keys, values, and the words at its end. */
export interface Operation {
  readonly name: string;
  readonly command: string;
  /** `counter`: a key of its own kind, as INCR wants numbers. */
  readonly key: 'data' | 'counter' | 'none';
  /** As many keys as --multi-keys says. */
  readonly many: boolean;
  readonly hasValue: boolean;
  /** Words after key and value; `ttlMs` is 0 for none. */
  readonly tail: (ttlMs: number) => readonly string[];
  readonly takesRequestId: boolean;
}

export interface MixShare {
  readonly operation: string;
  readonly weight: number;
}

/** What `expire` sets where --expire does not say. */
const EXPIRE_DEFAULT_MS = 3_600_000;
const none = (): readonly string[] => [];
/** Whole seconds where it is that, since this is what most clients send. */
const ttlWords =
  (secondsWord: string, millisecondsWord: string) =>
  (ttlMs: number): readonly string[] => {
    if (ttlMs === 0) return [];
    return ttlMs % 1_000 === 0 ? [secondsWord, String(ttlMs / 1_000)] : [millisecondsWord, String(ttlMs)];
  };
const setTtl = ttlWords('EX', 'PX');
const junoTtl = ttlWords('TTL', 'PTTL');

type Row = Pick<Operation, 'name'> & Partial<Omit<Operation, 'name'>>;

function row(command: string, given: Row): Operation {
  return { command, key: 'data', many: false, hasValue: false, tail: none, takesRequestId: false, ...given };
}

const REDIS: readonly Operation[] = [
  row('GET', { name: 'get' }),
  row('SET', { name: 'set', hasValue: true, tail: setTtl }),
  row('INCR', { name: 'incr', key: 'counter' }),
  row('DECR', { name: 'decr', key: 'counter' }),
  row('DEL', { name: 'del' }),
  row('MGET', { name: 'mget', many: true }),
  row('MSET', { name: 'mset', many: true, hasValue: true }),
  row('EXISTS', { name: 'exists' }),
  row('PEXPIRE', { name: 'expire', tail: (ttlMs) => [String(ttlMs === 0 ? EXPIRE_DEFAULT_MS : ttlMs)] }),
  row('TTL', { name: 'ttl' }),
  row('PING', { name: 'ping', key: 'none' }),
];

const JUNO: readonly Operation[] = [
  row('JUNO.CREATE', { name: 'create', hasValue: true, tail: junoTtl, takesRequestId: true }),
  row('JUNO.GET', { name: 'get' }),
  row('JUNO.UPDATE', { name: 'update', hasValue: true, tail: junoTtl, takesRequestId: true }),
  row('JUNO.SET', { name: 'set', hasValue: true, tail: junoTtl, takesRequestId: true }),
  row('JUNO.DESTROY', { name: 'destroy', takesRequestId: true }),
];

export function operationsOf(commands: CommandSet): readonly Operation[] {
  return commands === 'redis' ? REDIS : JUNO;
}

const ITEM = /^([a-z]+)(?::(\d{1,6}(?:\.\d{1,6})?))?$/;

/** `get:90,set:10`: operations and their weights. Whether the command set has them is checked by `chooseOperations`. */
export function parseMix(text: string): ParsedValue<readonly MixShare[]> {
  const shares: MixShare[] = [];
  for (const item of text.split(',')) {
    const match = ITEM.exec(item.trim().toLowerCase());
    const operation = match?.[1];
    const weight = match?.[2] === undefined ? 1 : Number(match[2]);
    if (operation === undefined || weight <= 0 || shares.some((share) => share.operation === operation)) {
      return { ok: false };
    }
    shares.push({ operation, weight });
  }
  return { ok: true, value: shares };
}

/** The operations of a mix, in its order; a text says which one the command set does not have. */
export function chooseOperations(commands: CommandSet, mix: readonly MixShare[]): readonly Operation[] | string {
  const known = operationsOf(commands);
  const chosen: Operation[] = [];
  for (const share of mix) {
    const operation = known.find(({ name }) => name === share.operation);
    if (operation === undefined) {
      const names = known.map(({ name }) => name).join(', ');
      return `--mix: '${share.operation}' is not an operation of --commands ${commands}; they are ${names}`;
    }
    chosen.push(operation);
  }
  return chosen;
}
