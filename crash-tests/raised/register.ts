/**
 * Loaded ahead of the program (`node --import`), makes it the next version of itself: a test build, which no option of the
 * program can ask for. RAISED_PARTS says what is raised, `wire` or `wire,disk`; RAISED_FIGURES names a file to which a
 * line of counts is added when the process ends.
 */
import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { type Edit, edited, RAISED_DISK, RAISED_WIRE } from './edits.ts';

const MARK = 0x4a_55_4e_4f;
const PROBE = 63;
const PROBED = 127;
const FAULT = 72;
const READ_MANY = 11;
const READS_PER_PROBE = 16;
const SRC = new URL('../../src/', import.meta.url).href;

interface Versioned {
  readonly protocolVersion: number;
}
interface Writer extends Versioned {
  u32(value: number): void;
}
interface Reader extends Versioned {
  u32(): number;
  fail(): void;
}
interface Peer {
  send(
    request: { readonly type: number },
    receiver: { onResponse(tag: number, response: { readonly type: number }): void },
    tag: number,
  ): void;
}

/** What one process did; the names are the crash test's. */
const counts = { marksSent: 0, marksLeftOut: 0, marksRead: 0, marksWrong: 0, probesAnswered: 0, probesKeptBack: 0 };
let reads = 0;
const onProbed = {
  onResponse(_tag: number, { type }: { readonly type: number }): void {
    if (type === PROBED) counts.probesAnswered++;
    else if (type === FAULT) counts.probesKeptBack++;
  },
};

const raised = {
  writeMark(writer: Writer): void {
    if (writer.protocolVersion < 2) counts.marksLeftOut++;
    else {
      counts.marksSent++;
      writer.u32(MARK);
    }
  },
  readMark<T>(reader: Reader, message: T): T {
    if (reader.protocolVersion < 2) return message;
    if (reader.u32() === MARK) counts.marksRead++;
    else {
      counts.marksWrong++;
      reader.fail();
    }
    return message;
  },
  probe(peer: Peer, request: { readonly type: number }): void {
    if (request.type !== READ_MANY || ++reads % READS_PER_PROBE !== 0) return;
    peer.send({ type: PROBE }, onProbed, 0);
  },
};
Object.assign(globalThis, { raised });

const parts = (process.env['RAISED_PARTS'] ?? 'wire').split(',');
const edits: readonly Edit[] = [
  ...(parts.includes('wire') ? RAISED_WIRE : []),
  ...(parts.includes('disk') ? RAISED_DISK : []),
];
const files = new Set(edits.map((edit) => edit.file));

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const file = url.startsWith(SRC) ? url.slice(SRC.length) : '';
    if (!files.has(file)) return loaded;
    return { ...loaded, source: edited(file, String(loaded.source), edits) };
  },
});

const figures = process.env['RAISED_FIGURES'];
if (figures !== undefined) process.on('exit', () => appendFileSync(figures, `${JSON.stringify(counts)}\n`));
