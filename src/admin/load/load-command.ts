import { closeSync, openSync, writeFileSync } from 'node:fs';
import { readClientTls } from '../client-tls.ts';
import type { CommandInput } from '../command-input.ts';
import { readPassword } from '../data-verbs/client-config.ts';
import { formatHostAndPort } from '../host-and-port.ts';
import type { Configuration } from '../option-table.ts';
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE } from '../serve.ts';
import { keyDistributionText } from './key-distribution.ts';
import { type LoadPlan, mixOf, planLoad } from './load-plan.ts';
import { LoadRun } from './load-run.ts';
import { countText, secondsText } from './number-text.ts';
import { ProgressDisplay } from './progress.ts';
import { type RunDescription, resultsJson } from './report-json.ts';
import { plotPage } from './report-plot.ts';
import { resultsTable } from './report-table.ts';
import { type LoadResults, resultsOf } from './results.ts';
import { runOptions, valueSizesText } from './run-options.ts';

const STANDARD_OUTPUT = '-';

/** `junokv load`: drives servers, shows how it goes on standard error, and prints what was measured. */
export async function loadCommand(input: CommandInput): Promise<number> {
  const { config, given, system } = input;
  const fail = (problem: string, code: number): number => {
    if (isJsonPrinted(config)) system.print(JSON.stringify({ ok: false, error: { message: problem } }));
    else system.complain(`junokv: ${problem}`);
    return code;
  };
  const password = readPassword(config);
  if (!password.ok) return fail(password.problem, EXIT_USAGE);
  const tls = readClientTls(config);
  if (!tls.ok) return fail(tls.problem, EXIT_USAGE);
  const planned = planLoad(config, given.has('duration'), password.password, tls.tls);
  if (!planned.ok) return fail(planned.problem, EXIT_USAGE);
  // Better now than after the run.
  const fileProblem = [config.jsonFile, config.plot].map(unwritable).find((problem) => problem !== null);
  if (fileProblem !== undefined) return fail(fileProblem, EXIT_USAGE);

  const { plan } = planned;
  const hold = system.hold();
  const startedAtMs = system.clock.wallMs();
  const run = new LoadRun(plan, {
    clock: system.clock,
    random: system.random,
    soon: (fn) => system.soon(fn),
    cpuMs: () => system.cpuMs(),
  });
  system.onStopSignal(() => run.stop());
  const output = { redraw: system.redraw, complain: (line: string) => system.complain(`junokv: ${line}`) };
  const display = new ProgressDisplay(system.clock, output, () => run.progress());
  const outcome = await run.run();
  display.end();
  hold.cancel();
  if (!outcome.ok) return fail(outcome.problem, EXIT_FAILED);

  const results = resultsOf(plan, outcome.traffic);
  const description: RunDescription = {
    junokvVersion: system.version,
    startedAtMs,
    options: runOptions(config),
    seed: config.seed,
    loop: plan.rate > 0 ? 'open' : 'closed',
  };
  report(input, titleOf(config, plan), description, results);
  const answered = results.operations.some(({ count, errorCount }) => count > errorCount);
  return answered && results.endReason !== 'unreachable' ? EXIT_OK : EXIT_FAILED;
}

function report(input: CommandInput, title: string, description: RunDescription, results: LoadResults): void {
  const { config, system } = input;
  const table = resultsTable(title, results);
  const json = resultsJson(description, results);
  // Whoever reads JSON from standard output wants nothing else there.
  if (isJsonPrinted(config)) {
    system.complain(table);
    system.print(json);
  } else {
    system.print(table);
  }
  if (config.jsonFile !== '' && config.jsonFile !== STANDARD_OUTPUT) writeFileSync(config.jsonFile, `${json}\n`);
  if (config.plot !== '') writeFileSync(config.plot, plotPage(title, description, results));
}

function isJsonPrinted(config: Configuration): boolean {
  return config.json || config.jsonFile === STANDARD_OUTPUT;
}

/** Makes the file if it is not there. */
function unwritable(path: string): string | null {
  if (path === '' || path === STANDARD_OUTPUT) return null;
  try {
    closeSync(openSync(path, 'a'));
    return null;
  } catch (error) {
    return `cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** One or two lines: what was sent, whereto, and how. */
function titleOf(config: Configuration, plan: LoadPlan): string {
  const mix = mixOf(config)
    .map(({ operation, weight }) => `${operation}:${weight}`)
    .join(',');
  const targets = plan.targets.map(({ host, port }) => formatHostAndPort(host, port)).join(', ');
  const { rampMs, warmupMs } = plan.times;
  const loop =
    plan.rate > 0
      ? `open loop, ${countText(plan.rate)} requests/s (${plan.arrival}) over ${plan.connections} connections`
      : `closed loop, ${plan.connections} connections with ${plan.depth} under way each`;
  return (
    `junokv load of ${targets}: ${plan.commands} commands ${mix}; ${loop}.\n` +
    `${countText(config.keys)} keys, ${keyDistributionText(config.keyDistribution)}; values of ${valueSizesText(config.valueSize)} bytes; ` +
    `seed ${config.seed}; ramp ${secondsText(rampMs)}, warm-up ${secondsText(warmupMs)}.`
  );
}
