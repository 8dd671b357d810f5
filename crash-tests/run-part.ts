import { type ProcessorTimes, readProcessorTimes, stolenBetween } from '../compat-tests/support/processor-times.ts';
import { Report } from './report.ts';

/** A share of the processors' time, taken by other machines of the host, that explains what took too long. */
const MUCH_STOLEN = 0.1;
/** What a machine that stands still for seconds explains. Nothing else does: not what was lost, done twice or answered wrongly. */
const TOOK_TOO_LONG =
  /^[^\n]*(UNAVAILABLE|UNCERTAIN|BUSY|Command timed out|no reply within|is not ready after|did not (learn|stop|end))/;

/**
 * Runs one part and adds what it found to `report`. Where all that failed is that something took too long, and the host gave much
 * of the processors to other machines meanwhile, the part runs once more, and that counts, whatever it finds.
 */
export async function runPart(
  name: string,
  run: (report: Report) => Promise<void>,
  report: Report,
  read: () => ProcessorTimes = readProcessorTimes,
): Promise<void> {
  const before = read();
  const first = await attempt(name, run);
  const stolen = stolenBetween(before, read());
  const isExplained = first.failed > 0 && first.problems.every((problem) => TOOK_TOO_LONG.test(problem));
  if (!isExplained || stolen < MUCH_STOLEN) {
    report.add(first);
    return;
  }
  const percent = Math.round(stolen * 100);
  console.log(`\n${name}: too slow, but other machines of the host had ${percent} % of the processors: once more`);
  report.add(await attempt(name, run));
}

async function attempt(name: string, run: (report: Report) => Promise<void>): Promise<Report> {
  const report = new Report();
  try {
    await run(report);
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    report.check(`${name}: ran to its end`, [text]);
  }
  return report;
}
