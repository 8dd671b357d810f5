import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { SystemClock } from '../base/system-clock.ts';
import { SystemFiles } from '../base/system-files.ts';
import type { Engine } from './engine.ts';
import { describeEngine } from './engine-conformance.ts';
import { openRocksdbEngine } from './rocksdb-engine.ts';

async function open(directory: string): Promise<Engine> {
  const opened = await openRocksdbEngine({ directory, clock: new SystemClock(), files: new SystemFiles() });
  if (!opened.ok) throw opened.error;
  return opened.engine;
}

describeEngine('rocksdb', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'junokv-engine-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return { engine: await open(directory), reopen: () => open(directory) };
});
