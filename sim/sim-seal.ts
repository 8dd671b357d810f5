import type { OpenedRecord, SealPort } from '../src/quorum/seal-port.ts';
import type { RecordIds } from '../src/quorum/task-context.ts';
import { decodeContent, encodeContent, isSeparate } from '../src/record/content-codec.ts';
import { ID_BYTES } from '../src/record/record-id.ts';
import { NO_PAST } from '../src/record/request-history.ts';
import type { PageId, RecordContent, RecordId, SealedState, StateHeader } from '../src/record/state.ts';
import { StateKind } from '../src/record/state.ts';
import { headerLength, writeHeader } from '../src/record/state-codec.ts';

const EMPTY = Buffer.alloc(0);
const TOMBSTONE: RecordContent = {
  key: EMPTY,
  ...NO_PAST,
  value: null,
};

/** Hides nothing, but binds what the real seal binds: the header and the record id, which a repair must not change. */
export class SimSeal implements SealPort {
  seal(id: RecordId, header: StateHeader, content: RecordContent): SealedState {
    const value = content.value;
    const bound = bind(id, header);
    const meta = Buffer.concat([bound, encodeContent(content)]);
    const separate = value !== null && !value.paged && isSeparate(value) ? (value.bytes ?? EMPTY) : EMPTY;
    return { header, meta, value: separate };
  }

  open(id: RecordId, state: SealedState): OpenedRecord | null {
    const { header, meta, value } = state;
    if (meta.length === 0) return header.kind === StateKind.dead ? { header, content: TOMBSTONE } : null;
    const bound = bind(id, header);
    if (!meta.subarray(0, bound.length).equals(bound)) return null;
    const separate = value !== null && value.length > 0 ? value : null;
    const content = decodeContent(meta.subarray(bound.length), separate);
    return content === null ? null : { header, content };
  }

  sealPage(_id: RecordId, pageId: PageId, bytes: Buffer): Buffer {
    return Buffer.concat([Buffer.from(pageId, 'latin1'), bytes]);
  }

  openPage(_id: RecordId, pageId: PageId, sealed: Buffer): Buffer | null {
    return sealed.toString('latin1', 0, ID_BYTES) === pageId ? sealed.subarray(ID_BYTES) : null;
  }
}

function bind(id: RecordId, header: StateHeader): Buffer {
  const bytes = Buffer.allocUnsafe(ID_BYTES + headerLength(header));
  bytes.write(id, 0, 'latin1');
  writeHeader(bytes, ID_BYTES, header);
  return bytes;
}

/** Record ids that a person can read: the key, padded. */
export const simIds: RecordIds = {
  recordId: (namespace, generation, key) =>
    `${key.toString('latin1')}/${namespace}/${generation}`.padEnd(ID_BYTES, '.').slice(0, ID_BYTES),
};
