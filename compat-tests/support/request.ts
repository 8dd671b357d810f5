import { type ReplyNode, readReply } from './resp-reply.ts';

export type Argument = string | Buffer;

/** A command as RESP bytes. */
export function encodeCommand(args: readonly Argument[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = typeof arg === 'string' ? Buffer.from(arg) : arg;
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}

/** The words, in Latin-1, of the commands of which these bytes are made, up to the first that is not written as RESP. */
export function commandsOf(bytes: Buffer): string[][] {
  const commands: string[][] = [];
  for (let at = 0; bytes[at] === 0x2a; ) {
    const node = readWhole(bytes, at);
    if (node === null) break;
    commands.push(node.items.map((item) => item.bytes?.toString('latin1') ?? ''));
    at = node.end;
  }
  return commands;
}

function readWhole(bytes: Buffer, at: number): ReplyNode | null {
  try {
    return readReply(bytes, at);
  } catch {
    return null;
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' };

/** Splits a line as redis-cli does: words, and "quoted words" with \n \r \t \" \\ \xHH. */
export function splitLine(line: string): Buffer[] {
  const words: Buffer[] = [];
  const word = /\s*(?:"((?:[^"\\]|\\.)*)"|(\S+))/gy;
  for (;;) {
    const match = word.exec(line);
    if (match === null) break;
    const [, quoted, plain] = match;
    words.push(quoted === undefined ? Buffer.from(plain ?? '') : unescapeText(quoted));
  }
  if (words.length === 0) throw new Error(`no command in ${JSON.stringify(line)}`);
  return words;
}

function unescapeText(text: string): Buffer {
  const latin1 = text.replace(/\\x([0-9a-fA-F]{2})|\\(.)/g, (_, hex: string | undefined, one: string | undefined) =>
    hex === undefined ? (ESCAPES[one ?? ''] ?? one ?? '') : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(latin1, 'latin1');
}
