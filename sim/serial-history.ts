import type { HistoryOp, KeyOp, SimReply } from './checker.ts';
import { checkSerial, type SerialAccess, type SerialProblems, type SerialTxn } from './serial-checker.ts';

/** Whether the operations on all keys, those of transactions together, can have happened in one serial order. */
export function checkTransactions(history: readonly HistoryOp[]): SerialProblems {
  const vanishing = new Set<string>();
  const anonymous = new Set<string>();
  for (const { key, op } of history) {
    if (op.kind === 'setpxat' || op.kind === 'juno') vanishing.add(key);
    if (op.kind === 'incr' || op.kind === 'juno') anonymous.add(key);
  }
  return checkSerial(serialTxns(history), { vanishing, anonymous });
}

/** One for each transaction; of those that overlap a flush (protocol §8) one for each key. */
function serialTxns(history: readonly HistoryOp[]): SerialTxn[] {
  const flushes = history.filter(({ op }) => op.kind === 'flush');
  const groups = new Map<number, HistoryOp[]>();
  for (const entry of history) {
    const isSplit = entry.txn !== undefined && flushes.some((flush) => overlap(flush, entry));
    const name = isSplit || entry.txn === undefined ? entry.id : entry.txn;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [entry]);
    else group.push(entry);
  }
  return [...groups.values()].map(serialTxn);
}

function serialTxn(entries: readonly HistoryOp[]): SerialTxn {
  const [first] = entries;
  const outcome = first?.outcome.kind ?? 'none';
  return {
    id: first?.txn ?? first?.id ?? 0,
    invokedUs: first?.invokedUs ?? 0,
    returnedUs: outcome === 'reply' ? (first?.returnedUs ?? 0) : Number.POSITIVE_INFINITY,
    outcome: outcome === 'reply' ? 'done' : outcome === 'unknown' ? 'unknown' : 'refused',
    accesses: entries.map((entry) => ({ key: entry.key, ...accessOf(entry) })),
  };
}

function overlap(a: HistoryOp, b: HistoryOp): boolean {
  const endOf = ({ outcome, returnedUs }: HistoryOp): number =>
    outcome.kind === 'unknown' ? Number.POSITIVE_INFINITY : returnedUs;
  return a.invokedUs <= endOf(b) && b.invokedUs <= endOf(a);
}

type Access = Omit<SerialAccess, 'key'>;
const NOTHING: Access = { found: null };

/** A value as it shows who made it: `1000,2000` was set (or appended to nothing) and then appended to; of an account the last payment. */
export function marksOf(value: string): string[] {
  return value
    .slice(value.indexOf('|') + 1)
    .split(',')
    .filter((mark) => mark !== '');
}

function accessOf({ op, outcome }: HistoryOp): Access {
  if (outcome.kind === 'reply') return answered(op, outcome.reply);
  if (op.kind === 'del' || op.kind === 'getdel' || op.kind === 'flush') return { found: null, left: null };
  return 'value' in op && op.kind !== 'juno' ? { found: null, left: markOf(op.value) } : NOTHING;
}

function markOf(value: string): string {
  return marksOf(value).at(-1) ?? '';
}

function foundOf(reply: SimReply): string[] {
  return reply === null ? [] : marksOf(String(reply));
}

function answered(op: KeyOp, reply: SimReply): Access {
  switch (op.kind) {
    case 'get':
      return { found: foundOf(reply) };
    case 'set':
    case 'setpxat':
    case 'append':
      return { found: null, left: markOf(op.value) };
    case 'getset':
    case 'getappend':
    case 'pay':
      return { found: foundOf(reply), left: markOf(op.value) };
    case 'setnx':
      return reply === 1 ? { found: [], left: markOf(op.value) } : NOTHING;
    case 'setxx':
      return reply === null ? { found: [] } : { found: null, left: markOf(op.value) };
    case 'cas':
      return reply === 1 ? { found: foundOf(op.expected), left: markOf(op.value) } : NOTHING;
    case 'incr':
      // Others of which nothing is known may have left the same number.
      return typeof reply === 'number' ? { found: reply === 1 ? [] : [String(reply - 1)] } : NOTHING;
    case 'del':
      return reply === 0 ? { found: [] } : { found: null, left: null };
    case 'getdel':
      return reply === null ? { found: [] } : { found: foundOf(reply), left: null };
    case 'flush':
      return { found: null, left: null };
    default:
      return NOTHING;
  }
}
