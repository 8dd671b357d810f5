import { assert } from '../../base/assert.ts';
import { packedEncoding } from '../../record/packed-items.ts';
import { type CollectionValue, Encoding, ValueType } from '../../record/value.ts';

/** A type as TYPE and SCAN's TYPE option name it. */
export type TypeName = 'string' | 'hash' | 'set' | 'list' | 'zset';

const TYPE_NAMES: Readonly<Record<ValueType, TypeName>> = {
  [ValueType.string]: 'string',
  [ValueType.hash]: 'hash',
  [ValueType.set]: 'set',
  [ValueType.list]: 'list',
  [ValueType.zset]: 'zset',
};

const ENCODING_NAMES: Readonly<Record<Encoding, string>> = {
  [Encoding.listpack]: 'listpack',
  [Encoding.hashtable]: 'hashtable',
  [Encoding.intset]: 'intset',
  [Encoding.quicklist]: 'quicklist',
  [Encoding.skiplist]: 'skiplist',
};

export function typeName(type: ValueType): TypeName {
  return TYPE_NAMES[type];
}

/** How Redis would keep the collection; one inline must have been loaded. */
export function encodingOfCollection(value: CollectionValue): Encoding {
  return value.paged ? value.encoding : packedEncoding(packedBytes(value));
}

/** The same as OBJECT ENCODING says it. */
export function encodingName(value: CollectionValue): string {
  const name = ENCODING_NAMES[encodingOfCollection(value)];
  return value.fieldTimes !== undefined && name === 'listpack' ? 'listpackex' : name;
}

/** The bytes of a collection in the record, which was asked for with `needs: 'value'`. */
export function packedBytes(value: CollectionValue): Buffer {
  assert(!value.paged && value.bytes !== null, 'the value was asked for, and is in the record');
  return value.bytes;
}
