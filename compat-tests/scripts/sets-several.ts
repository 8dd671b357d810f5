import { inAnyOrder } from '../support/comparisons.ts';
import { args, as, type Script, script } from '../support/script.ts';

const INTEGERS = Array.from({ length: 600 }, (_, i) => String(i * 3));
const EVEN = Array.from({ length: 600 }, (_, i) => String(i * 2));
/** So many that they are kept in trees here. */
const LARGE = Array.from({ length: 3_000 }, (_, i) => `member-number-${i}`);
const HALF = LARGE.filter((_, i) => i % 2 === 0);

const algebra = script('sets: what several have in common', [
  'SADD a 1 2 3 x y',
  'SADD b 2 3 4 y z',
  'SADD c 3 y q',
  as(inAnyOrder, 'SINTER a b c'),
  as(inAnyOrder, 'SINTER a'),
  as(inAnyOrder, 'SINTER a a'),
  'SINTER a nothing',
  'SINTER nothing',
  as(inAnyOrder, 'SUNION a b c nothing'),
  'SUNION nothing',
  as(inAnyOrder, 'SDIFF a b'),
  as(inAnyOrder, 'SDIFF a nothing c'),
  'SDIFF nothing a',
  'SDIFF a a',
  'SINTERCARD 2 a b',
  'SINTERCARD 3 a b c LIMIT 1',
  'SINTERCARD 3 a b c LIMIT 0',
  'SINTERCARD 1 nothing',
]);

const stores = script('sets: stored results', [
  'SADD a 1 2 3',
  'SADD b 2 3 4',
  'SADD s x y',
  'SINTERSTORE d a b',
  as(inAnyOrder, 'SMEMBERS d'),
  'OBJECT ENCODING d',
  'SUNIONSTORE d a s',
  as(inAnyOrder, 'SMEMBERS d'),
  'OBJECT ENCODING d',
  'SDIFFSTORE a a b',
  as(inAnyOrder, 'SMEMBERS a'),
  'EXPIRE d 100',
  'SUNIONSTORE d b',
  'TTL d',
  'SET t text',
  'SINTERSTORE t b b',
  'TYPE t',
  'SINTERSTORE t b nothing',
  'EXISTS t',
  'SDIFFSTORE nothing b b',
  'EXISTS nothing',
]);

const moves = script('sets: SMOVE', [
  'SADD a 1 2 x',
  'SADD b 3',
  'SMOVE a b 1',
  'SMOVE a b 1',
  'SMOVE a b x',
  as(inAnyOrder, 'SMEMBERS b'),
  'OBJECT ENCODING b',
  'SMOVE a a 2',
  'SMOVE a a 9',
  'EXPIRE b 100',
  'SMOVE a b 2',
  'EXISTS a',
  'TTL b',
  'SMOVE nothing b 2',
  'SMOVE b new 2',
  'SMEMBERS new',
]);

const large = script('sets: large ones together', [
  args('many members', ['SADD', 'l', ...LARGE]),
  args('half of them', ['SADD', 'h', ...HALF]),
  args('integers', ['SADD', 'i', ...INTEGERS]),
  args('even integers', ['SADD', 'e', ...EVEN]),
  'SINTERCARD 2 l h',
  'SINTERCARD 2 i e',
  'SINTERSTORE d l h',
  'SDIFFSTORE f l h',
  'SUNIONSTORE u l i e',
  'SCARD u',
  'OBJECT ENCODING u',
  as(inAnyOrder, 'SDIFF h f'),
  as(inAnyOrder, 'SINTER i e'),
]);

const mistakes = script('sets: mistakes with several', [
  'SET t text',
  'SADD a 1',
  'SINTER a t',
  'SINTER nothing t',
  'SUNION t',
  'SDIFF a t',
  'SDIFF nothing t',
  'SINTERSTORE d t a',
  'SINTERSTORE d nothing t',
  'SMOVE a t 1',
  'SMOVE t a 1',
  'SMOVE nothing t 1',
  'SINTERCARD 0 a',
  'SINTERCARD -1 a',
  'SINTERCARD x a',
  'SINTERCARD 2 a',
  'SINTERCARD 1 a LIMIT',
  'SINTERCARD 1 a LIMIT -1',
  'SINTERCARD 1 a LIMIT x',
  'SINTERCARD 1 a b',
  'SINTERCARD 1 a LIMIT 1 LIMIT 2',
  'SINTERCARD 1 t',
  'SINTER',
  'SINTERSTORE d',
  'SMOVE a b',
]);

/** Sets together. */
export const severalSetsScripts: readonly Script[] = [algebra, stores, moves, large, mistakes];
