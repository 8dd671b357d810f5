import { limits } from '../base/limits.ts';
import { formatHostAndPort } from './host-and-port.ts';
import { type HttpAnswer, type HttpPage, HttpServer } from './http-server.ts';
import { listenProblem } from './listen-problem.ts';
import { MetricsSource } from './metrics/metrics-source.ts';
import type { Observed } from './metrics/observed.ts';
import { notReady } from './metrics/readiness.ts';
import type { ProcessFacts } from './metrics/snapshot.ts';
import type { Configuration } from './option-table.ts';
import type { ProcessParts, Running, StartResult } from './running.ts';
import { mergedMetrics } from './workers/merged-metrics.ts';

/** /metrics, /healthz and /readyz of this process. */
export interface HttpRoom {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

export type StartedHttp =
  | { readonly ok: true; readonly room: HttpRoom }
  | { readonly ok: false; readonly problem: string };

/**
 * Starts the rooms of a process with the HTTP port that its options ask for: the port is there before the rooms, so that
 * whoever watches sees them start, and goes after them.
 */
export async function startWithHttp(
  config: Configuration,
  facts: ProcessFacts,
  parts: ProcessParts & { readonly observed: Observed },
  start: () => Promise<StartResult>,
): Promise<StartResult> {
  const { observed } = parts;
  const http = config.httpPort === 0 ? null : await startHttpRoom(config.httpHost, config.httpPort, facts, parts);
  if (http !== null && !http.ok) return http;
  const started = await start();
  if (!started.ok) {
    await http?.room.close();
    return started;
  }
  observed.isStarted = true;
  const running: Running = {
    ...started.running,
    async stop() {
      observed.isStopping = true;
      await started.running.stop();
      await http?.room.close();
    },
  };
  if (http === null) return { ...started, running };
  const place = formatHostAndPort(http.room.host, http.room.port);
  return {
    ok: true,
    running,
    summary: `${started.summary.trimEnd()}\n  http     ${place} (/metrics, /healthz, /readyz)\n`,
  };
}

/** `port` 0 takes any free one. */
export async function startHttpRoom(
  host: string,
  port: number,
  facts: ProcessFacts,
  parts: ProcessParts & { readonly observed: Observed },
): Promise<StartedHttp> {
  const { clock, log, observed } = parts;
  const source = new MetricsSource(observed, facts, clock, facts.labels);
  const metrics = async (): Promise<HttpAnswer> => {
    const own = source.print();
    const workers = await observed.workers?.metrics();
    const text = workers === undefined ? await own : mergedMetrics([await own, ...workers]);
    return { status: 200, text, contentType: source.contentType };
  };
  const pages = new Map<string, HttpPage>([
    ['/metrics', metrics],
    ['/healthz', () => ({ status: 200, text: 'alive\n' })],
    ['/readyz', () => readinessAnswer(observed)],
  ]);
  const server = new HttpServer(pages, log);
  try {
    const listening = await server.listen(host, port);
    source.start();
    const close = async (): Promise<void> => {
      source.stop();
      await server.close();
    };
    return { ok: true, room: { host, port: listening, close } };
  } catch (error) {
    return { ok: false, problem: listenProblem(error, host, port, '--http-port') };
  }
}

async function readinessAnswer(observed: Observed): Promise<HttpAnswer> {
  const all = [...notReady(observed), ...((await observed.workers?.problems()) ?? [])];
  const problems = all.slice(0, limits.readyzProblems);
  if (problems.length === 0) return { status: 200, text: 'ready\n' };
  return { status: 503, text: `${problems.join('\n')}\n` };
}
