import { describe, expect, it } from 'vitest';
import { plain } from '../proxy/testing/run-command.ts';
import { NO_PAST } from '../record/request-history.ts';
import type { LiveRecord } from '../record/state.ts';
import type { Value } from '../record/value.ts';
import { OK } from '../resp/reply.ts';
import { junoCommands } from './juno-commands.ts';
import { wrongType } from './juno-steps.ts';
import { JunoRunner } from './testing/juno-runner.ts';

const SYNTAX = '-ERR syntax error';
const NOKEY = '-NOKEY the key does not exist';
const ID = '017f22e2-79b0-7cc3-98c4-dc0c0c07398f';

/** A record `k` of version 3, made a minute ago, that expires in 100 s. */
function withRecord(): { runner: JunoRunner; createdMs: number } {
  const runner = new JunoRunner();
  const createdMs = runner.nowMs;
  runner.line('juno.create k a TTL 160');
  runner.line('juno.set k b');
  runner.line('juno.set k c');
  runner.clock.advance(60_000);
  return { runner, createdMs };
}

describe('JUNO.CREATE', () => {
  it('creates a record of version 1 and answers its context', () => {
    const runner = new JunoRunner();
    expect(runner.line('juno.create k hello')).toEqual([
      ['recordVersion', 1],
      ['creationTime', runner.nowMs],
      ['lastModified', runner.nowMs],
      ['ttl', -1],
      ['pttl', -1],
      ['requestId', null],
    ]);
    expect(runner.line('get k')).toBe('hello');
  });

  it('takes a TTL in seconds or milliseconds', () => {
    const runner = new JunoRunner();
    expect(runner.fields('juno.create a v TTL 100')).toMatchObject({ ttl: 100, pttl: 100_000 });
    expect(runner.fields('juno.create b v PTTL 1499')).toMatchObject({ ttl: 1, pttl: 1_499 });
    expect(runner.fields('juno.create c v PTTL 1500')).toMatchObject({ ttl: 2, pttl: 1_500 });
    expect(runner.fields('juno.create d v TTL 0')).toMatchObject({ ttl: -1, pttl: -1 });
    expect(runner.line('pttl a')).toBe(100_000);
  });

  it('keeps an expiry beyond all bounds as the latest that there is', () => {
    const runner = new JunoRunner();
    runner.line('juno.create k v PTTL 9007199254740991');
    expect(runner.record('k')?.expiresAtMs).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('answers a live record with its version and changes nothing', () => {
    const { runner, createdMs } = withRecord();
    const before = runner.record('k');
    expect(runner.line('juno.create k x TTL 1000')).toBe(
      `-DUPKEY recordVersion=3 created=${createdMs}: the key exists`,
    );
    expect(runner.record('k')).toEqual(before);
  });

  it('creates where a record was destroyed or has expired: version 1 again, of a later creation time', () => {
    const runner = new JunoRunner();
    runner.line('juno.create k a TTL 1');
    const first = runner.record('k')?.creationTimeMs ?? 0;
    runner.line('juno.destroy k');
    // At the same millisecond.
    expect(runner.fields('juno.create k b TTL 1')).toMatchObject({ recordVersion: 1, creationTime: first + 1 });
    runner.clock.advance(1_000);
    expect(runner.fields('juno.create k c')).toMatchObject({ recordVersion: 1, creationTime: first + 1_000 });
  });

  it('refuses what it does not know', () => {
    const runner = new JunoRunner();
    for (const options of ['VERSION 1', 'CREATED 1', 'NX', 'EX 1', 'TTL']) {
      expect(runner.line(`juno.create k v ${options}`)).toBe(SYNTAX);
    }
    expect(runner.line('juno.create k v TTL -1')).toMatch(/^-BADPARAM /);
    expect(runner.record('k')).toBeNull();
  });
});

describe('JUNO.GET', () => {
  it('answers the value with its context', () => {
    const { runner, createdMs } = withRecord();
    expect(runner.line('juno.get k')).toEqual([
      ['value', 'c'],
      ['recordVersion', 3],
      ['creationTime', createdMs],
      ['lastModified', createdMs],
      ['ttl', 100],
      ['pttl', 100_000],
      ['requestId', null],
    ]);
  });

  it('answers nil where there is no record, was one, or one has expired', () => {
    const { runner } = withRecord();
    expect(runner.line('juno.get other')).toBeNull();
    expect(runner.line('juno.get other TTL 5')).toBeNull();
    runner.clock.advance(100_000);
    expect(runner.line('juno.get k TTL 5')).toBeNull();
    runner.line('set k v');
    runner.line('juno.destroy k');
    expect(runner.line('juno.get k')).toBeNull();
  });

  it('extends the life of a record, and nothing else', () => {
    const { runner } = withRecord();
    const before = runner.record('k');
    const context = { recordVersion: 3, lastModified: before?.lastModifiedMs };
    expect(runner.fields('juno.get k PTTL 100001')).toMatchObject({ ...context, ttl: 100, pttl: 100_001 });
    expect(runner.fields('juno.get k TTL 500')).toMatchObject({ ...context, pttl: 500_000 });
    expect(runner.record('k')).toEqual({ ...before, expiresAtMs: runner.nowMs + 500_000 });
  });

  it('never shortens it', () => {
    const { runner } = withRecord();
    const { changed } = runner.cluster;
    for (const ttl of ['TTL 99', 'TTL 100', 'TTL 0', 'PTTL 0']) {
      expect(runner.fields(`juno.get k ${ttl}`)).toMatchObject({ pttl: 100_000 });
    }
    runner.line('persist k');
    expect(runner.fields('juno.get k TTL 5')).toMatchObject({ ttl: -1, pttl: -1 });
    expect(runner.cluster.changed).toBe(changed + 1);
  });

  it('names the request that made the value', () => {
    const runner = new JunoRunner();
    const [first, second] = [runner.newId(), runner.newId()];
    runner.line(`juno.create k a REQUESTID ${first}`);
    expect(runner.fields('juno.get k')).toMatchObject({ requestId: first });
    runner.line(`juno.update k b REQUESTID ${second}`);
    expect(runner.fields('juno.get k TTL 100')).toMatchObject({ requestId: second });
    runner.line('append k c');
    expect(runner.fields('juno.get k')).toMatchObject({ value: 'bc', recordVersion: 3, requestId: null });
    runner.line(`juno.destroy k REQUESTID ${runner.newId()}`);
    runner.line('set k d');
    expect(runner.fields('juno.get k')).toMatchObject({ recordVersion: 1, requestId: null });
  });

  it('is a read unless it extends', () => {
    const handler = junoCommands.find(({ name }) => name === 'juno.get')?.handler;
    const parse = (line: string) =>
      handler?.kind === 'record' ? handler.parse(line.split(' ').map((word) => Buffer.from(word))) : null;
    expect(parse('juno.get k')).toMatchObject({ step: { access: 'read' } });
    expect(parse('juno.get k TTL 0')).toMatchObject({ step: { access: 'read' } });
    expect(parse('juno.get k TTL 1')).toMatchObject({ step: { access: 'write' } });
  });

  it('refuses what it does not know', () => {
    const { runner } = withRecord();
    for (const options of [`REQUESTID ${ID}`, 'VERSION 3', 'PERSIST', 'TTL']) {
      expect(runner.line(`juno.get k ${options}`)).toBe(SYNTAX);
    }
    expect(runner.line('juno.get k TTL x')).toMatch(/^-BADPARAM /);
  });
});

describe('JUNO.UPDATE', () => {
  it('replaces the value of a live record', () => {
    const { runner, createdMs } = withRecord();
    expect(runner.line('juno.update k new')).toEqual([
      ['recordVersion', 4],
      ['creationTime', createdMs],
      ['lastModified', createdMs + 60_000],
      ['ttl', 100],
      ['pttl', 100_000],
      ['requestId', null],
    ]);
    expect(runner.line('get k')).toBe('new');
  });

  it('answers NOKEY where there is none, with a version as without', () => {
    const { runner, createdMs } = withRecord();
    expect(runner.line('juno.update other v')).toBe(NOKEY);
    runner.line('juno.destroy k');
    expect(runner.line('juno.update k v')).toBe(NOKEY);
    expect(runner.line(`juno.update k v VERSION 3 CREATED ${createdMs}`)).toBe(NOKEY);
    runner.line('juno.create k v PTTL 5');
    runner.clock.advance(5);
    expect(runner.line('juno.update k v TTL 100')).toBe(NOKEY);
    expect(runner.record('k')).toBeNull();
  });

  it('with a version needs exactly that one, older and newer are conflicts', () => {
    const { runner, createdMs } = withRecord();
    const before = runner.record('k');
    for (const version of [1, 2, 4, Number.MAX_SAFE_INTEGER]) {
      expect(runner.line(`juno.update k x VERSION ${version} TTL 1000`)).toBe(
        `-VERSIONCONFLICT recordVersion=3 created=${createdMs}: the record is not of the version asked for`,
      );
    }
    expect(runner.record('k')).toEqual(before);
    expect(runner.fields('juno.update k x VERSION 3')).toMatchObject({ recordVersion: 4 });
    expect(runner.line('juno.update k y VERSION 3')).toMatch(/^-VERSIONCONFLICT recordVersion=4 /);
  });

  it('with a creation time needs exactly that incarnation', () => {
    const { runner, createdMs } = withRecord();
    for (const other of [createdMs - 1, createdMs + 1]) {
      expect(runner.line(`juno.update k x VERSION 3 CREATED ${other}`)).toMatch(/^-VERSIONCONFLICT recordVersion=3 /);
    }
    expect(runner.fields(`juno.update k x CREATED ${createdMs} VERSION 3`)).toMatchObject({ recordVersion: 4 });
    runner.line('juno.destroy k');
    for (const value of ['1', '2', '3', '4']) runner.line(`juno.set k ${value}`);
    expect(runner.line(`juno.update k x VERSION 4 CREATED ${createdMs}`)).toBe(
      `-VERSIONCONFLICT recordVersion=4 created=${runner.nowMs}: the record is not of the version asked for`,
    );
    expect(runner.fields('juno.update k x VERSION 4')).toMatchObject({ recordVersion: 5 });
  });

  it('lets a TTL only grow', () => {
    const { runner } = withRecord();
    expect(runner.fields('juno.update k v TTL 99')).toMatchObject({ pttl: 100_000 });
    expect(runner.fields('juno.update k v TTL 0')).toMatchObject({ pttl: 100_000 });
    expect(runner.fields('juno.update k v PTTL 100001')).toMatchObject({ pttl: 100_001 });
    runner.line('expire k 10');
    expect(runner.fields('juno.update k v')).toMatchObject({ pttl: 10_000 });
    runner.line('persist k');
    expect(runner.fields('juno.update k v TTL 100')).toMatchObject({ pttl: -1 });
  });

  it('sees what Redis commands wrote, and they see what it wrote', () => {
    const runner = new JunoRunner();
    runner.line('set k 1 ex 100');
    runner.line('incr k');
    expect(runner.fields('juno.update k 5 VERSION 2')).toMatchObject({ recordVersion: 3, ttl: 100 });
    expect(runner.line('incr k')).toBe(6);
    expect(runner.fields('juno.get k')).toMatchObject({ value: '6', recordVersion: 4 });
  });

  it('refuses what it does not know', () => {
    const { runner } = withRecord();
    for (const options of ['CREATED 1', 'XX', 'VERSION', 'TTL 1 PTTL 1']) {
      expect(runner.line(`juno.update k v ${options}`)).toBe(SYNTAX);
    }
    for (const options of ['VERSION 0', 'VERSION x', 'VERSION 1 CREATED -1', 'REQUESTID 1', 'TTL -5']) {
      expect(runner.line(`juno.update k v ${options}`)).toMatch(/^-BADPARAM /);
    }
    expect(runner.fields('juno.get k')).toMatchObject({ recordVersion: 3 });
  });
});

describe('JUNO.SET', () => {
  it('creates, and says so', () => {
    const runner = new JunoRunner();
    expect(runner.line('juno.set k v TTL 100')).toEqual([
      ['recordVersion', 1],
      ['creationTime', runner.nowMs],
      ['lastModified', runner.nowMs],
      ['ttl', 100],
      ['pttl', 100_000],
      ['requestId', null],
      ['created', 1],
    ]);
  });

  it('replaces, and says so; the TTL only grows', () => {
    const { runner, createdMs } = withRecord();
    const context = { creationTime: createdMs, lastModified: createdMs + 60_000, created: 0 };
    expect(runner.fields('juno.set k v')).toMatchObject({ ...context, recordVersion: 4, pttl: 100_000 });
    expect(runner.fields('juno.set k v TTL 50')).toMatchObject({ ...context, recordVersion: 5, pttl: 100_000 });
    expect(runner.fields('juno.set k v TTL 200')).toMatchObject({ ...context, recordVersion: 6, pttl: 200_000 });
    runner.line('persist k');
    expect(runner.fields('juno.set k v TTL 200')).toMatchObject({ ...context, recordVersion: 7, pttl: -1 });
  });

  it('creates over an expired record, without its TTL', () => {
    const { runner } = withRecord();
    runner.clock.advance(100_000);
    expect(runner.fields('juno.set k v')).toMatchObject({ created: 1, recordVersion: 1, pttl: -1 });
  });

  it('knows no condition', () => {
    const runner = new JunoRunner();
    expect(runner.line('juno.set k v VERSION 1')).toBe(SYNTAX);
    expect(runner.line('juno.set k v CREATED 1')).toBe(SYNTAX);
  });
});

describe('JUNO.DESTROY', () => {
  it('deletes; an absent, dead or expired record is fine', () => {
    const { runner } = withRecord();
    expect(runner.line('juno.destroy k')).toBe('+OK');
    expect(runner.line('exists k')).toBe(0);
    const { changed } = runner.cluster;
    expect(runner.line('juno.destroy k')).toBe('+OK');
    expect(runner.line('juno.destroy never')).toBe('+OK');
    expect(runner.line('juno.destroy never VERSION 3 CREATED 5')).toBe('+OK');
    expect(runner.cluster.changed).toBe(changed);
  });

  it('with a version or creation time spares any other', () => {
    const { runner, createdMs } = withRecord();
    for (const condition of ['VERSION 2', 'VERSION 4', `VERSION 3 CREATED ${createdMs + 1}`]) {
      expect(runner.line(`juno.destroy k ${condition}`)).toBe(
        `-VERSIONCONFLICT recordVersion=3 created=${createdMs}: the record is not of the version asked for`,
      );
    }
    expect(runner.line(`juno.destroy k VERSION 3 CREATED ${createdMs}`)).toBe('+OK');
    expect(runner.record('k')).toBeNull();
  });

  it('refuses what it does not know', () => {
    const { runner } = withRecord();
    for (const options of ['TTL 1', 'CREATED 1', 'FORCE']) {
      expect(runner.line(`juno.destroy k ${options}`)).toBe(SYNTAX);
    }
    expect(runner.line('juno.destroy k REQUESTID x')).toMatch(/^-BADPARAM /);
    expect(runner.line('exists k')).toBe(1);
  });
});

describe('values', () => {
  it('in pages are created, read, replaced and destroyed as others', () => {
    const runner = new JunoRunner();
    const large = Buffer.alloc(1_500_000, 'abcdefghij');
    runner.run('juno.create', 'k', large);
    expect(runner.record('k')?.value.paged).toBe(true);
    const fields = Object.fromEntries(runner.run('juno.get', 'k', 'TTL', '5') as [string, unknown][]);
    expect(fields).toMatchObject({ value: large.toString('latin1'), recordVersion: 1, ttl: -1 });
    runner.run('juno.update', 'k', Buffer.concat([large, large]), 'VERSION', '1');
    expect(runner.line('strlen k')).toBe(3_000_000);
    expect(runner.fields('juno.set k small')).toMatchObject({ recordVersion: 3 });
    expect(runner.record('k')?.value.paged).toBe(false);
    runner.run('juno.set', 'k', large);
    expect(runner.line('juno.destroy k VERSION 4')).toBe('+OK');
  });

  it('may be empty, and any bytes', () => {
    const runner = new JunoRunner();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    runner.run('juno.create', 'empty', '');
    runner.run('juno.create', bytes, bytes);
    expect(runner.fields('juno.get empty')).toMatchObject({ value: '' });
    expect(runner.run('get', bytes)).toBe(bytes.toString('latin1'));
  });

  it('of another type than string are refused', () => {
    const past = { ...NO_PAST, recordVersion: 1, creationTimeMs: 1, lastModifiedMs: 1 };
    const text: Value = { type: 1, paged: false, bytes: Buffer.from('v') };
    const string: LiveRecord = { ...past, key: Buffer.from('k'), expiresAtMs: 0, sizeBytes: 1, value: text };
    expect(wrongType(null)).toBeNull();
    expect(wrongType(string)).toBeNull();
    // There is no other type yet.
    const list: LiveRecord = { ...string, value: { ...text, type: 2 as 1 } };
    const wrong = '-WRONGTYPE Operation against a key holding the wrong kind of value';
    const context = { nowMs: 5, past, pages: { read: () => Buffer.alloc(0), write: () => '' } };
    for (const line of ['juno.get k', 'juno.set k v', 'juno.update k v', 'juno.create k v', 'juno.destroy k']) {
      const [name = '', ...rest] = line.split(' ');
      const handler = junoCommands.find((row) => row.name === name)?.handler;
      const parsed = handler?.kind === 'record' && handler.parse([name, ...rest].map((word) => Buffer.from(word)));
      const result = parsed && 'step' in parsed ? parsed.step.run(list, context) : null;
      expect(result?.change, line).toBeNull();
      expect(plain(result?.reply ?? OK), line).toBe(wrong);
    }
  });
});
