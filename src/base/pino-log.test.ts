import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

describe('createPinoLog', () => {
  it('writes JSON lines to standard error, from its level up, even if the process ends at once', () => {
    const module = JSON.stringify(new URL('./pino-log.ts', import.meta.url).href);
    const script = `const { createPinoLog } = await import(${module}); const log = createPinoLog('warn');
      log.info({}, 'left out'); log.warn({ node: 3 }, 'slow'); process.kill(process.pid, 'SIGKILL');`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect(stdout).toBe('');
    const lines = stderr.trim().split('\n');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'warn', node: 3, msg: 'slow' });
  });
});
