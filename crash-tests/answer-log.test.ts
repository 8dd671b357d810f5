import { describe, expect, it } from 'vitest';
import { AnswerLog } from './answer-log.ts';

const FIRST = '0193f5a0-1111-7abc-8def-000000000001';
const SECOND = '0193f5a0-1111-7abc-8def-000000000002';

function context(version: number, requestId: string): string {
  const numbers = ['creationTime', 'lastModified', 'ttl', 'pttl'].map(
    (name) => `$${name.length}\r\n${name}\r\n:-1\r\n`,
  );
  return `$13\r\nrecordVersion\r\n:${version}\r\n${numbers.join('')}$9\r\nrequestId\r\n$36\r\n${requestId}\r\n`;
}

const update = (version: number, id: string): Buffer => Buffer.from(`*12\r\n${context(version, id)}`);
const set = (version: number, id: string): Buffer =>
  Buffer.from(`*14\r\n${context(version, id)}$7\r\ncreated\r\n:0\r\n`);
const get = (version: number, id: string): Buffer =>
  Buffer.from(`*14\r\n$5\r\nvalue\r\n$2\r\nab\r\n${context(version, id)}`);

describe('AnswerLog', () => {
  it('counts answers from memory, and those of another proxy', () => {
    const log = new AnswerLog();
    log.add(1, Buffer.concat([update(2, FIRST), set(3, SECOND)]));
    expect([log.answered, log.repeated, log.byBothProxies]).toEqual([2, 0, 0]);
    log.add(1, update(2, FIRST));
    expect([log.repeated, log.byBothProxies]).toEqual([1, 0]);
    log.add(2, update(2, FIRST));
    expect([log.answered, log.repeated, log.byBothProxies]).toEqual([2, 2, 1]);
    expect(log.contradictions).toEqual([]);
  });

  it('does not take a read of what a write made for an answer to it', () => {
    const log = new AnswerLog();
    log.add(1, get(2, FIRST));
    log.add(1, Buffer.from('+PONG\r\n-VERSIONCONFLICT recordVersion=3 created=1: no\r\n'));
    expect(log.answered).toBe(0);
  });

  it('finds an id that made two versions, and a success that was told another', () => {
    const log = new AnswerLog();
    log.add(1, update(2, FIRST));
    expect(log.check(FIRST, 2)).toEqual([]);
    expect(log.check(SECOND, 9)).toEqual([]);
    expect(log.check(FIRST, 3)).toHaveLength(1);
    log.add(1, update(3, FIRST));
    expect(log.repeated).toBe(0);
    expect(log.contradictions).toEqual([`${FIRST} made versions 2 and 3`]);
  });
});
