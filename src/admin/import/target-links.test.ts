import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assert } from '../../base/assert.ts';
import { limits } from '../../base/limits.ts';
import { ManualClock } from '../../base/testing/manual-clock.ts';
import { RequestParser } from '../../resp/request-parser.ts';
import { TargetLinks } from './target-links.ts';

/** As a cluster under load: each answer comes after so long. */
const ANSWER_MS = 20_000;
/** Instead of an answer: the connection is cut. */
const CUT = '';

describe('connections to the target of an import', () => {
  const clock = new ManualClock();
  let server: Server;
  let links: TargetLinks;
  let ticking: ReturnType<typeof setInterval>;
  /** Of the next commands; then OK. */
  let answers: string[] = [];

  beforeEach(async () => {
    answers = [];
    server = createServer((socket) => {
      const parser = new RequestParser(true);
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => {
        parser.push(chunk);
        for (let words = parser.next(); words !== null; words = parser.next()) {
          if (words[0]?.toString() === 'SELECT') {
            socket.write('+OK\r\n');
            continue;
          }
          clock.advance(ANSWER_MS);
          const answer = answers.shift() ?? '+OK\r\n';
          if (answer === CUT) socket.destroy();
          else socket.write(answer);
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    assert(typeof address === 'object' && address !== null, 'it has a port');
    links = new TargetLinks([{ host: '127.0.0.1', port: address.port, tls: null, greeting: [] }], 1, clock);
    ticking = setInterval(() => clock.advance(limits.backupRetryMs), 1);
  });
  afterEach(async () => {
    clearInterval(ticking);
    links.close();
    await new Promise((resolve) => server.close(resolve));
  });

  const busy = (times: number): string[] => new Array<string>(times).fill('-UNCERTAIN no quorum\r\n');

  it('wait long for who has answered before', async () => {
    await links.call(0, ['SET', 'a', 'b']);
    answers = busy(10);
    const startedMs = clock.monotonicMs();
    await links.call(0, ['SET', 'a', 'b']);
    expect(clock.monotonicMs() - startedMs).toBeGreaterThan(2 * limits.backupUnreachableMs);
    expect(answers).toEqual([]);
  });

  it('do not wait long for who has never answered', async () => {
    answers = busy(100);
    await expect(links.call(0, ['SET', 'a', 'b'])).rejects.toThrow('the target does not answer: UNCERTAIN');
    expect(answers.length).toBeGreaterThan(50);
  });

  it('wait for what may come late of a lost connection, and only then', async () => {
    await links.call(0, ['SET', 'a', 'b']);
    const startedMs = clock.monotonicMs();
    await links.quiet();
    expect(clock.monotonicMs()).toBe(startedMs);
    answers = [CUT];
    expect(await links.callOnce(0, ['SET', 'a', 'c'])).toBe(null);
    const lostMs = clock.monotonicMs();
    await links.quiet();
    const waitedMs = clock.monotonicMs() - lostMs;
    expect(waitedMs).toBeGreaterThanOrEqual(limits.importLingerMs);
    await links.quiet();
    expect(clock.monotonicMs() - lostMs).toBe(waitedMs);
  });
});
