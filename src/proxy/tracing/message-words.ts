import { MessageType } from '../../rpc/messages.ts';

const NAMES = new Map<number, string>(Object.entries(MessageType).map(([name, type]) => [type, name]));

/** The phase that a request belongs to, by its name in the protocol's table. */
const PHASES: ReadonlyMap<string, string> = new Map([
  ['read', 'read'],
  ['readMany', 'read'],
  ['prepare', 'prepare'],
  ['prepareMany', 'prepare'],
  ['commit', 'commit'],
  ['commitMany', 'commit'],
  ['putPages', 'pages'],
  ['getPages', 'pages'],
  ['listPages', 'pages'],
  ['missingPages', 'pages'],
]);

/** The name of a message's type. */
export function messageName(type: number): string {
  return NAMES.get(type) ?? 'unknown';
}

/**
 * `writes`: what the command is for. What it does not do for itself, it does to repair the record. `isTransaction`: on the record
 * that decides; `isIntent`: says on another record that a transaction is under way.
 */
export function phaseOf(request: string, writes: boolean, isTransaction: boolean, isIntent: boolean): string {
  if (isTransaction) return 'transaction';
  if (isIntent) return 'intent';
  const phase = PHASES.get(request) ?? request;
  return !writes && (phase === 'prepare' || phase === 'commit') ? 'repair' : phase;
}
