import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JunoError, Result } from '../../juno-ext/client/src/types.ts';
import { type Environment, loadConfiguration } from '../configuration.ts';
import { FakeSystem } from '../testing/fake-system.ts';
import { dataVerbCommand, refuseArguments } from './data-verb-command.ts';
import { context, FakeClient } from './testing/fake-client.ts';
import type { DataVerb } from './verb.ts';

const ID = '0190a5d0-0000-7000-8000-000000000001';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'junokv-verbs-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

interface Around {
  readonly env?: Environment;
  readonly prepare?: (client: FakeClient, system: FakeSystem) => void;
}

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly client: FakeClient | null;
}

/** Runs a verb against a fake client. */
async function run(verb: DataVerb, args: readonly string[], around: Around = {}): Promise<Ran> {
  const system = new FakeSystem();
  const loaded = loadConfiguration(verb, args, around.env ?? {});
  if (loaded.kind !== 'loaded') throw new Error(JSON.stringify(loaded));
  let client: FakeClient | null = null;
  const command = dataVerbCommand(verb, async () => (options) => {
    client = new FakeClient(options);
    around.prepare?.(client, system);
    return client;
  });
  // Input and terminal are looked at before there is a client.
  around.prepare?.(new FakeClient({ addresses: [] }), system);
  const code = await command({ config: loaded.config, given: loaded.given, words: loaded.words, system });
  expect(system.holds).toBe(0);
  return { code, out: Buffer.concat(system.written).toString(), err: system.complaints.join('\n'), client };
}

function failing(error: JunoError): Around {
  const result: Result<never> = { ok: false, error };
  return {
    prepare: (client) => {
      client.written = async () => result;
      client.found = result;
      client.wasSet = result;
      client.wasDestroyed = result;
    },
  };
}

describe('the call', () => {
  it('passes on key, value and what it was given', async () => {
    const options = ['--ttl', '2h', '--request-id', ID.toUpperCase()];
    const made = await run('create', ['k', 'v', ...options]);
    expect(made.client?.calls).toEqual([['create', 'k', 'v', { ttlMs: 7_200_000, requestId: ID }]]);
    expect((await run('set', ['k', ''])).client?.calls).toEqual([['set', 'k', '', {}]]);
    const condition = ['--version', '7', '--created', '1750000000000'];
    expect((await run('update', ['k', 'v', ...condition])).client?.calls).toEqual([
      ['update', 'k', 'v', { recordVersion: 7, creationTimeMs: 1_750_000_000_000 }],
    ]);
    expect((await run('destroy', ['k', ...condition])).client?.calls).toEqual([
      ['destroy', 'k', { recordVersion: 7, creationTimeMs: 1_750_000_000_000 }],
    ]);
    expect((await run('get', ['k', '--ttl', '5'])).client?.calls).toEqual([['get', 'k', { ttlMs: 5_000 }]]);
    expect((await run('locate', ['k'])).client?.calls).toEqual([['locate', 'k']]);
    expect((await run('inspect', ['k'])).client?.calls).toEqual([['inspect', 'k']]);
  });

  it('says how to connect, and closes', async () => {
    const plain = await run('get', ['k']);
    expect(plain.client?.options).toEqual({
      addresses: [{ host: '127.0.0.1', port: 6379 }],
      database: 0,
      deadlineMs: 5_000,
    });
    expect(plain.client?.closes).toBe(1);
    const args = [
      '--target',
      'a:1,[::1]:2',
      '--username',
      'u',
      '--namespace',
      'n',
      '--database',
      '3',
      '--deadline',
      '9',
    ];
    const full = await run('set', ['k', 'v', '--compress', 'gzip', ...args], { env: { JUNOKV_PASSWORD: 'secret' } });
    expect(full.client?.options).toEqual({
      addresses: [
        { host: 'a', port: 1 },
        { host: '::1', port: 2 },
      ],
      username: 'u',
      password: 'secret',
      namespace: 'n',
      database: 3,
      deadlineMs: 9_000,
      compression: { algorithm: 'gzip' },
    });
  });

  it('takes keys and values in hex', async () => {
    const set = await run('set', ['6B', '0a7a', '--hex']);
    expect(set.client?.calls).toEqual([['set', 'k', '\nz', {}]]);
    expect(await run('get', ['6b', '--hex'])).toMatchObject({ code: 0, out: '68656c6c6f\n' });
    expect(await run('get', ['6', '--hex'])).toMatchObject({ code: 1, client: null });
    expect((await run('set', ['6b', 'xy', '--hex'])).err).toContain('junokv set: the value must be hexadecimal digits');
    expect((await run('get', ['a\ufffd'])).err).toContain('the key is not UTF-8; give it with --hex');
  });

  it('takes the value from a file or from standard input, byte by byte', async () => {
    const file = join(directory, 'value');
    writeFileSync(file, 'from a file\n');
    expect((await run('set', ['k', '--file', file, '--hex'])).err).toContain('the key must be');
    expect((await run('set', ['6b', '--file', file, '--hex'])).client?.calls[0]?.[2]).toBe('from a file\n');
    const prepare = (_: FakeClient, system: FakeSystem) => {
      system.input = Buffer.from('from input\n');
    };
    expect((await run('create', ['k', '--file', '-'], { prepare })).client?.calls[0]?.[2]).toBe('from input\n');
    const missing = await run('set', ['k', '--file', join(directory, 'none')]);
    expect(missing).toMatchObject({ code: 1, client: null, err: expect.stringContaining('cannot read') });
  });

  it.each<[DataVerb, string[], string]>([
    ['set', ['k'], "'junokv set' needs a value: after the key, or with --file"],
    ['set', ['k', 'v', '--file', '-'], 'the value is given twice'],
    ['update', ['k', 'v', '--created', '5'], '--created goes with --version only'],
    ['get', ['k', '--json', '--file', '-'], '--json and --file - both want standard output'],
    ['get', ['k', '--target='], '--target names no proxy'],
    ['get', ['k', '--username', 'u'], "user 'u' needs a password"],
  ])('%s %j is refused before anything is sent', async (verb, args, words) => {
    const ran = await run(verb, args);
    expect(ran).toMatchObject({ code: 1, client: null });
    expect(ran.err + ran.out).toContain(words);
  });
});

describe('the keys of the client', () => {
  it('come from a file', async () => {
    const file = join(directory, 'keys.json');
    const key = Buffer.alloc(32, 7);
    writeFileSync(file, JSON.stringify({ format: 1, current: 'a', keys: { a: key.toString('base64') } }), {
      mode: 0o600,
    });
    const args = ['k', 'v', '--keystore-client', file];
    expect((await run('set', args)).client?.options.encryption).toEqual({ current: 'a', keys: { a: key } });
    const missing = await run('set', ['k', 'v', '--keystore-client', `${file}.none`]);
    expect(missing).toMatchObject({ code: 1, client: null, err: expect.stringContaining('cannot be read') });
  });
});

describe('the password', () => {
  it('may come from a file', async () => {
    const file = join(directory, 'password');
    writeFileSync(file, 'pässword \r\nsecond line\n');
    expect((await run('get', ['k', '--password-file', file])).client?.options.password).toBe('pässword ');
    await expect(run('get', ['k', '--password-file', file], { env: { JUNOKV_PASSWORD: 'x' } })).rejects.toThrow(
      '--password and --password-file both say what the password is',
    );
    writeFileSync(file, '\n');
    expect((await run('get', ['k', '--password-file', file])).err).toContain('has no password');
    writeFileSync(file, 'x'.repeat(5_000));
    expect((await run('get', ['k', '--password-file', file])).err).toContain('more than 4096 bytes');
    expect((await run('get', ['k', '--password-file', `${file}.none`])).err).toContain('cannot read the password file');
  });
});

describe('the answer', () => {
  it('of get is the value and nothing else, unless a person reads it', async () => {
    expect(await run('get', ['k'])).toMatchObject({ code: 0, out: 'hello', err: '' });
    const prepare = (_: FakeClient, system: FakeSystem) => {
      system.outIsTerminal = true;
    };
    expect(await run('get', ['k'], { prepare })).toMatchObject({ out: 'hello\n', err: 'version 3, expires in 90 s' });
    expect(await run('get', ['k', '--file', '-'], { prepare })).toMatchObject({ out: 'hello', err: '' });
    const { out, err } = await run('get', ['k', '--context']);
    expect(out).toBe('hello');
    expect(err.split('\n')).toEqual([
      'version        3',
      'created        2025-06-15T15:06:40.000Z (1750000000000)',
      'last modified  2025-06-15T15:07:40.000Z (1750000060000)',
      'time to live   90 s',
      `request id     ${ID}`,
    ]);
  });

  it('of get can go to a file', async () => {
    const file = join(directory, 'out');
    expect(await run('get', ['k', '--file', file])).toMatchObject({ code: 0, out: '', err: '' });
    expect(readFileSync(file, 'utf8')).toBe('hello');
    const json = await run('get', ['k', '--file', file, '--json']);
    expect(JSON.parse(json.out)).toEqual({ ok: true, key: 'k', file, sizeBytes: 5, ...context });
    const nowhere = await run('get', ['k', '--file', join(directory, 'none', 'x')]);
    expect(nowhere).toMatchObject({ code: 1, err: expect.stringContaining('cannot write') });
  });

  it('of a write is a line, with --context a table', async () => {
    expect((await run('create', ['k', 'v'])).out).toBe('created: version 3, expires in 90 s\n');
    expect((await run('update', ['k', 'v'])).out).toBe('updated: version 3, expires in 90 s\n');
    expect((await run('destroy', ['k'])).out).toBe('destroyed\n');
    const prepare = (client: FakeClient) => {
      client.wasSet = { ok: true, value: { ...context, ttlMs: null, requestId: null, created: false } };
    };
    expect((await run('set', ['k', 'v'], { prepare })).out).toBe('replaced: version 3, never expires\n');
    const { out } = await run('set', ['k', 'v', '--context'], { prepare });
    expect(out).toMatch(/^replaced\nversion {8}3\n.*time to live {3}never expires\nrequest id {5}none\n$/s);
  });

  it('of locate and inspect is a table', async () => {
    expect((await run('locate', ['k'])).out.split('\n')).toEqual([
      'slot 12182, shard 761, map epoch 4',
      'zone   node  address         state',
      'zone1  1     127.0.0.1:7001  up',
      'zone2  2     [::1]:7002      down',
      '',
    ]);
    const prepare = (client: FakeClient) => {
      const live = { zone: 'zone1', nodeId: 1, state: 'live', creationTime: 1_750_000_000_000, expiresAt: 0 };
      client.replicas = { ok: true, value: [live, { zone: 'zone2', nodeId: 2, state: 'unreachable' }] };
    };
    expect((await run('inspect', ['k'], { prepare })).out.split('\n')).toEqual([
      'zone          zone1                                     zone2',
      'nodeId        1                                         2',
      'state         live                                      unreachable',
      'creationTime  2025-06-15T15:06:40.000Z (1750000000000)  -',
      'expiresAt     never                                     -',
      '',
    ]);
    const { out } = await run('inspect', ['k', '--json'], { prepare });
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      key: 'k',
      replicas: [{ state: 'live' }, { state: 'unreachable' }],
    });
  });

  it('can be JSON, one line', async () => {
    const get = await run('get', ['k', '--json']);
    expect(get.out.endsWith('}\n')).toBe(true);
    expect(JSON.parse(get.out)).toEqual({ ok: true, key: 'k', encoding: 'utf8', value: 'hello', ...context });
    const prepare = (client: FakeClient) => {
      client.found = { ok: true, value: { ...context, value: Buffer.from('ff00', 'hex') } };
    };
    expect(JSON.parse((await run('get', ['k', '--json'], { prepare })).out)).toMatchObject({
      encoding: 'hex',
      value: 'ff00',
    });
    expect(JSON.parse((await run('get', ['6b', '--json', '--hex'])).out)).toMatchObject({
      key: '6b',
      encoding: 'hex',
      value: '68656c6c6f',
    });
    expect(JSON.parse((await run('set', ['k', 'v', '--json'])).out)).toMatchObject({
      did: 'created',
      recordVersion: 3,
    });
    expect(JSON.parse((await run('destroy', ['k', '--json'])).out)).toEqual({ ok: true, key: 'k', did: 'destroyed' });
    expect(JSON.parse((await run('locate', ['k', '--json'])).out)).toMatchObject({ slot: 12_182, nodes: [{}, {}] });
  });

  it('that cannot be printed is an error', async () => {
    const prepare = (_: FakeClient, system: FakeSystem) => {
      system.writeProblem = 'ENOSPC';
    };
    expect(await run('get', ['k'], { prepare })).toMatchObject({
      code: 1,
      err: 'junokv get: cannot write to standard output: ENOSPC',
    });
  });
});

describe('an error', () => {
  const current = { recordVersion: 9, creationTimeMs: 5 };
  it.each<[JunoError, number, string]>([
    [{ kind: 'bad-parameter', message: 'too long' }, 1, 'too long'],
    [{ kind: 'wrong-type', message: 'm' }, 1, 'm'],
    [{ kind: 'not-permitted', message: 'm' }, 1, 'm'],
    [{ kind: 'server', message: 'm' }, 1, 'm'],
    [{ kind: 'unreadable-payload', message: 'm', keyName: 'a' }, 1, 'm; see --keystore-client'],
    [{ kind: 'no-key', message: 'm' }, 2, 'there is no such key'],
    [{ kind: 'duplicate-key', message: 'm', current }, 2, 'the key is there already: it has version 9, created 5'],
    [{ kind: 'version-conflict', message: 'm', current: null }, 2, 'the record is not the version asked for'],
    [{ kind: 'unavailable', message: 'm' }, 3, 'm (nothing was changed)'],
    [{ kind: 'busy', message: 'm. Nothing was changed' }, 3, 'm. Nothing was changed'],
    [{ kind: 'uncertain', message: 'm', requestId: ID }, 4, `Repeat it with --request-id ${ID}`],
    [{ kind: 'timed-out', message: 'm', requestId: ID }, 4, `Repeat it with --request-id ${ID}`],
    [{ kind: 'aborted', message: 'm', requestId: null }, 4, 'm'],
  ])('%j ends with %i', async (error, code, words) => {
    const ran = await run('update', ['k', 'v'], failing(error));
    expect(ran).toMatchObject({ code, out: '' });
    expect(ran.err).toMatch(/^junokv update: /);
    expect(ran.err).toContain(words);
    expect(ran.client?.closes).toBe(1);
    const json = await run('update', ['k', 'v', '--json'], failing(error));
    expect(json).toMatchObject({ code, err: '' });
    expect(JSON.parse(json.out)).toEqual({ ok: false, error, exitCode: code });
  });

  it('is also that get finds nothing, and what the client calls misuse', async () => {
    const absent = (client: FakeClient) => {
      client.found = { ok: true, value: null };
    };
    expect(await run('get', ['k'], { prepare: absent })).toMatchObject({ code: 2, out: '' });
    const misuse = (client: FakeClient) => {
      client.written = () => Promise.reject(new TypeError('ttlMs is too large'));
    };
    expect(await run('create', ['k', 'v'], { prepare: misuse })).toMatchObject({
      code: 1,
      err: 'junokv create: ttlMs is too large',
    });
    const refused = (client: FakeClient) => {
      if (client.options.addresses.length > 0) throw new TypeError('namespace is too long');
    };
    expect(await run('get', ['k'], { prepare: refused })).toMatchObject({
      code: 1,
      err: 'junokv get: namespace is too long',
    });
  });

  it('in the arguments is JSON too where --json stands', async () => {
    const system = new FakeSystem();
    expect(await refuseArguments('get', ['k', '--json', '--ttl', 'x'], ['--ttl: no', 'b'], system)).toBe(1);
    expect(JSON.parse(Buffer.concat(system.written).toString())).toMatchObject({
      error: { kind: 'usage', message: '--ttl: no\nb' },
    });
    expect(await refuseArguments('get', ['--ttl', 'x'], ['--ttl: no'], system)).toBe(1);
    expect(system.complaints).toEqual(['junokv get: --ttl: no']);
  });

  it('an interrupt stops the waiting, and a write says its request id', async () => {
    const prepare = (client: FakeClient, system: FakeSystem) => {
      client.written = () =>
        new Promise((resolve) => {
          client.signal?.addEventListener('abort', () =>
            resolve({ ok: false, error: { kind: 'aborted', message: 'aborted', requestId: ID } }),
          );
          system.signal();
        });
      client.inspect = () => {
        queueMicrotask(() => system.signal());
        return new Promise(() => {});
      };
    };
    const write = await run('create', ['k', 'v'], { prepare });
    expect(write).toMatchObject({ code: 4, err: expect.stringContaining(`--request-id ${ID}`) });
    expect(await run('inspect', ['k'], { prepare })).toMatchObject({ code: 4, err: 'junokv inspect: interrupted' });
  });
});
