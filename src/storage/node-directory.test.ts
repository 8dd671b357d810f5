import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InvariantError } from '../base/assert.ts';
import type { FileError } from '../base/files.ts';
import { SystemFiles } from '../base/system-files.ts';
import { type NodeDirectory, openNodeDirectory, type Trust } from './node-directory.ts';
import type { NodeIdentity } from './node-files.ts';
import type { Fsync } from './write-pipeline.ts';

let root = '';
let path = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'junokv-node-'));
  path = join(root, 'nodes', '1');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const identity: NodeIdentity = {
  clusterId: 'c1',
  nodeId: 7,
  incarnation: 'i1',
  zone: 'z1',
  keystoreFingerprint: 'abc',
  hasOldRecords: false,
  isDamaged: false,
};

async function open(bootId = 'boot-1'): Promise<NodeDirectory> {
  const opened = await openNodeDirectory(new SystemFiles(), { pid: 4_711, bootId }, path);
  if (!opened.ok) throw new Error(opened.problem);
  return opened.directory;
}

async function problem(): Promise<{ reason: string; problem: string }> {
  const opened = await openNodeDirectory(new SystemFiles(), { pid: 4_712, bootId: 'boot-1' }, path);
  if (opened.ok) throw new Error('opened');
  return opened;
}

/** A run that is started, and ends cleanly or not at all. */
async function run(options: { bootId?: string; fsync?: Fsync; clean?: boolean }): Promise<void> {
  const directory = await open(options.bootId);
  if (directory.identity === null) await directory.saveIdentity(identity);
  directory.assessTrust({ trustAfterMachineCrash: true });
  await directory.removeCleanMark({ fsync: options.fsync ?? 'everysec' });
  if (options.clean === true) await directory.writeCleanMark();
  await directory.close();
}

async function trust(bootId: string, trustAfterMachineCrash = false): Promise<Trust> {
  const directory = await open(bootId);
  const assessed = directory.assessTrust({ trustAfterMachineCrash });
  await directory.close();
  return assessed;
}

const saved = (save: (callback: (error: FileError | null) => void) => void): Promise<FileError | null> =>
  new Promise(save);

describe('NodeDirectory: what it keeps', () => {
  it('is empty when new, and has everything after a reopen', async () => {
    const first = await open();
    expect([first.identity, first.ceilingUs, first.mapText]).toEqual([null, 0, null]);
    await first.saveIdentity(identity);
    expect(await saved((callback) => first.saveCeiling(1_790_000_000_000_000, callback))).toBe(null);
    expect(await saved((callback) => first.saveMap('{"epoch": 3}', callback))).toBe(null);
    await first.close();
    const second = await open();
    expect(second.identity).toEqual(identity);
    expect(second.ceilingUs).toBe(1_790_000_000_000_000);
    expect(second.mapText).toBe('{"epoch": 3}');
    expect(second.recordsPath).toBe(join(path, 'records'));
    await second.close();
  });

  it('never goes back to a lower map, also when saves overlap', async () => {
    const directory = await open();
    const save = (epoch: number) => saved((callback) => directory.saveMap(`{"epoch": ${epoch}}`, callback));
    expect(await Promise.all([save(5), save(9), save(7)])).toEqual([null, null, null]);
    expect(await save(8)).toBe(null);
    expect(directory.mapText).toBe('{"epoch": 9}');
    expect(() => directory.saveMap('{}', () => {})).toThrow(InvariantError);
    await directory.close();
    expect(JSON.parse(readFileSync(join(path, 'cluster-map.json'), 'utf8'))).toEqual({ epoch: 9 });
  });

  it('deletes the records on demand', async () => {
    const directory = await open();
    await directory.wipeRecords();
    mkdirSync(directory.recordsPath);
    writeFileSync(join(directory.recordsPath, '000001.log'), 'x');
    await directory.wipeRecords();
    expect(existsSync(directory.recordsPath)).toBe(false);
    await directory.close();
  });

  it.each([
    ['identity.json', '{"formatVersion": 1, "clusterId": "c1"}', /identity\.json is damaged/],
    ['identity.json', '{"formatVersion": 0}', /identity\.json has format 0, this program reads format 1 to 2/],
    ['run.json', '{"formatVersion": 1', /run\.json is damaged/],
    ['cluster-map.json', '{"shards": 1}', /cluster-map\.json is damaged/],
    ['ceiling', 'zero', /ceiling is damaged/],
  ])('refuses a damaged %s: %s', async (name, content, message) => {
    await run({ clean: true });
    writeFileSync(join(path, name), content);
    const refused = await problem();
    expect(refused).toMatchObject({ reason: 'damaged', problem: expect.stringMatching(message) });
    // And gives the lock back.
    expect(await problem()).toEqual(refused);
  });

  it.each(['identity.json', 'run.json'])('refuses a %s of a later version, which is not damaged', async (name) => {
    await run({ clean: true });
    writeFileSync(join(path, name), '{"formatVersion": 3}');
    const expected = expect.stringMatching(/\.json has format 3, this program reads format 1 to 2/);
    expect(await problem()).toEqual({ ok: false, reason: 'newer', problem: expected });
  });

  it('refuses a directory that a node ran in, without its identity', async () => {
    await run({});
    rmSync(join(path, 'identity.json'));
    expect(await problem()).toMatchObject({ reason: 'damaged', problem: expect.stringContaining('is missing') });
  });

  it('says why when there can be no directory', async () => {
    writeFileSync(join(root, 'nodes'), 'a file');
    expect(await problem()).toMatchObject({ reason: 'io' });
  });
});

describe('NodeDirectory: trust', () => {
  it('is clean when new and after a clean stop, whatever happened to the machine', async () => {
    expect(await trust('boot-1')).toBe('clean');
    await run({ clean: true });
    expect(await trust('boot-1')).toBe('clean');
    expect(await trust('boot-2')).toBe('clean');
  });

  it('is trusted after the process died alone', async () => {
    await run({ fsync: 'no' });
    expect(await trust('boot-1')).toBe('process-crash');
  });

  it('is distrusted after the machine died, unless every write was synced or the operator decides', async () => {
    await run({ fsync: 'everysec' });
    expect(await trust('boot-2')).toBe('distrusted');
    expect(await trust('boot-2')).toBe('distrusted');
    expect(await trust('boot-2', true)).toBe('process-crash');
    await run({ bootId: 'boot-2', fsync: 'no' });
    expect(await trust('boot-3')).toBe('distrusted');
    await run({ bootId: 'boot-3', fsync: 'always' });
    expect(await trust('boot-4')).toBe('process-crash');
  });

  it('runs only once trust was assessed, and on a distrusted disk only as a new incarnation', async () => {
    await run({});
    const directory = await open('boot-2');
    await expect(directory.removeCleanMark({ fsync: 'no' })).rejects.toThrow(InvariantError);
    expect(directory.assessTrust({ trustAfterMachineCrash: false })).toBe('distrusted');
    await directory.saveIdentity({ ...identity });
    await expect(directory.removeCleanMark({ fsync: 'no' })).rejects.toThrow(InvariantError);
    await directory.saveIdentity({ ...identity, incarnation: 'i2' });
    await directory.removeCleanMark({ fsync: 'no' });
    await directory.close();
    expect(await trust('boot-2')).toBe('process-crash');
  });

  it('has no clean mark while it runs', async () => {
    await run({ clean: true });
    const directory = await open('boot-1');
    directory.assessTrust({ trustAfterMachineCrash: false });
    await directory.removeCleanMark({ fsync: 'everysec' });
    expect(JSON.parse(readFileSync(join(path, 'run.json'), 'utf8'))).toMatchObject({ state: 'running', pid: 4_711 });
    await directory.writeCleanMark();
    expect(JSON.parse(readFileSync(join(path, 'run.json'), 'utf8'))).toMatchObject({ state: 'clean' });
    await directory.close();
  });
});

describe('NodeDirectory: one process at a time', () => {
  it('tells a second one which process has it, and is free once the first was killed', async () => {
    const module = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);
    const script = `
      const { openNodeDirectory } = await import(${module('./node-directory.ts')});
      const { SystemFiles } = await import(${module('../base/system-files.ts')});
      const machine = { pid: process.pid, bootId: 'boot-1' };
      const { directory } = await openNodeDirectory(new SystemFiles(), machine, ${JSON.stringify(path)});
      await directory.saveIdentity(${JSON.stringify(identity)});
      directory.assessTrust({ trustAfterMachineCrash: false });
      await directory.removeCleanMark({ fsync: 'everysec' });
      console.log('running'); setInterval(() => {}, 1000);`;
    const stdio = ['ignore', 'pipe', 'inherit'] as const;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: [...stdio] });
    try {
      await once(child.stdout, 'data');
      const refused = await problem();
      expect(refused.reason).toBe('in-use');
      expect(refused.problem).toContain(`in use by another junokv node on this machine, process ${child.pid}`);
    } finally {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
    expect(await trust('boot-1')).toBe('process-crash');
  });

  it('is refused within one process too', async () => {
    const directory = await open();
    expect(await problem()).toMatchObject({ reason: 'in-use' });
    await directory.close();
    await (await open()).close();
  });
});
