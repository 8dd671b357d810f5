import type { Fsync } from './write-pipeline.ts';

/** Who a storage node is. `incarnation` changes whenever its disk was lost or is not trusted. */
export interface NodeIdentity {
  readonly clusterId: string;
  readonly nodeId: number;
  readonly incarnation: string;
  readonly zone: string;
  /** Of the keys that the cluster's data is sealed with; empty where the node is not told. */
  readonly keystoreFingerprint: string;
  /** The incarnation is new, and the records are from before: they may lack acknowledged writes. */
  readonly hasOldRecords: boolean;
  /** The records turned out to be damaged while the node ran: they are moved aside at the next start. */
  readonly isDamaged: boolean;
}

/** How the last run of the node on this directory went. */
export interface RunMark {
  /** `clean` only after a stop that left everything on the disk. */
  readonly state: 'running' | 'clean';
  readonly bootId: string;
  readonly fsync: Fsync;
  readonly pid: number;
}

/**
 * Goes up with every format in the directory that an older program cannot read, whichever it is: this one is looked at first.
 * Since 2 the newest records may be in the node's log alone: a program that knows only 1 must not open the rest without it.
 */
export const NODE_FORMAT_VERSION = 2;
const OLDEST_FORMAT_VERSION = 1;

export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  /** `isNewer`: nothing is damaged, a later version of the program wrote it. */
  | { readonly ok: false; readonly isNewer: boolean; readonly problem: string };

export function encodeIdentity(identity: NodeIdentity): Buffer {
  return encode({ ...identity });
}

export function decodeIdentity(bytes: Buffer): Decoded<NodeIdentity> {
  return decode(bytes, (fields) => {
    const { clusterId, nodeId, incarnation, zone, keystoreFingerprint } = fields;
    if (
      typeof clusterId !== 'string' ||
      typeof nodeId !== 'number' ||
      !Number.isSafeInteger(nodeId) ||
      typeof incarnation !== 'string' ||
      typeof zone !== 'string' ||
      typeof keystoreFingerprint !== 'string'
    ) {
      return null;
    }
    const hasOldRecords = fields['hasOldRecords'] === true;
    const isDamaged = fields['isDamaged'] === true;
    return { clusterId, nodeId, incarnation, zone, keystoreFingerprint, hasOldRecords, isDamaged };
  });
}

export function encodeRunMark(mark: RunMark): Buffer {
  return encode({ ...mark });
}

export function decodeRunMark(bytes: Buffer): Decoded<RunMark> {
  return decode(bytes, ({ state, bootId, fsync, pid }) => {
    if (
      (state !== 'running' && state !== 'clean') ||
      typeof bootId !== 'string' ||
      (fsync !== 'always' && fsync !== 'everysec' && fsync !== 'no') ||
      typeof pid !== 'number'
    ) {
      return null;
    }
    return { state, bootId, fsync, pid };
  });
}

/** The epoch of a cluster map's text, null if it has none. */
export function epochOfMapText(text: string): number | null {
  const fields = parseObject(text);
  const epoch = fields === null ? undefined : fields['epoch'];
  return typeof epoch === 'number' && Number.isSafeInteger(epoch) ? epoch : null;
}

function encode(fields: object): Buffer {
  return Buffer.from(`${JSON.stringify({ formatVersion: NODE_FORMAT_VERSION, ...fields }, null, 2)}\n`);
}

function decode<T>(bytes: Buffer, read: (fields: Record<string, unknown>) => T | null): Decoded<T> {
  const fields = parseObject(bytes.toString('utf8'));
  if (fields === null) return { ok: false, isNewer: false, problem: 'is damaged: not a JSON object' };
  const version = fields['formatVersion'];
  if (typeof version !== 'number' || version < OLDEST_FORMAT_VERSION || version > NODE_FORMAT_VERSION) {
    const found = String(version);
    return {
      ok: false,
      isNewer: typeof version === 'number' && version > NODE_FORMAT_VERSION,
      problem: `has format ${found}, this program reads format ${OLDEST_FORMAT_VERSION} to ${NODE_FORMAT_VERSION}`,
    };
  }
  const value = read(fields);
  if (value === null) return { ok: false, isNewer: false, problem: 'is damaged: a field is missing or wrong' };
  return { ok: true, value };
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? { ...json } : null;
  } catch {
    return null;
  }
}
