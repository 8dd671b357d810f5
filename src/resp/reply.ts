/**
 * A RESP reply as commands make it, for both protocol versions; the writer turns RESP3-only kinds into what Redis sends
 * to RESP2 clients (map -> flat array, set -> array, double -> bulk string, boolean -> 0/1, null -> nil, push -> array).
 *
 * number | bigint -> integer;  Buffer | string -> bulk string (string as UTF-8);  null -> null;  array -> array.
 */
export type Reply =
  | number
  | bigint
  | Buffer
  | string
  | null
  | readonly Reply[]
  | SimpleString
  | ErrorReply
  | DoubleReply
  | BooleanReply
  | MapReply
  | SetReply
  | PushReply
  | VerbatimReply
  | BulkPieces
  | BulkItems
  | StreamedItems
  | RawBytes
  | NullArray;

/** `+text\r\n` */
export class SimpleString {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** `-CODE message\r\n`; `text` is the whole line without the dash, e.g. "ERR syntax error". */
export class ErrorReply {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export class DoubleReply {
  readonly value: number;
  /** How it is shown, where that is not as other doubles are; null: as those. */
  readonly text: string | null;
  constructor(value: number, text: string | null = null) {
    this.value = value;
    this.text = text;
  }
}

export class BooleanReply {
  readonly value: boolean;
  constructor(value: boolean) {
    this.value = value;
  }
}

export class MapReply {
  readonly entries: readonly (readonly [Reply, Reply])[];
  constructor(entries: readonly (readonly [Reply, Reply])[]) {
    this.entries = entries;
  }
}

export class SetReply {
  readonly items: readonly Reply[];
  constructor(items: readonly Reply[]) {
    this.items = items;
  }
}

/** Out-of-band data; an array in RESP2. */
export class PushReply {
  readonly items: readonly Reply[];
  constructor(items: readonly Reply[]) {
    this.items = items;
  }
}

/** Bulk string in RESP2. `format` is three characters, "txt" or "mkd". */
export class VerbatimReply {
  readonly format: string;
  readonly text: string;
  constructor(format: string, text: string) {
    this.format = format;
    this.text = text;
  }
}

/** One bulk string whose bytes lie in several buffers (a value in pages): sent without joining them. */
export class BulkPieces {
  readonly lengthBytes: number;
  readonly pieces: readonly Buffer[];
  constructor(lengthBytes: number, pieces: readonly Buffer[]) {
    this.lengthBytes = lengthBytes;
    this.pieces = pieces;
  }
}

/**
 * An array, set or map of bulk strings that are encoded already: for replies of very many small items. Of a map, `count` is
 * that of its keys and values together.
 */
export class BulkItems {
  readonly kind: 'array' | 'set' | 'map';
  readonly count: number;
  readonly lengthBytes: number;
  readonly pieces: readonly Buffer[];
  constructor(kind: 'array' | 'set' | 'map', count: number, lengthBytes: number, pieces: readonly Buffer[]) {
    this.kind = kind;
    this.count = count;
    this.lengthBytes = lengthBytes;
    this.pieces = pieces;
  }
}

/**
 * An array, set or map whose items follow by and by; written, it is only the line that says how many there will be. `count`
 * as of BulkItems.
 */
export abstract class StreamedItems {
  abstract readonly kind: BulkItems['kind'];
  abstract readonly count: number;
}

/** Bytes that are no RESP: a dump for SYNC. */
export class RawBytes {
  readonly bytes: Buffer;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
}

/** `*-1\r\n` in RESP2, `_\r\n` in RESP3. */
export class NullArray {
  readonly kind = 'null-array';
}

export const OK = new SimpleString('OK');
export const PONG = new SimpleString('PONG');
export const NULL_ARRAY = new NullArray();
export const WRONGTYPE = new ErrorReply('WRONGTYPE Operation against a key holding the wrong kind of value');
export const SYNTAX_ERROR = new ErrorReply('ERR syntax error');
export const NOT_AN_INTEGER = new ErrorReply('ERR value is not an integer or out of range');
export const NOT_A_FLOAT = new ErrorReply('ERR value is not a valid float');

export function isError(reply: Reply): reply is ErrorReply {
  return reply instanceof ErrorReply;
}
