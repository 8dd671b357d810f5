import { spawn, spawnSync } from 'node:child_process';

const EVENT = 'instructions:u';
/** perf needs this long to attach to the threads of a process. */
const ATTACH_MS = 200;
const STOP_MS = 5_000;

/** Why instructions cannot be counted here, or null where they can. */
export function instructionsProblem(): string | null {
  const result = spawnSync('perf', ['stat', '-x,', '-e', EVENT, 'true'], { encoding: 'utf8' });
  if (result.error !== undefined) return 'there is no perf on this machine';
  return parseCount(result.stderr) === null ? 'perf cannot count instructions on this machine' : null;
}

/** perf stat -x,: count, unit, event, ... ; '<not supported>' where the hardware's counters cannot be reached. */
export function parseCount(output: string): number | null {
  const line = output.split('\n').find((text) => text.includes(EVENT));
  const count = Number(line?.split(',')[0] ?? Number.NaN);
  return Number.isFinite(count) && line !== undefined ? count : null;
}

/** Counts user-space instructions of processes from now until the returned function is called; null if that failed. */
export async function countInstructions(pids: readonly number[]): Promise<() => Promise<number | null>> {
  const perf = spawn('perf', ['stat', '-x,', '-e', EVENT, '-p', pids.join(',')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  perf.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const ended = new Promise<void>((resolve) => {
    perf.on('error', () => resolve());
    perf.on('close', () => resolve());
  });
  await new Promise((resolve) => setTimeout(resolve, ATTACH_MS));
  return async () => {
    perf.kill('SIGINT');
    const timer = setTimeout(() => perf.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(timer);
    return parseCount(output);
  };
}
