import { CHALLENGE_BYTES } from '../crypto/secure-channel-auth.ts';
import { FrameKind } from './message-codec.ts';
import type { ProtocolVersions } from './protocol-table.ts';
import type { NodeHello } from './transport.ts';
import type { WireReader } from './wire-reader.ts';
import { textLength, WireWriter } from './wire-writer.ts';

/*
 * How a proxy's connection to a storage node begins. Notation as in message-codec.ts.
 *
 *   proxy -> node   preface := magic[8] challenge[32]
 *   node -> proxy   challenge[32]                        ; only after a preface
 *   proxy -> node   answer[32], frame hello              ; wrong answer: the node closes without a byte
 *   node -> proxy   answer[32], frame welcome | refusal  ; after a refusal the node closes
 *
 *   hello   := minVersion:u16 maxVersion:u16 clusterId:text nodeId:u32 incarnation:text
 *   welcome := protocolVersion:u16 nodeId:u32 incarnation:text mapEpoch:u32 floor:ballot clockUs:u64
 *   refusal := reason:u8 detail:text
 *
 * The answers prove the cluster secret (crypto/secure-channel-auth.ts); the node's comes only after the proxy's.
 */

const MAGIC = Buffer.from('JUNORPC\x01', 'latin1');
export const PREFACE_BYTES = MAGIC.length + CHALLENGE_BYTES;

/** Bound into the answers: both ends mean this handshake. */
export const AUTH_CONTEXT: Buffer = MAGIC;

export function encodePreface(challenge: Buffer): Buffer {
  return Buffer.concat([MAGIC, challenge]);
}

/** Whether `bytes` of the preface, the first `length` of which have come, can still become one. */
export function mayBePreface(bytes: Buffer, length: number): boolean {
  const known = Math.min(length, MAGIC.length);
  return MAGIC.compare(bytes, 0, known, 0, known) === 0;
}

/** In a hello: whatever the node's incarnation is. For asking a node about itself, never for anything about records. */
export const ANY_INCARNATION = '*';

/** What a proxy says once it has proved the secret: whom it means to talk to. */
export interface Hello {
  readonly minVersion: number;
  readonly maxVersion: number;
  readonly clusterId: string;
  readonly nodeId: number;
  readonly incarnation: string;
}

export interface Welcome {
  readonly protocolVersion: number;
  readonly node: NodeHello;
}

export type RefusalReason = 'version' | 'cluster' | 'node' | 'incarnation';

export interface Refusal {
  readonly reason: RefusalReason;
  readonly detail: string;
}

/** More than the fields of a handshake frame that are no text. */
const FIXED_FIELDS_BYTES = 64;
const REASONS: readonly (RefusalReason | null)[] = [null, 'version', 'cluster', 'node', 'incarnation'];

function frame(kind: FrameKind, textBytes: number, write: (writer: WireWriter) => void): Buffer {
  const writer = new WireWriter();
  writer.reserve(FIXED_FIELDS_BYTES + textBytes);
  writer.u32(0);
  writer.u8(kind);
  write(writer);
  writer.patchU32(0, writer.offset - 4);
  return writer.written();
}

export function encodeHello(hello: Hello): Buffer {
  return frame(FrameKind.hello, textLength(hello.clusterId) + textLength(hello.incarnation), (writer) => {
    writer.u16(hello.minVersion);
    writer.u16(hello.maxVersion);
    writer.text(hello.clusterId);
    writer.u32(hello.nodeId);
    writer.text(hello.incarnation);
  });
}

export function readHello(reader: WireReader): Hello | null {
  const hello = {
    minVersion: reader.u16(),
    maxVersion: reader.u16(),
    clusterId: reader.text(),
    nodeId: reader.u32(),
    incarnation: reader.text(),
  };
  return reader.complete() ? hello : null;
}

export function encodeWelcome(welcome: Welcome): Buffer {
  return frame(FrameKind.welcome, textLength(welcome.node.incarnation), (writer) => {
    writer.u16(welcome.protocolVersion);
    writer.u32(welcome.node.nodeId);
    writer.text(welcome.node.incarnation);
    writer.u32(welcome.node.mapEpoch);
    writer.ballot(welcome.node.floor);
    writer.u64(welcome.node.clockUs);
  });
}

export function readWelcome(reader: WireReader): Welcome | null {
  const protocolVersion = reader.u16();
  const node = {
    nodeId: reader.u32(),
    incarnation: reader.text(),
    mapEpoch: reader.u32(),
    floor: reader.ballot(),
    clockUs: reader.u64(),
  };
  return reader.complete() ? { protocolVersion, node } : null;
}

export function encodeRefusal(refusal: Refusal): Buffer {
  return frame(FrameKind.refusal, textLength(refusal.detail), (writer) => {
    writer.u8(REASONS.indexOf(refusal.reason));
    writer.text(refusal.detail);
  });
}

export function readRefusal(reader: WireReader): Refusal | null {
  const reason = REASONS[reader.u8()] ?? null;
  const detail = reader.text();
  return reader.complete() && reason !== null ? { reason, detail } : null;
}

/** Is the hello meant for this node? Null: yes, in the `commonVersion`. */
export function checkHello(
  hello: Hello,
  versions: ProtocolVersions,
  clusterId: string,
  node: NodeHello,
): Refusal | null {
  if (hello.maxVersion < versions.min || hello.minVersion > versions.max) {
    const theirs = `the peer speaks ${hello.minVersion} to ${hello.maxVersion}`;
    const detail = `this node speaks protocol versions ${versions.min} to ${versions.max}, ${theirs}`;
    return { reason: 'version', detail };
  }
  if (hello.clusterId !== clusterId) return { reason: 'cluster', detail: 'this node belongs to another cluster' };
  if (hello.nodeId !== node.nodeId) return { reason: 'node', detail: `this is node ${node.nodeId}` };
  if (hello.incarnation !== node.incarnation && hello.incarnation !== ANY_INCARNATION) {
    return { reason: 'incarnation', detail: `node ${node.nodeId} has another incarnation` };
  }
  return null;
}

/** The highest version that both sides speak, once `checkHello` found nothing. */
export function commonVersion(hello: Hello, versions: ProtocolVersions): number {
  return Math.min(hello.maxVersion, versions.max);
}
