import { describe, expect, it } from 'vitest';
import { SessionRunner, TestProxy } from '../testing/session-runner.ts';

const LAST_MS = 2 ** 46 - 1;

/** Each line and its reply, in order, on one session. */
async function expectReplies(session: SessionRunner, lines: readonly (readonly [string, unknown])[]): Promise<void> {
  for (const [line, expected] of lines) expect(await session.run(line), line).toEqual(expected);
}

describe('the time to live of fields', () => {
  it('is set, told and taken away, with a code for each field', async () => {
    const session = new SessionRunner();
    const nowMs = session.proxy.clock.wallMs();
    const seconds = Math.ceil((nowMs + 10_000) / 1000);
    await expectReplies(session, [
      ['hexpire none 10 fields 2 a b', [-2, -2]],
      ['httl none fields 1 a', [-2]],
      ['hpersist none fields 1 a', [-2]],
      ['exists none', 0],
      ['hset h a 1 b 2 c 3', 3],
      ['object encoding h', 'listpack'],
      ['hexpire h 10 FIELDS 3 a x a', [1, -2, 1]],
      ['object encoding h', 'listpackex'],
      ['httl h FIELDS 3 a b x', [10, -1, -2]],
      ['hpttl h FIELDS 1 a', [10_000]],
      ['hexpiretime h FIELDS 1 a', [seconds]],
      ['hpexpiretime h FIELDS 1 a', [nowMs + 10_000]],
      ['hpexpire h 9001 fields 1 b', [1]],
      ['httl h fields 1 b', [10]],
      [`hexpireat h ${seconds + 5} fields 1 c`, [1]],
      ['hexpiretime h fields 1 c', [seconds + 5]],
      ['hpersist h fields 3 a b x', [1, 1, -2]],
      ['hpersist h fields 1 a', [-1]],
      [`hpexpireat h ${LAST_MS} fields 1 a`, [1]],
      ['hpexpiretime h fields 1 a', [LAST_MS]],
      ['ttl h', -1],
    ]);
  });

  it('is set under conditions, of which LT takes a field without one', async () => {
    await expectReplies(new SessionRunner(), [
      ['hset h a 1 b 2', 2],
      ['hpexpire h 100 xx fields 1 a', [0]],
      ['hpexpire h 100 gt fields 1 a', [0]],
      ['hpexpire h 100 LT fields 1 a', [1]],
      ['hpexpire h 100 nx fields 2 a b', [0, 1]],
      ['hpexpire h 100 gt fields 1 a', [0]],
      ['hpexpire h 100 lt fields 1 a', [0]],
      ['hpexpire h 101 gt fields 1 a', [1]],
      ['hpexpire h 99 lt fields 1 a', [1]],
      ['hpexpire h 50 xx fields 1 a', [1]],
      ['hpexpire h 0 gt fields 1 a', [0]],
      ['hpttl h fields 2 a b', [50, 100]],
    ]);
  });

  it('deletes a field at once where it is past, and the key with the last', async () => {
    await expectReplies(new SessionRunner(), [
      ['hset h a 1 b 2', 2],
      ['hexpire h 0 fields 2 a a', [2, -2]],
      ['hlen h', 1],
      ['hpexpireat h 1 fields 1 b', [2]],
      ['exists h', 0],
    ]);
  });

  it('goes with HSET, and stays with HINCRBY and HINCRBYFLOAT', async () => {
    const session = new SessionRunner();
    await expectReplies(session, [
      ['hset h a 1 b 2 c 3 d 4', 4],
      ['hpexpire h 100 fields 4 a b c d', [1, 1, 1, 1]],
      ['hset h a 1', 0],
      ['hincrby h b 5', 7],
      ['hincrbyfloat h c 0.5', '3.5'],
      ['hsetnx h d 9', 0],
      ['hpttl h fields 4 a b c d', [-1, 100, 100, 100]],
    ]);
    session.proxy.clock.advance(100);
    await expectReplies(session, [
      ['hgetall h', { a: '1' }],
      ['hget h b', null],
      ['hexists h b', 0],
      ['hstrlen h c', 0],
      ['hdel h b', 0],
      ['hincrby h b 5', 5],
      ['hsetnx h d 9', 1],
      ['httl h fields 3 b c d', [-1, -2, -1]],
    ]);
  });

  it('is kept by COPY, RENAME, MOVE and DUMP, and not by a new value', async () => {
    const session = new SessionRunner();
    await expectReplies(session, [
      ['hset h a 1 b 2', 2],
      ['hpexpire h 100 fields 1 a', [1]],
      ['pexpire h 5000', 1],
      ['copy h other', 1],
      ['rename h third', '+OK'],
      ['hpttl other fields 2 a b', [100, -1]],
      ['hpttl third fields 2 a b', [100, -1]],
      ['pttl third', 5_000],
      ['set other text', '+OK'],
      ['pttl other', -1],
      ['move third 1', 1],
      ['select 1', '+OK'],
      ['hpttl third fields 1 a', [100]],
    ]);
    session.proxy.clock.advance(100);
    await expectReplies(session, [
      ['hgetall third', { b: '2' }],
      ['persist third', 1],
      ['object encoding third', 'listpackex'],
      ['hset third c 3', 1],
      ['object encoding third', 'listpack'],
    ]);
  });

  it('is not in the way of the thresholds of encodings', async () => {
    const session = new SessionRunner(new TestProxy({ hashMaxListpackEntries: 3, hashMaxListpackValue: 5 }));
    await expectReplies(session, [
      ['hset h a 1', 1],
      ['hexpire h 10 fields 1 a', [1]],
      ['hset h b 1 c 1', 2],
      ['object encoding h', 'listpackex'],
      ['hset h d 1', 1],
      ['object encoding h', 'hashtable'],
      ['hsetex i ex 10 fields 1 a 123456', 1],
      ['object encoding i', 'hashtable'],
      ['httl i fields 1 a', [10]],
    ]);
  });

  it('hides fields from SORT', async () => {
    const session = new SessionRunner();
    await expectReplies(session, [
      ['rpush l 1 2', 2],
      ['hset w1 by 5 get one', 2],
      ['hset w2 by 4 get two', 2],
      ['hpexpire w1 10 fields 1 get', [1]],
      ['hpexpire w2 10 fields 1 by', [1]],
      ['sort l by w*->by get w*->get', ['two', 'one']],
    ]);
    session.proxy.clock.advance(10);
    // Without a weight it is 0.
    expect(await session.run('sort l by w*->by get w*->get')).toEqual(['two', null]);
  });
});

describe('HSCAN with NOVALUES', () => {
  it('answers fields alone, whatever options are around it', async () => {
    await expectReplies(new SessionRunner(), [
      ['hset h a 1 b 2', 2],
      ['hscan h 0 novalues', ['0', ['a', 'b']]],
      ['hscan h 0 match b NOVALUES count 10', ['0', ['b']]],
      ['hscan h 0 match novalues', ['0', []]],
      ['hscan h 0 novalues novalues', '-ERR syntax error'],
      ['sadd s m', 1],
      ['sscan s 0 novalues', '-ERR syntax error'],
    ]);
  });
});

describe('HGETDEL, HGETEX and HSETEX', () => {
  it('read and write fields and their times', async () => {
    const session = new SessionRunner();
    await expectReplies(session, [
      ['hgetdel h fields 2 a b', [null, null]],
      ['hgetex h ex 10 fields 1 a', [null]],
      ['hsetex h fxx fields 1 a 1', 0],
      ['exists h', 0],
      ['hsetex h fnx ex 10 fields 2 a 1 b 2', 1],
      ['hsetex h fnx fields 2 c 3 a 1', 0],
      ['hsetex h fxx fields 2 c 3 a 1', 0],
      ['hsetex h fxx keepttl fields 1 a 5', 1],
      ['httl h fields 3 a b c', [10, 10, -2]],
      ['hsetex h fields 1 a 6', 1],
      ['httl h fields 1 a', [-1]],
      ['hgetex h fields 2 a c', ['6', null]],
      ['hgetex h px 300 fields 2 a b', ['6', '2']],
      ['hpttl h fields 2 a b', [300, 300]],
      ['hgetex h persist fields 1 a', ['6']],
      ['httl h fields 1 a', [-1]],
      ['hgetex h exat 1 fields 1 a', ['6']],
      ['hexists h a', 0],
      ['hgetdel h fields 3 b b c', ['2', null, null]],
      ['exists h', 0],
      ['hsetex h pxat 1 fields 1 a 1', 1],
      ['exists h', 0],
    ]);
  });
});

describe('wrong arguments', () => {
  const notFields = '-ERR Mandatory argument FIELDS is missing or not at the right position';
  const otherCount = '-ERR The `numfields` parameter must match the number of arguments';
  const toSet = '-ERR Parameter `numFields` should be greater than 0';
  const toGet = '-ERR Number of fields must be a positive integer';
  const negative = '-ERR invalid expire time, must be >= 0';
  const onlyOne = '-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified';

  it.each([
    ['hexpire h x fields 1 a', '-ERR value is not an integer or out of range'],
    ['hexpire h -1 fields 1 a', negative],
    ['hexpire h 99999999999 fields 1 a', "-ERR invalid expire time in 'hexpire' command"],
    [`hpexpireat h ${LAST_MS + 1} fields 1 a`, "-ERR invalid expire time in 'hpexpireat' command"],
    [`hpexpire h ${LAST_MS} fields 1 a`, "-ERR invalid expire time in 'hpexpire' command"],
    ['hexpire h 1 fields 0 a', toSet],
    ['hexpire h 1 fields x a', toSet],
    ['hexpire h 1 fields 2 a', otherCount],
    ['hexpire h 1 fields 1 a b', otherCount],
    ['hexpire h 1 nx xx fields 1 a', notFields],
    ['hexpire h 1 no 1 a', notFields],
    ['httl h field 1 a', notFields],
    ['httl h fields 0 a', toGet],
    ['hpersist h fields 2 a', otherCount],
    ['hgetdel h fields -1 a', toGet],
    ['hgetex h ex 1 persist fields 1 a', notFields],
    ['hgetex h px -1 fields 1 a', negative],
    ['hgetex h ex 10 fields', "-ERR wrong number of arguments for 'hgetex' command"],
    ['hsetex h ex 1 px 1 fields 1 a 1', onlyOne],
    ['hsetex h keepttl ex 1 fields 1 a 1', onlyOne],
    ['hsetex h fnx fxx fields 1 a 1', '-ERR Only one of FXX or FNX arguments can be specified'],
    ['hsetex h nx fields 1 a 1', '-ERR unknown argument: nx'],
    ['hsetex h fields 0 a 1', '-ERR invalid number of fields'],
    ['hsetex h fields 2 a 1', "-ERR wrong number of arguments for 'hsetex' command"],
    ['hsetex h ex 1 fields 1 a', "-ERR wrong number of arguments for 'hsetex' command"],
    ['hsetex h fnx keepttl ex', onlyOne],
    ['hsetex h fnx ex', '-ERR missing expire time'],
    ['hsetex h px -1 fields 1 a 1', negative],
  ])('%s', async (line, error) => {
    const session = new SessionRunner();
    await session.run('hset h a 1');
    expect(await session.run(line)).toBe(error);
    expect(await session.run('hgetall h')).toEqual({ a: '1' });
  });

  it('are told after the type of the key', async () => {
    const session = new SessionRunner();
    await session.run('set text v');
    for (const line of ['hexpire text x fields 0 a', 'httl text x 0 a', 'hpersist text x 0 a', 'hgetex text x 0 a']) {
      expect(await session.run(line)).toBe('-WRONGTYPE Operation against a key holding the wrong kind of value');
    }
  });
});
