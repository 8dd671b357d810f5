import { describe, expect, it } from 'vitest';
import { ChildServer } from '../compat-tests/support/child-server.ts';
import { freePort } from '../compat-tests/support/free-port.ts';
import { makeTempDir, waitUntilPrintedReady } from '../compat-tests/support/junokv-server.ts';
import { RawClient } from '../compat-tests/support/raw-client.ts';
import { LEAST_LEVEL_NAMES } from './least-levels.ts';
import { describeMachine } from './machine.ts';
import { figuresOf, LEAST_PROGRAM, type LeastFigures, type LeastResult } from './measure-least.ts';
import { parseOptions } from './options.ts';
import { sectionOf } from './sections.ts';

describe('a server that does the least', () => {
  it.each(LEAST_LEVEL_NAMES)('serves redis-benchmark: %s', { timeout: 120_000 }, async (level) => {
    const port = await freePort();
    const dir = makeTempDir('least-test');
    const args = [LEAST_PROGRAM, level, String(port), dir];
    const server = new ChildServer({ name: level, command: process.execPath, args, cwd: dir });
    try {
      await waitUntilPrintedReady(server);
      const client = await RawClient.connect(port);
      const say = async (...command: string[]): Promise<string> => (await client.command(command)).toString();
      const answers = [
        await say('SET', 'k', 'v'),
        await say('GET', 'k'),
        await say('INCR', 'n'),
        await say('INCR', 'n'),
      ];
      // The sockets alone know nothing.
      const isDeaf = level === 'sockets';
      expect(answers).toEqual(isDeaf ? Array(4).fill('+OK\r\n') : ['+OK\r\n', '$1\r\nv\r\n', ':1\r\n', ':2\r\n']);
      client.close();
    } finally {
      await server.stop();
    }
  });
});

describe('what it is compared by', () => {
  const run = (perSecond: number) => ({ perSecond, totalUs: 1e6 / perSecond, mainUs: 5e5 / perSecond });

  it('is the ratio of rates in the same round', () => {
    const redis = [run(100), run(200), run(400)];
    expect(figuresOf('front', [run(50), run(40), run(300)], redis)).toEqual({
      ...{ system: 'front', totalUs: 20_000, mainUs: 10_000, perSecond: 50 },
      ...{ ratio: 0.5, leastRatio: 0.2, mostRatio: 0.75 },
    });
  });

  it('is shown line by line', () => {
    const figures = (system: LeastFigures['system'], ratio: number): LeastFigures => ({
      ...{ system, totalUs: 2 / ratio, mainUs: 1.5 / ratio, perSecond: 500_000 * ratio },
      ...{ ratio, leastRatio: ratio / 2, mostRatio: ratio * 2 },
    });
    const result: LeastResult = {
      ...{ machine: describeMachine(), rounds: 3, keys: 1_000 },
      rows: [
        {
          operation: 'SET',
          pipeline: 16,
          figures: [figures('redis', 1), figures('written', 0.25), figures('junokv', 0.1)],
        },
        { operation: 'GET', pipeline: 16, figures: [figures('redis', 1), figures('junokv', 0.2)] },
      ],
    };
    const { text, plots } = sectionOf({ mode: 'least', result });
    expect(plots).toEqual([]);
    expect(text).toContain('## What the limit is');
    expect(text.replace(/ +/g, ' ')).toContain('two answer | 8.0 / 6.0 | 0.25 (0.13-0.50) | | |');
    expect(text.replace(/ +/g, ' ')).toContain('whole | 20.0 / 15.0 | 0.10 (0.05-0.20) | 10.0 / 7.5 | 0.20 (');
  });

  it('is a mode of its own', () => {
    expect(parseOptions(['--least', '--quick'])).toMatchObject({ mode: 'least', form: 'quick' });
    expect(() => parseOptions(['--least', '--rooms'])).toThrow('do not go together');
  });
});
