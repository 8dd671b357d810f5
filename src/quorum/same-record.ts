import type { RecordAddress } from '../rpc/messages.ts';

/** Messages about the record under either are the same. */
export function sameAddress(a: RecordAddress, b: RecordAddress): boolean {
  return a.id === b.id && a.shardEpoch === b.shardEpoch && a.namespaceEpoch === b.namespaceEpoch;
}

/** The same record in the same generation; its shard may have changed. */
export function sameRecord(a: RecordAddress, b: RecordAddress): boolean {
  return a.id === b.id && a.namespaceEpoch === b.namespaceEpoch;
}
