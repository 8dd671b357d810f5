import type { PageId, RecordContent, RecordId, SealedState, StateHeader } from '../record/state.ts';

export interface OpenedRecord {
  readonly header: StateHeader;
  /** An inline value's bytes are null if the state came without its separate value. */
  readonly content: RecordContent;
}

/** What the coordinator needs of encryption; `crypto/record-sealer.ts` is the real one. Null: does not authenticate. */
export interface SealPort {
  seal(id: RecordId, header: StateHeader, content: RecordContent): SealedState;
  open(id: RecordId, state: SealedState): OpenedRecord | null;
  sealPage(id: RecordId, pageId: PageId, bytes: Buffer): Buffer;
  openPage(id: RecordId, pageId: PageId, sealed: Buffer): Buffer | null;
}
