import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { limits } from '../base/limits.ts';

const page = readFileSync(new URL('../../docs/juno.md', import.meta.url), 'utf8').replaceAll(/\s+/g, ' ');

it('docs/juno.md has the bounds of request ids as they are', () => {
  expect(page).toContain(`**How many**: ${limits.requestIdsPerRecord} for each key`);
  expect(limits.requestReachMs).toBe(10 * 60_000);
  expect(page).toContain('after its deletion or expiry for at least ten minutes');
});
