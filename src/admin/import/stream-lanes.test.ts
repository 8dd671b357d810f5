import { beforeEach, describe, expect, it } from 'vitest';
import { assert } from '../../base/assert.ts';
import { limits } from '../../base/limits.ts';
import { ManualClock } from '../../base/testing/manual-clock.ts';
import { SeededRandom } from '../load/seeded-random.ts';
import type { PlacedCommand } from './placed-command.ts';
import { keysNamed } from './stream-commands.ts';
import { StreamLanes } from './stream-lanes.ts';
import { ScriptedTarget } from './testing/scripted-target.ts';
import { ToyServer } from './testing/toy-server.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('lanes to a target', () => {
  let target: ScriptedTarget;
  let lanes: StreamLanes;
  let ended: string[];
  let failures: unknown[];

  beforeEach(() => {
    target = new ScriptedTarget(new ToyServer(new ManualClock()), new SeededRandom(1, 'lanes'), {
      lost: 0,
      uncertain: 0,
    });
    failures = [];
    lanes = new StreamLanes(target, true, (error) => failures.push(error));
    ended = [];
  });

  /** Each line is a command of database 0, or of that before a colon; several are a transaction. */
  async function carryOut(...lines: string[]): Promise<void> {
    const commands = lines.map((line): PlacedCommand => {
      const [, database = '0', rest = ''] = /^(?:(\d+):)?(.*)$/.exec(line) ?? [];
      const args = rest.split(' ').map((word) => Buffer.from(word));
      const command = { name: String(args[0]).toLowerCase(), args, bytes: line.length };
      return {
        database: Number(database),
        command,
        keys: keysNamed(command) ?? [],
        readsOthers: false,
        expiresAtMs: 0,
      };
    });
    lanes.carryOut(commands, (replies) =>
      ended.push(`${lines.join(', ')}: ${replies === null ? 'lost' : replies.join(' ')}`),
    );
    await opened();
  }

  async function opened(): Promise<void> {
    await turn();
    target.open();
    await turn();
  }

  async function answer(lane: number, calls = 1): Promise<void> {
    const link = target.links[lane];
    assert(link !== undefined, 'it is open');
    for (let i = 0; i < calls; i++) target.answer(link);
    await opened();
  }

  it('carry commands of one key out over one of them', async () => {
    for (const line of ['APPEND a 1', 'APPEND b 1', 'APPEND a 2']) await carryOut(line);
    expect(target.underWay).toEqual([['APPEND a 1', 'APPEND b 1', 'APPEND a 2']]);
  });

  it('go past what waits for a key, and keep the order of each key', async () => {
    await carryOut('APPEND a 1');
    await carryOut('RENAME a b');
    await carryOut('APPEND b 2');
    await carryOut('APPEND c 3');
    await carryOut('RENAME d e');
    expect(target.underWay).toEqual([['APPEND a 1', 'APPEND c 3'], ['RENAME d e']]);
    await answer(0);
    // It goes over the least busy one of those for several keys; what it held up goes behind it at once.
    expect(target.underWay).toEqual([['APPEND c 3'], ['RENAME d e'], ['RENAME a b', 'APPEND b 2']]);
    await answer(2, 2);
    expect(ended).toEqual(['APPEND a 1: 1', 'RENAME a b: OK', 'APPEND b 2: 2']);
    expect(target.server.get(0, 'b')?.text).toBe('12');
  });

  it('let what concerns keys of several lanes wait until all but one of them have ended', async () => {
    await carryOut('MSET a 1 b 1');
    await carryOut('MSET c 1 d 1');
    await carryOut('MSET e 1 f 1');
    await carryOut('MSET b 2 c 2');
    expect(target.underWay).toEqual([['MSET a 1 b 1'], ['MSET c 1 d 1'], ['MSET e 1 f 1']]);
    await answer(1);
    expect(target.underWay).toEqual([['MSET a 1 b 1', 'MSET b 2 c 2'], [], ['MSET e 1 f 1']]);
  });

  it('send a transaction over one of them, when everything that shares a key with it has ended', async () => {
    await carryOut('APPEND a 1');
    await carryOut('MSET b 1 c 1');
    await carryOut('APPEND a 2', 'APPEND b 2');
    await carryOut('APPEND b 3');
    expect(target.underWay).toEqual([['APPEND a 1'], ['MSET b 1 c 1']]);
    await answer(1);
    expect(target.underWay).toEqual([['APPEND a 1'], []]);
    await answer(0);
    expect(target.underWay).toEqual([[], ['MULTI', 'APPEND a 2', 'APPEND b 2', 'EXEC', 'APPEND b 3']]);
    await answer(1, 5);
    expect(ended.slice(2)).toEqual(['APPEND a 2, APPEND b 2: 2 2', 'APPEND b 3: 3']);
    expect([target.server.get(0, 'a')?.text, target.server.get(0, 'b')?.text]).toEqual(['12', '123']);
  });

  it('have an order for keys of several databases, too', async () => {
    await carryOut('APPEND a 1');
    await carryOut('1:APPEND a 2');
    await carryOut('MOVE a 1');
    await carryOut('1:APPEND b 2');
    expect(target.underWay).toEqual([['APPEND a 1'], ['APPEND a 2', 'APPEND b 2']]);
    await answer(0);
    expect(target.underWay).toEqual([[], ['APPEND a 2', 'APPEND b 2']]);
    await answer(1);
    expect(target.underWay).toEqual([[], ['APPEND b 2'], ['MOVE a 1']]);
  });

  it('have a connection of its own for a transaction of several databases', async () => {
    await carryOut('APPEND a 1', '1:APPEND a 2');
    expect(target.underWay).toEqual([['MULTI', 'APPEND a 1', 'SELECT 1', 'APPEND a 2', 'EXEC']]);
    await answer(0, 5);
    expect(target.links[0]?.isLost).toBe(true);
    expect(ended).toEqual(['APPEND a 1, 1:APPEND a 2: 1 1']);
    expect([target.server.get(0, 'a')?.text, target.server.get(1, 'a')?.text]).toEqual(['1', '2']);
  });

  it('are so many', async () => {
    for (let i = 0; i < 3 * limits.importLanes; i++) await carryOut(`MSET a${i} 1 b${i} 1`);
    expect(target.underWay.map((calls) => calls.length)).toEqual(new Array<number>(limits.importLanes).fill(3));
  });

  it('say what was lost, and go on over a new connection with what shares keys with it', async () => {
    await carryOut('APPEND a 1');
    await carryOut('APPEND b 1');
    await carryOut('MSET a 2 b 2');
    target.loseOne();
    await opened();
    expect(ended).toEqual(['APPEND a 1: lost', 'APPEND b 1: lost']);
    expect(target.losses).toBeGreaterThan(0);
    expect(target.underWay).toEqual([['MSET a 2 b 2']]);
    await carryOut('APPEND c 1');
    expect(target.underWay).toEqual([['MSET a 2 b 2'], ['APPEND c 1']]);
  });

  it('say why there are none', async () => {
    lanes = new StreamLanes(
      { openPatiently: () => Promise.reject(new Error('nobody is there')), noteLost: () => undefined },
      true,
      (error) => failures.push(error),
    );
    await carryOut('APPEND a 1');
    expect(failures.map(String)).toEqual(['Error: nobody is there']);
    expect(ended).toEqual([]);
  });
});
