import { oneOf } from './random-command.ts';

/** What DUMP of Redis 7.0 makes of a string, an integer, a list, a set, integers, a hash, a sorted set; and three that are broken: of a wrong checksum, of a version to come, of nothing. */
const payloads = [
  '00036162630a00d9ac303d4172a2e2',
  '00c1e8030a0089d1478ebac4b764',
  '1201020e0e000000030081610201010201ff0a00b0e3d3d1e5da67ec',
  '0202016101620a00fe642125eb033d0d',
  '0b0e0200000003000000010002002c010a00e510b28e7b9529aa',
  '101111000000040081660281760201010201ff0a001a4df2175e0bff9b',
  '1115150000000400816202dffe0281610283312e3504ff0a006c359df633d08b5d',
  '00036162630a00d9ac303d4172a2e3',
  '0003616263ff00d9ac303d4172a2e2',
  '',
].map((hex) => Buffer.from(hex, 'hex').toString('latin1'));

export const payload = oneOf(...payloads);
