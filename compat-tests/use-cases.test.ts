import { execFile } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTempDir, startJunokv } from './support/junokv-server.ts';
import { readPage, runnableBlocks } from './support/markdown.ts';
import type { RunningServer } from './support/redis-server.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const IMPORTS = new URL('./support/page-imports.ts', import.meta.url).href;
const PAGES = [
  'counter-with-limits.md',
  'idempotent-payment.md',
  'latency-bridging.md',
  'lock-with-fencing-token.md',
  'session-store.md',
];

const programs = PAGES.flatMap((page) =>
  runnableBlocks(readPage(`use-cases/${page}`)).map((block, i) => ({ ...block, page, number: i + 1 })),
);
const fileOf = (page: string, number: number): string => page.replace('.md', `-${number}.ts`);

let server: RunningServer;
let directory = '';
beforeAll(async () => {
  server = await startJunokv({ engine: 'memory' });
  directory = makeTempDir('use-cases');
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  for (const { page, number, code } of programs) writeFileSync(join(directory, fileOf(page, number)), code);
}, 60_000);
afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

describe('docs/use-cases', () => {
  it('has these pages, each with code for both clients, and all named in docs/juno.md', () => {
    expect(readdirSync(join(ROOT, 'docs', 'use-cases')).sort()).toEqual(PAGES);
    for (const page of PAGES) {
      const codes = programs.filter((program) => program.page === page).map(({ code }) => code);
      expect(
        codes.filter((code) => code.includes("from 'junokv-client'")),
        page,
      ).toHaveLength(1);
      expect(
        codes.filter((code) => code.includes("from 'ioredis'")),
        page,
      ).toHaveLength(1);
      expect(readPage('juno.md')).toContain(`(use-cases/${page})`);
    }
  });

  it.concurrent.each(programs.map(({ page, number, output }) => [page, number, output] as const))(
    '%s: program %i prints what the page says',
    async (page, number, output) => {
      const args = ['--import', IMPORTS, join(directory, fileOf(page, number))];
      const env = { ...process.env, JUNOKV_TARGET: `127.0.0.1:${server.port}` };
      const { stdout, stderr } = await run(process.execPath, args, { cwd: directory, env, timeout: 50_000 });
      expect({ stdout, stderr }).toEqual({ stdout: output, stderr: '' });
    },
  );

  it('type-checks', async () => {
    const source = (name: string): string[] => [join(ROOT, 'src/juno-ext/client/src', name)];
    const config = {
      extends: join(ROOT, 'tsconfig.json'),
      compilerOptions: {
        noEmit: true,
        typeRoots: [join(ROOT, 'node_modules/@types')],
        paths: {
          'junokv-client': source('client.ts'),
          'junokv-client/request-id': source('request-id.ts'),
          ioredis: [join(ROOT, 'node_modules/ioredis/built/index.d.ts')],
        },
      },
      include: ['*.ts'],
    };
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config));
    const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
    const checked = await run(tsc, ['-p', directory], { timeout: 50_000 }).catch((error: unknown) => {
      if (error instanceof Error && 'stdout' in error) return { stdout: String(error.stdout) };
      throw error;
    });
    expect(checked.stdout).toBe('');
  });
});
