import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compatibilityFile, compatibilityPage } from './generate-compatibility.ts';

describe('docs/compatibility.md', () => {
  it('is what the command table says (else run node scripts/generate-compatibility.ts)', () => {
    expect(readFileSync(compatibilityFile, 'utf8')).toBe(compatibilityPage());
  });

  it('lists commands that are there and commands that are not', () => {
    const page = compatibilityPage();
    expect(page).toMatch(/^\| `GET` \| 1\.0\.0 \| yes \|/m);
    expect(page).toMatch(/^\| `JUNO\.CREATE` \| 0\.1\.0 \| Creates a record/m);
    expect(page).toMatch(/^- \*\*stream\*\*: .*`XADD`/m);
    const [there = '', missing = ''] = page.split('## Not there yet');
    expect(there).not.toContain('`XADD`');
    expect(missing).not.toContain('`GET`');
  });
});
