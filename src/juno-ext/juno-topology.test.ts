import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commandDocsReply, keySpecsOf } from '../proxy/command-replies.ts';
import { CommandTable } from '../proxy/command-table.ts';
import { allCommands } from '../proxy/commands/all-commands.ts';
import { ProxyHarness } from '../proxy/testing/proxy-harness.ts';
import type { RawClient } from '../proxy/testing/raw-client.ts';
import { shown } from '../proxy/testing/session-runner.ts';
import { junoCommands } from './juno-commands.ts';
import { uuid } from './testing/juno-runner.ts';

const SLOT_OF_K = 7629;

describe('over a connection', () => {
  let harness: ProxyHarness;
  let client: RawClient;

  beforeEach(async () => {
    harness = await ProxyHarness.start({ commands: junoCommands });
    client = await harness.client();
  });
  afterEach(() => harness.stop());

  /** The next `count` scalars of a reply as text; headers of arrays and maps as they are. */
  async function read(count: number): Promise<string[]> {
    const items: string[] = [];
    while (items.length < count) {
      const line = (await client.readLine()).trimEnd();
      if (line === '$-1' || line === '_') items.push('nil');
      else if (line.startsWith('$')) items.push((await client.read(Number(line.slice(1)) + 2)).slice(0, -2));
      else items.push(line);
    }
    return items;
  }

  /** Switches to RESP3 and reads what HELLO answers, up to its empty list of modules. */
  async function hello3(): Promise<void> {
    client.command('HELLO', '3');
    while ((await client.readLine()) !== '*0\r\n');
  }

  it('contexts are flat arrays in RESP2 and maps in RESP3', async () => {
    const id = uuid(7, Date.now(), 1);
    client.command('Juno.Create', 'k', 'hello', 'Ttl', '100', 'RequestId', id);
    const created = await read(13);
    expect([...created.slice(0, 3), ...created.slice(7)]).toEqual([
      '*12',
      'recordVersion',
      ':1',
      'ttl',
      ':100',
      'pttl',
      ':100000',
      'requestId',
      id,
    ]);
    await hello3();
    client.command('JUNO.GET', 'k');
    const got = await read(15);
    expect(got.slice(0, 7)).toEqual(['%7', 'value', 'hello', 'recordVersion', ':1', 'creationTime', created[4]]);
    client.command('JUNO.GET', 'none');
    expect(await read(1)).toEqual(['nil']);
    client.command('JUNO.SET', 'k', 'v');
    expect((await read(15)).slice(-4)).toEqual(['requestId', 'nil', 'created', ':0']);
    client.command('JUNO.DESTROY', 'k', 'VERSION', '2');
    expect(await read(1)).toEqual(['+OK']);
  });

  it('arity is checked as of every command', async () => {
    for (const words of [
      ['juno.create', 'k'],
      ['juno.get'],
      ['juno.destroy'],
      ['juno.locate'],
      ['juno.inspect', 'k', 'x'],
    ]) {
      client.command(...words);
      expect(await client.readLine()).toBe(`-ERR wrong number of arguments for '${words[0]}' command\r\n`);
    }
  });

  it('LOCATE tells where a key lives', async () => {
    client.command('JUNO.LOCATE', 'k');
    const node = (n: number) => ['*10', 'zone', `zone${n}`, 'nodeId', `:${n}`, 'host', '127.0.0.1', 'port', `:700${n}`];
    expect(await read(14)).toEqual([
      '*14',
      'slot',
      `:${SLOT_OF_K}`,
      'shard',
      `:${Math.floor((SLOT_OF_K * 1024) / 16_384)}`,
      'shardEpoch',
      ':1',
      'mapEpoch',
      ':1',
      'namespace',
      'default',
      'database',
      ':0',
      'nodes',
    ]);
    expect(await read(34)).toEqual(['*3', ...[1, 2, 3].flatMap((n) => [...node(n), 'up', ':1'])]);
  });

  it('INSPECT shows what every replica holds', async () => {
    await hello3();
    client.command('JUNO.INSPECT', 'k');
    const absent = (await read(1 + 3 * 29)).slice(1, 30);
    const unknown = absent.slice(7).filter((_, i) => i % 2 === 1);
    expect(absent.slice(0, 7)).toEqual(['%14', 'zone', 'zone1', 'nodeId', ':1', 'state', 'absent']);
    expect(unknown).toEqual(new Array(11).fill('nil'));

    client.command('JUNO.CREATE', 'k', 'hello', 'REQUESTID', uuid(7, Date.now(), 1));
    await read(13);
    client.command('JUNO.INSPECT', 'k');
    const [count, ...items] = await read(1 + 3 * 29);
    expect(count).toBe('*3');
    const second = items.slice(29, 58);
    const fields = Object.fromEntries(Array.from({ length: 14 }, (_, i) => [second[1 + 2 * i], second[2 + 2 * i]]));
    expect(fields).toMatchObject({
      zone: 'zone2',
      nodeId: ':2',
      state: 'live',
      ballot: '1.1',
      origin: '1.1',
      recordVersion: ':1',
      expiresAt: ':0',
      sizeBytes: ':5',
      generation: ':0',
      paged: ':0',
      lineage: ':1',
      requests: ':1',
    });
    expect(fields['creationTime']).toBe(fields['lastModified']);
  });
});

describe('the rows', () => {
  it('stand in one table with those of Redis', () => {
    const table = new CommandTable([...allCommands, ...junoCommands]);
    for (const { name } of junoCommands) expect(table.findFull(name.toUpperCase())?.row.name).toBe(name);
  });

  it('of writes say so, INSPECT is for administrators', () => {
    const flags = Object.fromEntries(junoCommands.map((row) => [row.name, row.flags]));
    for (const name of ['create', 'update', 'set', 'destroy']) expect(flags[`juno.${name}`]).toContain('write');
    for (const name of ['get', 'locate', 'inspect']) expect(flags[`juno.${name}`]).toContain('readonly');
    expect(flags['juno.inspect']).toContain('admin');
  });

  it('tell clients where the key is and what is done to it', () => {
    for (const row of junoCommands.filter(({ keys }) => keys !== null)) {
      const specs = keySpecsOf(row);
      expect(specs, row.name).toMatchObject([{ index: 1, lastKey: 0, step: 1 }]);
      const access = specs[0]?.flags[0];
      expect(access === 'RO', row.name).toBe(row.flags.includes('readonly'));
    }
  });

  it('are documented with all their options', () => {
    const update = junoCommands.find(({ name }) => name === 'juno.update');
    expect(shown(update === undefined ? null : commandDocsReply(update))).toMatchObject({
      group: 'juno',
      since: '0.1.0',
      arguments: [
        { name: 'key' },
        { name: 'value' },
        { name: 'condition', arguments: [{ token: 'VERSION' }, { token: 'CREATED' }] },
        { name: 'expiration', arguments: [{ token: 'TTL' }, { token: 'PTTL' }] },
        { token: 'REQUESTID' },
      ],
    });
  });
});
