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
