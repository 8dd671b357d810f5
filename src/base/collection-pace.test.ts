import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { growthPercent } from './collection-pace.ts';
import { limits } from './limits.ts';

const GIB = 2 ** 30;

/** Has 400 MB of buffers, of which 2 GB come and go; prints how often the whole heap was collected. */
const CHURN = `
import { PerformanceObserver } from 'node:perf_hooks';
if (process.argv[1] !== '') (await import(process.argv[1])).paceCollections();
let whole = 0;
new PerformanceObserver((list) => {
  for (const { detail } of list.getEntries()) if (detail.kind === 4) whole++;
}).observe({ entryTypes: ['gc'] });
const ring = Array.from({ length: 40_000 }, () => Buffer.allocUnsafeSlow(10_000));
for (let i = 0; i < 200_000; i++) {
  ring[(i * 7_919) % ring.length] = Buffer.allocUnsafeSlow(10_000);
  if (i % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
}
await new Promise((resolve) => setTimeout(resolve, 50));
console.log(whole, ring.length);
`;

async function collections(module: string): Promise<number> {
  const args = ['--input-type=module', '--eval', CHURN, module];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
  expect(stderr).toBe('');
  return Number(stdout.split(' ')[0]);
}

describe('the pace of collections', () => {
  it('is a step for a large process, a share of its memory, and in bounds', () => {
    const step = limits.collectionStepBytes;
    expect(growthPercent(step, 64 * GIB)).toBe(100);
    expect(growthPercent(4 * step, 64 * GIB)).toBe(25);
    expect(growthPercent(GIB / 4, GIB)).toBe(Math.round(400 / limits.collectionStepShare));
    expect(growthPercent(1, 64 * GIB)).toBe(limits.collectionGrowthMaxPercent);
    expect(growthPercent(64 * GIB, 64 * GIB)).toBe(limits.collectionGrowthMinPercent);
  });

  it('is not that of the buffers that come and go', { timeout: 120_000 }, async () => {
    const unpaced = await collections('');
    const paced = await collections(fileURLToPath(new URL('./collection-pace.ts', import.meta.url)));
    expect(unpaced).toBeGreaterThan(12);
    expect(paced).toBeLessThan(unpaced / 2);
  });
});
