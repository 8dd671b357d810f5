import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect } from './client.ts';
import { compareAndSet } from './compare-and-set.ts';
import type { Operations } from './operations.ts';
import {
  type Answer,
  CONTEXT,
  flatMap,
  HANG_UP,
  idOf,
  type Received,
  ScriptedServer,
} from './testing/scripted-server.ts';
import type { JunoClient, JunoRecord } from './types.ts';

const ID = '0190b6a5-7b1c-7def-8000-0123456789ab';
const CONFLICT = '-VERSIONCONFLICT recordVersion=9 created=1: not what was asked for\r\n';
const OTHER_OPERATION = '-BADPARAM request id was used for another operation\r\n';
const ABSENT = '*-1\r\n';

function record(value: string, recordVersion: number, requestId: string | null = null): string {
  return flatMap({ ...CONTEXT, value, recordVersion, requestId });
}

describe('compareAndSet', () => {
  let server: ScriptedServer;
  let client: JunoClient;
  let reads: Answer[];
  let writes: Answer[];

  beforeEach(async () => {
    reads = [];
    writes = [];
    server = await ScriptedServer.start(([name]: Received) =>
      name === 'JUNO.GET' ? (reads.shift() ?? ABSENT) : (writes.shift() ?? flatMap({ ...CONTEXT, recordVersion: 8 })),
    );
    client = connect({ addresses: [server.address] });
  });
  afterEach(async () => {
    await client.close();
    await server.stop();
  });

  const sent = (): Received[] => server.commands.filter(([name]) => name !== 'JUNO.GET');
  const increment = (current: JunoRecord | null): string => `${Number(current?.value ?? 0) + 1}`;

  it('updates exactly the version that was read', async () => {
    reads = [record('41', 7)];
    expect(await client.compareAndSet('k', increment, { ttlMs: 9 })).toMatchObject({
      ok: true,
      value: { recordVersion: 8 },
    });
    const created = `${CONTEXT.creationTime}`;
    expect(sent()).toEqual([
      ['JUNO.UPDATE', 'k', '42', 'VERSION', '7', 'CREATED', created, 'PTTL', '9', 'REQUESTID', expect.any(String)],
    ]);
    expect(server.commands[0]).toEqual(['JUNO.GET', 'k']);
  });

  it('creates what is absent', async () => {
    expect(await client.compareAndSet('k', increment)).toMatchObject({ ok: true });
    expect(sent()).toEqual([['JUNO.CREATE', 'k', '1', 'REQUESTID', expect.any(String)]]);
  });

  it('writes nothing where there is nothing to change', async () => {
    reads = [record('v', 3)];
    expect(await client.compareAndSet('k', () => null)).toEqual({ ok: true, value: null });
    expect(sent()).toEqual([]);
  });

  it('begins again after each conflict, with a new id; repeats of a write keep theirs', async () => {
    reads = [record('1', 1), record('2', 2), ABSENT, record('4', 4)];
    writes = [CONFLICT, HANG_UP, '-NOKEY there is no such key\r\n', '-DUPKEY the key exists\r\n'];
    expect(await client.compareAndSet('k', increment)).toMatchObject({ ok: true });
    expect(sent().map(([name, , value]) => `${name} ${value}`)).toEqual([
      'JUNO.UPDATE 2',
      'JUNO.UPDATE 3',
      'JUNO.UPDATE 3',
      'JUNO.CREATE 1',
      'JUNO.UPDATE 5',
    ]);
    const ids = sent().map(idOf);
    expect(ids[1]).toBe(ids[2]);
    expect(new Set(ids).size).toBe(4);
  });

  describe('where others always come between', () => {
    const conflict = {
      ok: false,
      error: { kind: 'version-conflict', message: '', current: { recordVersion: 9, creationTimeMs: 1 } },
    };
    const timedOut = { ok: false, error: { kind: 'timed-out', message: '', requestId: null } };
    const found = { ok: true, value: { value: Buffer.from('1'), recordVersion: 1, creationTimeMs: 1 } };

    /** Without a network: where a machine stands still, the last write would be one that nobody knows the end of. */
    function operationsOf(read: () => unknown): Operations {
      return { get: async () => read(), update: async () => conflict } as unknown as Operations;
    }

    it('ends with the conflict at the deadline', async () => {
      const operations = operationsOf(() => found);
      expect(await compareAndSet(operations, 'k', increment, { deadlineMs: 400 })).toEqual(conflict);
    });

    it('ends with it, too, when the read behind it has no time left', async () => {
      const replies = [found, timedOut];
      const operations = operationsOf(() => replies.shift());
      expect(await compareAndSet(operations, 'k', increment, { deadlineMs: 60_000 })).toEqual(conflict);
    });
  });

  it('ends with other errors, and with the abort of the caller', async () => {
    writes = ['-BADPARAM value too large\r\n'];
    expect(await client.compareAndSet('k', increment)).toMatchObject({ error: { kind: 'bad-parameter' } });
    expect(await client.compareAndSet('k', increment, { signal: AbortSignal.abort() })).toMatchObject({
      error: { kind: 'aborted' },
    });
    const thrown = client.compareAndSet('k', () => {
      throw new Error('of the application');
    });
    await expect(thrown).rejects.toThrow('of the application');
  });

  describe('with a request id of the application', () => {
    it('keeps it in every attempt', async () => {
      reads = [record('1', 1), record('2', 2)];
      writes = [CONFLICT];
      expect(await client.compareAndSet('k', increment, { requestId: ID })).toMatchObject({ ok: true });
      expect(sent().map(idOf)).toEqual([ID, ID]);
    });

    it('answers what is there, if that is its doing', async () => {
      reads = [record('2', 2, ID)];
      const result = await client.compareAndSet('k', increment, { requestId: ID.toUpperCase() });
      expect(result).toMatchObject({ ok: true, value: { recordVersion: 2, requestId: ID } });
      expect(result).not.toHaveProperty('value.value');
      expect(sent()).toEqual([]);
    });

    it('asks for what it did as a create when it comes as an update, and the reverse', async () => {
      reads = [record('5', 5)];
      writes = [OTHER_OPERATION, flatMap({ ...CONTEXT, requestId: ID })];
      expect(await client.compareAndSet('k', increment, { requestId: ID })).toMatchObject({
        ok: true,
        value: { recordVersion: 1, requestId: ID },
      });
      reads = [ABSENT];
      writes = [OTHER_OPERATION, flatMap({ ...CONTEXT, recordVersion: 3, requestId: ID })];
      expect(await client.compareAndSet('k', increment, { requestId: ID })).toMatchObject({
        ok: true,
        value: { recordVersion: 3 },
      });
      expect(sent().map(([name]) => name)).toEqual(['JUNO.UPDATE', 'JUNO.CREATE', 'JUNO.CREATE', 'JUNO.UPDATE']);
      // An update of an absent record must never become a write: no record has this version.
      expect(sent()[3]).toContain(`${Number.MAX_SAFE_INTEGER}`);
    });

    it('does not ask twice where the id was used for neither', async () => {
      reads = [record('5', 5)];
      writes = [OTHER_OPERATION, OTHER_OPERATION];
      expect(await client.compareAndSet('k', increment, { requestId: ID })).toMatchObject({
        error: { kind: 'bad-parameter' },
      });
      expect(sent()).toHaveLength(2);
    });
  });
});
