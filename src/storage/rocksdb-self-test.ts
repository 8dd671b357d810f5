import { spawn } from 'node:child_process';
import { limits } from '../base/limits.ts';
import { rocksdbModulePath } from './rocksdb-binding.ts';
import { describeLoadFailure } from './rocksdb-load-failure.ts';

export type SelfTestResult = { readonly ok: true } | { readonly ok: false; readonly problem: string };

/** The end of a child's error output that is kept. */
const OUTPUT_CHARS = 4_096;

/**
 * Loads the native module in a child process, so that a crash of it (a wrong CPU, a broken library) ends as a text with
 * what to do and not as this process's death. Run once at start, before the first engine is opened.
 */
export function rocksdbSelfTest(modulePath?: string): Promise<SelfTestResult> {
  let path: string;
  try {
    path = modulePath ?? rocksdbModulePath();
  } catch (error) {
    return Promise.resolve(failed(error instanceof Error ? error.message : String(error)));
  }
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['-e', `require(${JSON.stringify(path)})`], {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: limits.rocksdbSelfTestMs,
      killSignal: 'SIGKILL',
    });
    let output = '';
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text: string) => {
      output = (output + text).slice(-OUTPUT_CHARS);
    });
    child.on('error', (error) => resolve(failed(error.message)));
    child.on('close', (code, signal) => {
      if (code === 0) resolve({ ok: true });
      else if (signal === 'SIGKILL') resolve(failed(`loading it took longer than ${limits.rocksdbSelfTestMs} ms`));
      else resolve(failed(signal === null ? output.trim() : `the process ended by ${signal}. ${output.trim()}`));
    });
  });
}

function failed(detail: string): SelfTestResult {
  return { ok: false, problem: describeLoadFailure(detail, process.platform, process.arch) };
}
