import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { JunoRunner, uuid } from './testing/juno-runner.ts';

const OTHER = '-BADPARAM request id was used for another operation';
const UNCERTAIN = /^-UNCERTAIN request id is older than what the record remembers.* recordVersion=(\d+) created=(\d+)/;

/** The answer and the whole record that is left of a repeat must be those of before it. */
function expectRepeat(runner: JunoRunner, line: string, answer: unknown): void {
  const before = runner.record('k');
  const { changed } = runner.cluster;
  expect(runner.line(line)).toEqual(answer);
  expect(runner.record('k')).toEqual(before);
  expect(runner.cluster.changed).toBe(changed);
}

/** `count` further writes by others, each with an id of its own. */
function othersWrite(runner: JunoRunner, count: number, version = 7): void {
  for (let i = 0; i < count; i++) {
    runner.clock.advance(1);
    expect(runner.fields(`juno.set k other${i} REQUESTID ${runner.newId(version)}`)).toMatchObject({ created: 0 });
  }
}

describe('a repeated request', () => {
  const writes = ['juno.create k v TTL 100', 'juno.set k v TTL 100'];

  for (const write of writes) {
    it(`${write}: answers what the first one answered, at once and later`, () => {
      const runner = new JunoRunner();
      const line = `${write} REQUESTID ${runner.newId()}`;
      const answer = runner.line(line);
      expectRepeat(runner, line, answer);
      runner.clock.advance(50_000);
      expectRepeat(runner, line, answer);
      runner.clock.advance(100_000);
      // The record has expired.
      expectRepeat(runner, line, answer);
      expect(runner.record('k')).toBeNull();
    });

    it(`${write}: is answered after later writes, a destroy and a new incarnation`, () => {
      const runner = new JunoRunner();
      const line = `${write} REQUESTID ${runner.newId()}`;
      const answer = runner.line(line);
      othersWrite(runner, 5);
      expectRepeat(runner, line, answer);
      runner.line('set k overwritten');
      expectRepeat(runner, line, answer);
      runner.line('del k');
      expectRepeat(runner, line, answer);
      runner.line('set k again');
      expectRepeat(runner, line, answer);
      runner.line(`juno.destroy k REQUESTID ${runner.newId()}`);
      runner.clock.advance(limits.requestReachMs);
      runner.line(`juno.create k third REQUESTID ${runner.newId()}`);
      expectRepeat(runner, line, answer);
    });
  }

  it('juno.update: is answered although its version is not the current one any more', () => {
    const runner = new JunoRunner();
    runner.line('juno.create k v');
    const line = `juno.update k w VERSION 1 CREATED ${runner.nowMs} TTL 5 REQUESTID ${runner.newId()}`;
    const answer = runner.line(line);
    expect(answer).toEqual(expect.arrayContaining([['recordVersion', 2]]));
    expectRepeat(runner, line, answer);
    othersWrite(runner, 5);
    expectRepeat(runner, line, answer);
    runner.line('juno.destroy k');
    expectRepeat(runner, line, answer);
    runner.line('juno.create k v');
    expectRepeat(runner, line, answer);
  });

  it('juno.set: says whether the first one created', () => {
    const runner = new JunoRunner();
    const [first, second] = [runner.newId(), runner.newId()];
    runner.line(`juno.set k a REQUESTID ${first}`);
    runner.line(`juno.set k b REQUESTID ${second}`);
    expect(runner.fields(`juno.set k a REQUESTID ${first}`)).toMatchObject({ created: 1, recordVersion: 1 });
    expect(runner.fields(`juno.set k b REQUESTID ${second}`)).toMatchObject({ created: 0, recordVersion: 2 });
  });

  it('juno.destroy: spares a record that was created after it', () => {
    const runner = new JunoRunner();
    const line = `juno.destroy k REQUESTID ${runner.newId()}`;
    runner.line('juno.create k v');
    expect(runner.line(line)).toBe('+OK');
    expectRepeat(runner, line, '+OK');
    runner.line('juno.create k w');
    expectRepeat(runner, line, '+OK');
    expect(runner.line('get k')).toBe('w');
  });

  it('juno.destroy: is remembered also where there was nothing to delete', () => {
    const runner = new JunoRunner();
    const line = `juno.destroy k VERSION 9 REQUESTID ${runner.newId()}`;
    expect(runner.line(line)).toBe('+OK');
    runner.line('juno.create k v');
    expectRepeat(runner, line, '+OK');
    expect(runner.line('get k')).toBe('v');
  });

  it('answers the request id in lower case, and knows it in any', () => {
    const runner = new JunoRunner();
    const id = uuid(7, runner.nowMs, 0xabcdef);
    expect(runner.fields(`juno.create k v REQUESTID ${id.toUpperCase()}`)).toMatchObject({ requestId: id });
    expect(runner.fields(`juno.create k v REQUESTID ${id}`)).toMatchObject({ recordVersion: 1, requestId: id });
  });

  it('is a matter of its own key', () => {
    const runner = new JunoRunner();
    const id = runner.newId();
    runner.line(`juno.create k v REQUESTID ${id}`);
    expect(runner.fields(`juno.create other v REQUESTID ${id}`)).toMatchObject({ recordVersion: 1 });
    expect(runner.line('get other')).toBe('v');
  });

  it('was not remembered if it was an error: it may succeed later', () => {
    const runner = new JunoRunner();
    const [update, create, destroy] = [runner.newId(), runner.newId(), runner.newId()];
    expect(runner.line(`juno.update k v REQUESTID ${update}`)).toMatch(/^-NOKEY/);
    runner.line('juno.create k v');
    expect(runner.line(`juno.create k w REQUESTID ${create}`)).toMatch(/^-DUPKEY/);
    expect(runner.line(`juno.destroy k VERSION 2 REQUESTID ${destroy}`)).toMatch(/^-VERSIONCONFLICT/);
    expect(runner.fields(`juno.update k w REQUESTID ${update}`)).toMatchObject({ recordVersion: 2 });
    expect(runner.line(`juno.destroy k VERSION 2 REQUESTID ${destroy}`)).toBe('+OK');
    expect(runner.fields(`juno.create k w REQUESTID ${create}`)).toMatchObject({ recordVersion: 1 });
  });
});

describe('a request id of another operation', () => {
  const first: Record<string, string> = {
    'juno.create': 'juno.create k v',
    'juno.update': 'juno.update k v',
    'juno.destroy': 'juno.destroy k',
  };
  const allowed: Record<string, readonly string[]> = {
    'juno.create': ['juno.create', 'juno.set'],
    'juno.update': ['juno.update', 'juno.set'],
    'juno.destroy': ['juno.destroy'],
  };

  for (const [name, line] of Object.entries(first)) {
    for (const [again, second] of Object.entries({ ...first, 'juno.set': 'juno.set k v' })) {
      if (allowed[name]?.includes(again)) continue;
      it(`${name}: is refused by ${again}`, () => {
        const runner = new JunoRunner();
        const id = runner.newId();
        if (name !== 'juno.create') runner.line('juno.create k first');
        runner.line(`${line} REQUESTID ${id}`);
        expectRepeat(runner, `${second} REQUESTID ${id}`, OTHER);
      });
    }
  }
});

describe('a request id that may have been forgotten', () => {
  for (const version of [1, 6, 7]) {
    it(`of version ${version} is UNCERTAIN, and nothing is done`, () => {
      const runner = new JunoRunner();
      const id = version === 7 ? runner.newId() : gregorianUuid(version, runner.nowMs);
      const line = `juno.set k v REQUESTID ${id}`;
      runner.line(line);
      const born = runner.nowMs;
      // One more than the record remembers: the first is the oldest.
      othersWrite(runner, limits.requestIdsPerRecord - 1);
      expect(runner.fields(line)).toMatchObject({ recordVersion: 1, created: 1 });
      othersWrite(runner, 1);
      const before = runner.record('k');
      const answer = UNCERTAIN.exec(String(runner.line(line)));
      expect(answer?.slice(1)).toEqual([String(limits.requestIdsPerRecord + 1), String(born)]);
      expect(runner.record('k')).toEqual(before);
      for (const other of ['juno.create k v', 'juno.update k v VERSION 65', 'juno.destroy k']) {
        expectRepeat(runner, `${other} REQUESTID ${id}`, expect.stringMatching(UNCERTAIN));
      }
      expect(runner.fields(`juno.update k w REQUESTID ${runner.newId(7)}`)).toMatchObject({ recordVersion: 66 });
    });
  }

  it('of version 4: once one was forgotten, no further one can be told from a repeat', () => {
    const runner = new JunoRunner();
    const line = `juno.create k v REQUESTID ${runner.newId(4)}`;
    runner.line(line);
    othersWrite(runner, limits.requestIdsPerRecord, 4);
    expectRepeat(runner, line, expect.stringMatching(UNCERTAIN));
    expectRepeat(runner, `juno.set k w REQUESTID ${runner.newId(4)}`, expect.stringMatching(UNCERTAIN));
    expect(runner.fields(`juno.set k w REQUESTID ${runner.newId(7)}`)).toMatchObject({ created: 0 });
  });

  it('is one that is much older than a record that does not exist, or is new', () => {
    const runner = new JunoRunner();
    const old = uuid(7, runner.nowMs - limits.requestReachMs, 1);
    const young = uuid(7, runner.nowMs - limits.requestReachMs + 1, 1);
    expect(runner.line(`juno.create k v REQUESTID ${old}`)).toMatch(/recordVersion=0 created=0/);
    expect(runner.fields(`juno.create k v REQUESTID ${young}`)).toMatchObject({ recordVersion: 1 });
    expect(runner.line(`juno.update k v REQUESTID ${old}`)).toMatch(UNCERTAIN);
  });
});

function gregorianUuid(version: number, timeMs: number): string {
  const steps = (BigInt(timeMs) * 10_000n + 0x01b2_1dd2_1381_4000n).toString(16).padStart(15, '0');
  const words =
    version === 1
      ? [steps.slice(7), steps.slice(3, 7), `1${steps.slice(0, 3)}`]
      : [steps.slice(0, 8), steps.slice(8, 12), `6${steps.slice(12)}`];
  return [...words, '8000', '000000000001'].join('-');
}

describe('repeating any requests at any later time', () => {
  const value = fc.constantFrom('a', 'b', 'c');
  const options = fc.record({
    ttl: fc.constantFrom('', ' TTL 1', ' PTTL 300'),
    version: fc.constantFrom('', ' VERSION 1', ' VERSION 2'),
  });
  const command = fc.record({ name: fc.constantFrom('create', 'update', 'set', 'destroy'), value, options });
  const plain = fc.constantFrom('set k x', 'set k x px 200', 'del k', 'persist k', 'append k y');
  const event = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('request' as const), command, idVersion: fc.constantFrom(7, 7, 4) }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('repeat' as const), which: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('plain' as const), line: plain }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(0, 1, 250, 1_000) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('crowd' as const), count: fc.constantFrom(3, 40) }) },
  );

  function lineOf(
    { name, value: text, options: { ttl, version } }: typeof command extends fc.Arbitrary<infer T> ? T : never,
    id: string,
  ): string {
    const condition = name === 'update' || name === 'destroy' ? version : '';
    const words = name === 'destroy' ? 'k' : `k ${text}${ttl}`;
    return `juno.${name} ${words}${condition} REQUESTID ${id}`;
  }

  it('changes nothing and answers what the first one answered, or that it may have been', () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 5, maxLength: 60 }), (events) => {
        const runner = new JunoRunner();
        const applied: { line: string; answer: unknown }[] = [];
        for (const one of events) {
          switch (one.kind) {
            case 'request': {
              const line = lineOf(one.command, runner.newId(one.idVersion));
              const answer = runner.line(line);
              if (typeof answer !== 'string' || answer === '+OK') applied.push({ line, answer });
              break;
            }
            case 'repeat': {
              const first = applied[one.which % Math.max(1, applied.length)];
              if (first === undefined) break;
              const before = runner.record('k');
              const { changed } = runner.cluster;
              const answer = runner.line(first.line);
              if (typeof answer === 'string' && answer !== '+OK') expect(answer).toMatch(UNCERTAIN);
              else expect(answer).toEqual(first.answer);
              expect(runner.record('k')).toEqual(before);
              expect(runner.cluster.changed).toBe(changed);
              break;
            }
            case 'plain':
              runner.line(one.line);
              break;
            case 'time':
              runner.clock.advance(one.ms);
              break;
            case 'crowd':
              for (let i = 0; i < one.count; i++) runner.line(`juno.set k crowd REQUESTID ${runner.newId()}`);
              break;
          }
        }
      }),
      { numRuns: 150 },
    );
  });
});
