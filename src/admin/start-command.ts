import type { Assembly } from './assembly.ts';
import type { CommandInput } from './command-input.ts';
import type { ProcessParts, Running, StartResult } from './running.ts';
import { selfTests } from './self-tests.ts';
import { serve } from './serve.ts';
import { startServer } from './server-parts.ts';
import { prepareSingleCluster } from './single-cluster.ts';
import { startSummary } from './start-summary.ts';

/** `junokv start`: a whole cluster in this process. */
export function startCommand(input: CommandInput, assembly: Assembly): Promise<number> {
  return serve(input.system, () => startServer(input, 'one-process', (parts) => start(input, assembly, parts)));
}

async function start(input: CommandInput, assembly: Assembly, parts: ProcessParts): Promise<StartResult> {
  const { config, given, system } = input;
  const startedMs = system.clock.monotonicMs();
  const untested = await selfTests({ rocksdb: config.engine === 'rocksdb' });
  if (untested !== null) return { ok: false, problem: untested };
  const prepared = await prepareSingleCluster(config, given, parts);
  if (!prepared.ok) return prepared;
  const { cluster } = prepared;
  const assembled = await assembly.startSingleProcess(cluster, parts);
  if (!assembled.ok) {
    cluster.release();
    return assembled;
  }
  const running: Running = {
    ...assembled.running,
    async stop() {
      await assembled.running.stop();
      cluster.release();
    },
  };
  const summary = startSummary(cluster, running, system.version, system.clock.monotonicMs() - startedMs);
  return { ok: true, running, summary };
}
