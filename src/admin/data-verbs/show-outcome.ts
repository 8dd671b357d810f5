import type { Location, RecordContext } from '../../juno-ext/client/src/types.ts';
import { formatHostAndPort } from '../host-and-port.ts';
import type { VerbOutcome } from './call-verb.ts';
import { utf8Text } from './key-text.ts';
import { textTable } from './text-table.ts';

/** How it is to be shown. */
export interface ShowOptions {
  readonly hex: boolean;
  readonly context: boolean;
  /** A person reads standard output: a value gets its newline, and a line about it on standard error. */
  readonly outIsTerminal: boolean;
}

/** What goes where; texts without a newline at their end, '' for nothing. */
export interface Shown {
  readonly out: Buffer;
  readonly err: string;
}

/** The outcome for people and shell scripts. `value` of a record is shown unless `valueIsInFile`. */
export function showOutcome(outcome: VerbOutcome, options: ShowOptions, valueIsInFile: boolean): Shown {
  switch (outcome.kind) {
    case 'record': {
      const { record } = outcome;
      const err = options.context ? contextTable(record) : options.outIsTerminal ? contextLine(record) : '';
      return { out: valueIsInFile ? Buffer.alloc(0) : shownValue(record.value, options), err };
    }
    case 'written': {
      const line = `${outcome.did}: ${contextLine(outcome.context)}`;
      return textOut(options.context ? `${outcome.did}\n${contextTable(outcome.context)}` : line);
    }
    case 'destroyed':
      return textOut('destroyed');
    case 'location':
      return textOut(locationText(outcome.location));
    case 'replicas':
      return textOut(replicasTable(outcome.replicas));
  }
}

/** The outcome as --json shows it. `file`: where the value was put, if not into the object. */
export function outcomeJson(outcome: VerbOutcome, key: string, hex: boolean, file: string | null): unknown {
  const head = { ok: true, key };
  switch (outcome.kind) {
    case 'record': {
      const { value, ...context } = outcome.record;
      if (file !== null) return { ...head, file, sizeBytes: value.length, ...context };
      const text = hex ? null : utf8Text(value);
      const shown =
        text === null ? { encoding: 'hex', value: value.toString('hex') } : { encoding: 'utf8', value: text };
      return { ...head, ...shown, ...context };
    }
    case 'written':
      return { ...head, did: outcome.did, ...outcome.context };
    case 'destroyed':
      return { ...head, did: 'destroyed' };
    case 'location':
      return { ...head, ...outcome.location };
    case 'replicas':
      return { ...head, replicas: outcome.replicas.map((replica) => mapValues(replica, plainValue)) };
  }
}

function shownValue(value: Buffer, { hex, outIsTerminal }: ShowOptions): Buffer {
  if (hex) return Buffer.from(`${value.toString('hex')}\n`);
  return outIsTerminal ? Buffer.concat([value, Buffer.from('\n')]) : value;
}

function textOut(text: string): Shown {
  return { out: Buffer.from(`${text}\n`), err: '' };
}

function contextLine(context: RecordContext): string {
  return `version ${context.recordVersion}, ${context.ttlMs === null ? 'never expires' : `expires in ${seconds(context.ttlMs)}`}`;
}

function contextTable(context: RecordContext): string {
  return textTable([
    ['version', `${context.recordVersion}`],
    ['created', shownTime(context.creationTimeMs)],
    ['last modified', shownTime(context.lastModifiedMs)],
    ['time to live', context.ttlMs === null ? 'never expires' : seconds(context.ttlMs)],
    ['request id', context.requestId ?? 'none'],
  ]);
}

function locationText(location: Location): string {
  const nodes = location.nodes.map((node) => [
    node.zone,
    `${node.nodeId}`,
    node.port === 0 ? 'in the proxy' : formatHostAndPort(node.host, node.port),
    node.up ? 'up' : 'down',
  ]);
  return `slot ${location.slot}, shard ${location.shard}, map epoch ${location.mapEpoch}
${textTable([['zone', 'node', 'address', 'state'], ...nodes])}`;
}

/** A column to each replica, since there are more fields than replicas. */
function replicasTable(replicas: readonly Readonly<Record<string, unknown>>[]): string {
  const fields = [...new Set(replicas.flatMap((replica) => Object.keys(replica)))];
  return textTable(fields.map((field) => [field, ...replicas.map((replica) => cell(field, replica[field]))]));
}

function cell(field: string, value: unknown): string {
  const plain = plainValue(value);
  if (plain === null || plain === undefined) return '-';
  if (field === 'expiresAt' && plain === 0) return 'never';
  const isTime = typeof plain === 'number' && plain > 0 && /(time|modified|expires)/i.test(field);
  return isTime ? shownTime(plain) : String(plain);
}

/** As JSON can hold it, without losing digits. */
function plainValue(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (Buffer.isBuffer(value)) return utf8Text(value) ?? value.toString('hex');
  if (Array.isArray(value)) return value.map(plainValue);
  if (typeof value === 'object' && value !== null) return mapValues(value, plainValue);
  return value;
}

function mapValues(object: object, change: (value: unknown) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]));
}

/** With the number that --created takes. */
function shownTime(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `${ms}` : `${date.toISOString()} (${ms})`;
}

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}
