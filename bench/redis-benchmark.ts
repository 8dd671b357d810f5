import { spawn } from 'node:child_process';
import { KEYS_OF_MULTI, type Operation } from './commands.ts';
import type { LoadFigures } from './load-client.ts';
import { errorReplies } from './systems.ts';

export interface BenchmarkOptions {
  readonly port: number;
  /** Not MIX, which redis-benchmark cannot do. */
  readonly operation: Operation;
  readonly valueBytes: number;
  readonly pipeline: number;
  readonly connections: number;
  /** Taken at random; 1: always the same. */
  readonly keys: number;
  readonly requests: number;
}

/** A run that takes longer hangs. */
const RUN_MS = 120_000;

function commandOf({ operation }: BenchmarkOptions): string[] {
  if (operation === 'MIX') throw new Error('redis-benchmark mixes no commands');
  if (operation !== 'MGET') return ['-t', operation.toLowerCase()];
  return ['mget', ...Array.from({ length: KEYS_OF_MULTI }, () => 'key:__rand_int__')];
}

/** One run of redis-benchmark. Throws if it fails. */
export async function runBenchmark(options: BenchmarkOptions): Promise<LoadFigures> {
  const { port, valueBytes, pipeline, connections, keys, requests } = options;
  const numbers = { '-p': port, '-c': connections, '-n': requests, '-P': pipeline, '-d': valueBytes, '-r': keys };
  const flags = Object.entries(numbers).flatMap(([flag, value]) => [flag, String(value)]);
  const errorsBefore = await errorReplies(port);
  const output = await run('redis-benchmark', ['-h', '127.0.0.1', ...flags, '--csv', ...commandOf(options)]);
  const errors = (await errorReplies(port)) - errorsBefore;
  return { ...parseCsv(output), errors, operations: requests };
}

/** "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms" */
export function parseCsv(output: string): Omit<LoadFigures, 'errors' | 'operations'> {
  const lines = output.split('\n').filter((line) => line.startsWith('"'));
  const [names, values] = [lines[0], lines.at(-1)].map((line) => (line ?? '').split('","').map(withoutQuotes));
  const of = (name: string): number => Number(values?.[names?.indexOf(name) ?? -1]);
  const figures = { perSecond: of('rps'), p50Ms: of('p50_latency_ms'), p99Ms: of('p99_latency_ms') };
  if (!Object.values(figures).every(Number.isFinite)) throw new Error(`redis-benchmark said: ${output}`);
  return figures;
}

function withoutQuotes(text: string): string {
  return text.replaceAll('"', '');
}

function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    const timer = setTimeout(() => child.kill('SIGKILL'), RUN_MS);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      if (code === 0) resolve(output);
      else reject(new Error(`${program} ${args.join(' ')} ended with ${code ?? 'a signal'}: ${output}`));
    });
  });
}
