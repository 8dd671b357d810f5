/** One RESP2 or RESP3 reply, kept near to its bytes: an independent reading of the protocol, only for comparing. */
export interface ReplyNode {
  /** The first byte: + - : $ * and in RESP3 _ , # ! = ( % ~ > | */
  readonly type: string;
  /** The line after the type, or a bulk's bytes. Null for a null bulk or a null array. */
  readonly bytes: Buffer | null;
  /** Of an aggregate; a map's keys and values alternate. */
  readonly items: readonly ReplyNode[];
  /** Index after its last byte. */
  readonly end: number;
}

const BULK = new Set(['$', '!', '=']);
const LINES = new Set(['+', '-', ':', '_', ',', '#', '(']);
const AGGREGATES: Readonly<Record<string, number>> = { '*': 1, '~': 1, '>': 1, '%': 2, '|': 2 };

/** The reply that starts at `offset`, or null while its bytes are not all there. Throws on what is no reply. */
export function readReply(data: Buffer, offset = 0): ReplyNode | null {
  const lineEnd = data.indexOf('\r\n', offset, 'latin1');
  if (lineEnd < 0) return null;
  const type = String.fromCharCode(data[offset] ?? 0);
  const line = data.subarray(offset + 1, lineEnd);
  const next = lineEnd + 2;
  if (LINES.has(type)) return { type, bytes: line, items: [], end: next };
  const perItem = AGGREGATES[type];
  if (!BULK.has(type) && perItem === undefined) {
    throw new Error(`no reply starts with ${JSON.stringify(data.toString('latin1', offset, offset + 40))}`);
  }
  const length = Number(line.toString('latin1'));
  if (!Number.isInteger(length) || length < -1)
    throw new Error(`bad length in reply: ${type}${line.toString('latin1')}`);
  if (length === -1) return { type, bytes: null, items: [], end: next };
  if (perItem === undefined) return readBulk(data, type, next, length);
  const items: ReplyNode[] = [];
  let end = next;
  for (let i = 0; i < length * perItem; i++) {
    const item = readReply(data, end);
    if (item === null) return null;
    items.push(item);
    end = item.end;
  }
  // An attribute comes before the reply that it is about.
  if (type !== '|') return { type, bytes: line, items, end };
  const about = readReply(data, end);
  return about === null ? null : { type, bytes: line, items: [...items, about], end: about.end };
}

function readBulk(data: Buffer, type: string, start: number, length: number): ReplyNode | null {
  const end = start + length + 2;
  if (data.length < end) return null;
  if (data[end - 2] !== 13 || data[end - 1] !== 10) throw new Error('a bulk reply is not followed by CR LF');
  return { type, bytes: data.subarray(start, start + length), items: [], end };
}

/** A short, readable form for messages and for comparing where single bytes do not matter. */
export function showReply(node: ReplyNode): string {
  if (AGGREGATES[node.type] !== undefined) {
    return node.bytes === null ? `${node.type}null` : `${node.type}[${node.items.map(showReply).join(' ')}]`;
  }
  if (node.bytes === null) return `${node.type}null`;
  const text = node.bytes.toString('latin1');
  return BULK.has(node.type) ? `${node.type}${JSON.stringify(text)}` : `${node.type}${text}`;
}
