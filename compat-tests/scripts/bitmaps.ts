import { args, type Script, script } from '../support/script.ts';

/** All bits set, in pages of its own. */
const ONES = Buffer.alloc(200_000, 255);

const bits = script('bitmaps: single bits', [
  ...['SETBIT b 7 1', 'GET b', 'SETBIT b 7 1', 'SETBIT b 0 1', 'SETBIT b 7 0', 'SETBIT b 100 1', 'GET b', 'STRLEN b'],
  ...['GETBIT b 0', 'GETBIT b 1', 'GETBIT b 100', 'GETBIT b 101', 'GETBIT b 4294967295', 'GETBIT nothing 0'],
  ...['SETBIT zero 20 0', 'GET zero', 'SETBIT zero 3 0', 'SET n 12345', 'SETBIT n 2 1', 'GET n'],
  ...['EXPIRE b 100', 'SETBIT b 3 1', 'PERSIST b'],
  ...['SETBIT b 4294967296 1', 'SETBIT b -1 1', 'SETBIT b x 1', 'SETBIT b 0 2', 'SETBIT b 0 x', 'SETBIT b 0 -1'],
  ...['GETBIT b 4294967296', 'GETBIT b -1', 'GETBIT b x', 'GETBIT b 1.5', 'GETBIT b', 'SETBIT b 1', 'SETBIT b 1 1 1'],
  ...[
    'RPUSH l a',
    'SETBIT l 0 1',
    'GETBIT l 0',
    'BITCOUNT l',
    'BITPOS l 0',
    'BITFIELD l GET u8 0',
    'BITFIELD l SET u8 0 1',
  ],
  ...['SETBIT l x 1', 'GETBIT l x', 'BITCOUNT l 0', 'BITPOS l 2', 'BITFIELD_RO l GET u8 0', 'BITFIELD l'],
  ...['COMMAND GETKEYSANDFLAGS BITFIELD b GET u8 0', 'COMMAND GETKEYSANDFLAGS BITFIELD b GET u8 0 SET u8 0 1'],
]);

const counts = script('bitmaps: BITCOUNT and BITPOS', [
  'SET k foobar',
  ...[
    'BITCOUNT k',
    'BITCOUNT k 0 0',
    'BITCOUNT k 1 1',
    'BITCOUNT k 1 1 BYTE',
    'BITCOUNT k 5 30 BIT',
    'BITCOUNT k 0 -1 bit',
  ],
  ...[
    'BITCOUNT k -2 -1',
    'BITCOUNT k -1 -2',
    'BITCOUNT k 3 1',
    'BITCOUNT k 10 20',
    'BITCOUNT k -100 2',
    'BITCOUNT k 3 3 BIT',
  ],
  ...[
    'BITCOUNT k -7 -3 BIT',
    'BITCOUNT k 40 100 BIT',
    'BITCOUNT k -1000 -900 BIT',
    'BITCOUNT nothing',
    'BITCOUNT nothing 0',
  ],
  ...[
    'BITCOUNT k 0',
    'BITCOUNT k 0 x',
    'BITCOUNT k x 0',
    'BITCOUNT k 0 1 FOO',
    'BITCOUNT k -1 -2 FOO',
    'BITCOUNT k 0 1 BIT x',
  ],
  ...[
    'BITCOUNT nothing x y',
    'SET e ""',
    'BITCOUNT e',
    'BITCOUNT e 0 -1',
    'BITPOS e 0',
    'BITPOS e 1',
    'BITPOS e 0 0 -1',
  ],
  args('SET p', ['SET', 'p', Buffer.from([0xff, 0xf0, 0x00, 0x0f])]),
  ...['BITPOS p 0', 'BITPOS p 1', 'BITPOS p 1 1', 'BITPOS p 1 2', 'BITPOS p 0 0 0', 'BITPOS p 0 2', 'BITPOS p 1 2 2'],
  ...[
    'BITPOS p 1 -1',
    'BITPOS p 0 -1',
    'BITPOS p 0 -1 -1',
    'BITPOS p 1 12 -1 BIT',
    'BITPOS p 0 3 10 BIT',
    'BITPOS p 0 3 12 bit',
  ],
  ...['BITPOS p 1 13 27 BIT', 'BITPOS p 1 13 28 BIT', 'BITPOS p 0 28 31 BIT', 'BITPOS p 1 4 4', 'BITPOS p 1 3 1'],
  args('SET q', ['SET', 'q', Buffer.from([0xff, 0xff])]),
  ...['BITPOS q 0', 'BITPOS q 0 1', 'BITPOS q 0 0 -1', 'BITPOS q 0 5', 'BITPOS q 0 0 -1 BIT', 'BITPOS q 0 0 100'],
  ...[
    'BITPOS nothing 0',
    'BITPOS nothing 1',
    'BITPOS nothing 2',
    'BITPOS nothing x',
    'BITPOS k 2',
    'BITPOS k x',
    'BITPOS k 1 x',
  ],
  ...[
    'BITPOS k 1 0 x',
    'BITPOS k 1 0 x FOO',
    'BITPOS k 1 0 1 FOO',
    'BITPOS k 1 x 1 FOO',
    'BITPOS k 1 0 1 BIT x',
    'BITPOS k',
  ],
]);

const fields = script('bitmaps: BITFIELD', [
  ...['BITFIELD f INCRBY i5 100 1 GET u4 0', 'STRLEN f', 'BITFIELD f SET i8 #0 100 SET i8 #1 101 GET i8 0', 'GET f'],
  ...[
    'BITFIELD f SET u8 0 255 INCRBY u8 0 1',
    'BITFIELD f SET u8 0 255 OVERFLOW SAT INCRBY u8 0 10',
    'BITFIELD f GET u8 0',
  ],
  ...[
    'BITFIELD f OVERFLOW FAIL INCRBY u8 0 10 GET u8 0',
    'BITFIELD f OVERFLOW SAT SET u8 0 -1 GET u8 0',
    'BITFIELD f OVERFLOW SAT SET i8 0 -9223372036854775808 GET i8 0 SET i1 0 -9223372036854775807 GET i1 0',
    'BITFIELD f SET u8 0 -1',
  ],
  ...[
    'BITFIELD f SET i8 0 127 INCRBY i8 0 1',
    'BITFIELD f OVERFLOW SAT INCRBY i8 0 -100 INCRBY i8 0 -1',
    'BITFIELD f SET i8 0 200',
  ],
  ...[
    'BITFIELD f OVERFLOW SAT SET i8 0 200 GET i8 0',
    'BITFIELD f OVERFLOW FAIL SET i8 0 -129',
    'BITFIELD f SET u4 3 9 GET u4 3',
  ],
  ...['BITFIELD f SET i64 3 -1', 'BITFIELD f GET i64 3 GET u63 3', 'BITFIELD f INCRBY i64 3 9223372036854775807'],
  ...[
    'BITFIELD f INCRBY i64 3 9223372036854775807',
    'BITFIELD f OVERFLOW SAT INCRBY i64 3 9223372036854775807',
    'GET f',
  ],
  ...[
    'BITFIELD f SET u63 1 9223372036854775807 INCRBY u63 1 1',
    'BITFIELD f overflow fail INCRBY u63 1 -1',
    'BITFIELD f GET u1 5',
  ],
  ...[
    'BITFIELD f GET i1 0 GET u1 1000',
    'BITFIELD nothing GET u8 0 GET i5 3',
    'EXISTS nothing',
    'BITFIELD nothing',
    'BITFIELD_RO f',
  ],
  ...[
    'BITFIELD made OVERFLOW FAIL SET u4 50 16',
    'STRLEN made',
    'BITFIELD_RO f GET u8 0 GET u16 #1',
    'BITFIELD_RO f SET u8 0 1',
  ],
  ...[
    'BITFIELD_RO nothing SET u8 0 1',
    'BITFIELD f GET u64 0',
    'BITFIELD f GET i65 0',
    'BITFIELD f GET u0 0',
    'BITFIELD f GET x8 0',
  ],
  ...[
    'BITFIELD f GET u08 0',
    'BITFIELD f GET u 0',
    'BITFIELD f GET u8 -1',
    'BITFIELD f GET u8 x',
    'BITFIELD f GET u8 #x',
  ],
  ...['BITFIELD f GET u8 4294967296', 'BITFIELD f GET u8 #536870912', 'BITFIELD f GET u8 #-1', 'BITFIELD f SET u8 0 x'],
  ...[
    'BITFIELD f GET u8',
    'BITFIELD f FOO u8 0',
    'BITFIELD f OVERFLOW FOO',
    'BITFIELD f OVERFLOW',
    'BITFIELD f OVERFLOW SAT',
  ],
  ...['BITFIELD f SET u8 0', 'BITFIELD f INCRBY u8 0 9223372036854775808', 'BITFIELD f GET u8 0 SET', 'BITFIELD'],
]);

const large = script('bitmaps: large ones', [
  'SETBIT b 2000000 1',
  ...[
    'STRLEN b',
    'BITCOUNT b',
    'BITPOS b 1',
    'BITPOS b 0',
    'BITPOS b 1 200000',
    'BITPOS b 1 250001',
    'GETBIT b 2000000',
  ],
  ...['BITFIELD b SET u32 524280 4000000000 SET u16 1048570 65535 GET u32 #16383 INCRBY i64 1900000 -1', 'BITCOUNT b'],
  ...[
    'BITCOUNT b 524280 1048580 BIT',
    'BITPOS b 1 65540',
    'BITPOS b 1 524300 -1 BIT',
    'BITCOUNT b -20000 -1',
    'GETRANGE b 65530 65545',
  ],
  args('all ones', ['SET', 'ones', ONES]),
  ...['BITPOS ones 0', 'BITPOS ones 0 0 -1', 'BITCOUNT ones', 'BITCOUNT ones 3 1599990 BIT', 'SETBIT ones 1100000 0'],
  ...[
    'BITPOS ones 0',
    'BITPOS ones 0 137500 -1',
    'BITPOS ones 0 137501 -1',
    'BITPOS ones 0 1100001 -1 BIT',
    'BITCOUNT ones',
  ],
  ...['SETBIT far 4294967295 1', 'STRLEN far', 'GETBIT far 4294967295', 'BITPOS far 1 536870900', 'DEL far'],
]);

export const bitmapScripts: readonly Script[] = [bits, counts, fields, large];
