import type { Step } from '../../quorum/operation.ts';
import type { LiveRecord } from '../../record/state.ts';
import type { PageAccess } from '../../record/value.ts';
import { OK, type Reply } from '../../resp/reply.ts';
import { copyValue, pasteValue, type ValueCopy } from '../values/value-copy.ts';

/** A record's value and expiry, to be put into another record. */
export interface RecordCopy {
  readonly value: ValueCopy;
  readonly expiresAtMs: number;
}

/** Reads all of the value's pages; may throw NeedPages. */
export function copyRecord(record: LiveRecord, pages: PageAccess): RecordCopy {
  return { value: copyValue(record.value, pages), expiresAtMs: record.expiresAtMs };
}

/** Puts a value in the place of whatever is there. */
export function putStep(copy: RecordCopy): Step<Reply> {
  return {
    access: 'write',
    needs: 'meta',
    run: (_record, { pages }) => ({
      reply: OK,
      change: { kind: 'put', value: pasteValue(copy.value, pages), expiresAtMs: copy.expiresAtMs },
    }),
  };
}

/** Deletes whatever is there. */
export const DELETE_STEP: Step<Reply> = {
  access: 'write',
  needs: 'meta',
  run: (record) => ({ reply: record === null ? 0 : 1, change: record === null ? null : { kind: 'delete' } }),
};
