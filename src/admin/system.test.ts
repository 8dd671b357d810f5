import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';

const CHARACTERS = 3_000_000;
const PROGRAM = `
  import { createSystem } from ${JSON.stringify(new URL('./system.ts', import.meta.url).href)};
  const system = createSystem();
  system.print('x'.repeat(${CHARACTERS}));
  system.complain('done');
  system.exit(3);
`;

describe('the end of a process', () => {
  it('waits until a slow reader has all that was printed', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM]);
    const ended = once(child, 'close');
    await new Promise((resolve) => setTimeout(resolve, 200));
    let characters = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      characters += chunk.length;
    });
    expect(await ended).toEqual([3, null]);
    expect(characters).toBe(CHARACTERS + 1);
  });

  it('does not wait for a reader that went away', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM]);
    const ended = once(child, 'close');
    child.stdout.destroy();
    expect(await ended).toEqual([3, null]);
  }, 8_000);
});
