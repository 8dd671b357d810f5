import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONTEXT, flatMap, ScriptedServer } from './testing/scripted-server.ts';

const PACKAGE = resolve(import.meta.dirname, '..');
const MODULES = resolve(PACKAGE, '../../../node_modules');
const run = promisify(execFile);

/** A Node of version 20 on PATH, or null. */
function findNode20(): string | null {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const program = join(directory, 'node');
    if (!existsSync(program)) continue;
    const version = execFileSync(program, ['--version'], { encoding: 'utf8' });
    if (version.startsWith('v20.')) return program;
  }
  return null;
}

const APPLICATION = `
import { connect } from 'junokv-client';
import { requestIds } from 'junokv-client/request-id';
import { loadKeystore } from 'junokv-client/keystore';
const keystore = await loadKeystore(process.argv[3]);
if (!keystore.ok) throw new Error(keystore.message);
const client = connect({
  addresses: [{ host: '127.0.0.1', port: Number(process.argv[2]) }],
  encryption: keystore.value,
  compression: { algorithm: 'brotli' },
});
const set = await client.set('k', 'hello'.repeat(1000), { requestId: requestIds.next() });
const got = await client.get('k');
const batch = await client.batch([{ kind: 'destroy', key: 'k' }]);
console.log(JSON.stringify({ set, length: got.ok && got.value?.value.length, batch }));
await client.close();
`;

const CONSUMER = `
import { connect } from 'junokv-client';
import type { JunoError, Result, RecordContext } from 'junokv-client/types';
export async function f(): Promise<JunoError['kind'] | number> {
  const client = connect({ addresses: [{ host: 'h', port: 1 }] });
  const result: Result<RecordContext> = await client.create('k', 'v');
  return result.ok ? result.value.recordVersion : result.error.kind;
}
// @ts-expect-error the value is missing
export const wrong = connect({ addresses: [] }).create('k');
`;

describe('the compiled package', () => {
  const place = mkdtempSync(join(tmpdir(), 'junokv-client-'));
  const installed = join(place, 'node_modules', 'junokv-client');
  const tsc = (...args: string[]) =>
    run(process.execPath, [join(MODULES, 'typescript', 'bin', 'tsc'), ...args], { cwd: place });

  beforeAll(async () => {
    mkdirSync(installed, { recursive: true });
    for (const name of ['ioredis', '@types']) symlinkSync(join(MODULES, name), join(place, 'node_modules', name));
    cpSync(join(PACKAGE, 'package.json'), join(installed, 'package.json'));
    await tsc('-p', join(PACKAGE, 'tsconfig.json'), '--outDir', join(installed, 'dist'));
  });
  afterAll(() => rmSync(place, { recursive: true, force: true }));

  it('serves an application on Node 20', async ({ skip }) => {
    const node20 = findNode20();
    if (node20 === null) return skip('there is no Node 20 on PATH');
    const stored = new Map<string, string>();
    const server = await ScriptedServer.start(([name, key = '', value = '']) => {
      if (name === 'JUNO.SET') stored.set(key, value);
      if (name === 'JUNO.GET') return flatMap({ ...CONTEXT, value: stored.get(key) ?? '' });
      return name === 'JUNO.DESTROY' ? '+OK\r\n' : flatMap({ ...CONTEXT, created: 1 });
    });
    const keystore = join(place, 'keys.json');
    const keys = { a: Buffer.alloc(32, 5).toString('base64') };
    writeFileSync(keystore, JSON.stringify({ format: 1, current: 'a', keys }), { mode: 0o600 });
    writeFileSync(join(place, 'application.mjs'), APPLICATION);
    try {
      const args = [join(place, 'application.mjs'), `${server.address.port}`, keystore];
      const { stdout } = await run(node20, args, { timeout: 15_000 });
      expect(JSON.parse(stdout)).toEqual({
        set: { ok: true, value: expect.objectContaining({ recordVersion: 1, created: true }) },
        length: 5000,
        batch: [{ kind: 'destroy', result: { ok: true } }],
      });
    } finally {
      await server.stop();
    }
  });

  it('has types that an application can be compiled against', async () => {
    writeFileSync(join(place, 'consumer.mts'), CONSUMER);
    const options = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2022', '--types', 'node'];
    await tsc(...options, '--typeRoots', join(MODULES, '@types'), join(place, 'consumer.mts'));
  });

  it('needs nothing but ioredis, of the same version as the server', () => {
    const own = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as { dependencies: object };
    const root = JSON.parse(readFileSync(resolve(MODULES, '../package.json'), 'utf8')) as { dependencies: object };
    expect(Object.keys(own.dependencies)).toEqual(['ioredis']);
    expect(root.dependencies).toMatchObject(own.dependencies);
  });
});
