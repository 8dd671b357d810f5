/** What a value is called in DUMP payloads and RDB files: Redis's RDB_TYPE_ constants. */
export const RdbType = {
  string: 0,
  list: 1,
  set: 2,
  zset: 3,
  hash: 4,
  zset2: 5,
  moduleWithoutMarkers: 6,
  module: 7,
  hashZipmap: 9,
  listZiplist: 10,
  setIntset: 11,
  zsetZiplist: 12,
  hashZiplist: 13,
  listQuicklist: 14,
  streamListpacks: 15,
  hashListpack: 16,
  zsetListpack: 17,
  listQuicklist2: 18,
  streamListpacks2: 19,
  setListpack: 20,
  streamListpacks3: 21,
  hashFieldExpiryEarly: 22,
  hashFieldExpiryListpackEarly: 23,
  hashFieldExpiry: 24,
  hashFieldExpiryListpack: 25,
} as const;

/** The version that is written, but for hashes whose fields expire: Redis 7.0's. */
export const RDB_VERSION = 10;
/** The highest that is read, and written of those: Redis 7.4's. */
export const RDB_VERSION_MAX = 12;

/** The lowest version that has this type, of those that are written. */
export function versionOfType(type: number): number {
  return hasFieldTimes(type) ? RDB_VERSION_MAX : RDB_VERSION;
}

/** What stands in the place of a type in an RDB file: Redis's RDB_OPCODE_ constants. */
export const RdbOpcode = {
  /** From here on it is none of the types. */
  lowest: 243,
  slotInfo: 244,
  function2: 245,
  moduleAux: 247,
  idle: 248,
  frequency: 249,
  aux: 250,
  resizeDatabase: 251,
  expiresAtMs: 252,
  expiresAtSeconds: 253,
  selectDatabase: 254,
  end: 255,
} as const;

/** A decoded value. Its buffers may be views of what it was read from. */
export type RdbValue =
  | { readonly kind: 'string'; readonly bytes: Buffer }
  /** Of a hash `items` are each field and its value, one after the other. */
  | { readonly kind: 'list' | 'set'; readonly items: readonly Buffer[] }
  /** `times`: of a hash with fields that expire, when each does; wall clock milliseconds, 0: never. */
  | { readonly kind: 'hash'; readonly items: readonly Buffer[]; readonly times?: readonly number[] }
  | { readonly kind: 'zset'; readonly items: readonly Buffer[]; readonly scores: readonly number[] };

export type ValueKind = RdbValue['kind'];

/** Why no value came of it: not what Redis would load; of a type that is not taken (streams, modules); beyond limits. */
export type RdbProblem = 'malformed' | 'unsupported' | 'too-large';

/** The kind of a value of this type, or what it is that is not taken; null: no type at all. */
export function kindOfType(type: number): ValueKind | 'stream' | 'module' | null {
  switch (type) {
    case RdbType.string:
      return 'string';
    case RdbType.list:
    case RdbType.listZiplist:
    case RdbType.listQuicklist:
    case RdbType.listQuicklist2:
      return 'list';
    case RdbType.set:
    case RdbType.setIntset:
    case RdbType.setListpack:
      return 'set';
    case RdbType.hash:
    case RdbType.hashZipmap:
    case RdbType.hashZiplist:
    case RdbType.hashListpack:
    case RdbType.hashFieldExpiryEarly:
    case RdbType.hashFieldExpiryListpackEarly:
    case RdbType.hashFieldExpiry:
    case RdbType.hashFieldExpiryListpack:
      return 'hash';
    case RdbType.zset:
    case RdbType.zset2:
    case RdbType.zsetZiplist:
    case RdbType.zsetListpack:
      return 'zset';
    case RdbType.streamListpacks:
    case RdbType.streamListpacks2:
    case RdbType.streamListpacks3:
      return 'stream';
    case RdbType.module:
    case RdbType.moduleWithoutMarkers:
      return 'module';
    default:
      return null;
  }
}

/** A hash with fields that expire. */
export function hasFieldTimes(type: number): boolean {
  return type >= RdbType.hashFieldExpiryEarly && type <= RdbType.hashFieldExpiryListpack;
}

/** The soonest time of a hash's fields stands before all else: eight bytes. */
export function hasSoonestTime(type: number): boolean {
  return type === RdbType.hashFieldExpiry || type === RdbType.hashFieldExpiryListpack;
}
