import type { LatencyEvent } from './latency-monitor.ts';

const GRAPH_COLUMNS = 80;
const GRAPH_ROWS = 4;
/** One row shows three heights. */
const HEIGHTS = '_o#';

/** How long ago, as a label under a column: seconds, minutes, hours or days. */
function ago(elapsedSeconds: number): string {
  if (elapsedSeconds < 60) return `${elapsedSeconds}s`;
  if (elapsedSeconds < 3600) return `${Math.floor(elapsedSeconds / 60)}m`;
  if (elapsedSeconds < 86_400) return `${Math.floor(elapsedSeconds / 3600)}h`;
  return `${Math.floor(elapsedSeconds / 86_400)}d`;
}

function cell(height: number, rowFromBottom: number): string {
  const within = height - rowFromBottom * HEIGHTS.length;
  if (within >= HEIGHTS.length) return '|';
  return HEIGHTS[within] ?? ' ';
}

/** Columns of equal width 1 over their labels, which run downwards. */
function columns(heights: readonly number[], labels: readonly string[]): string {
  let graph = '';
  for (let row = GRAPH_ROWS - 1; row >= 0; row--) {
    graph += `${heights.map((height) => cell(height, row)).join('')}\n`;
  }
  graph += `${' '.repeat(heights.length)}\n`;
  const deepest = Math.max(...labels.map((label) => label.length));
  for (let at = 0; at < deepest; at++) graph += `${labels.map((label) => label[at] ?? ' ').join('')}\n`;
  return graph;
}

/** LATENCY GRAPH: an ASCII graph of the event's samples. `event` has at least one. */
export function latencyGraph(event: LatencyEvent, nowUnixSeconds: number): string {
  const values = event.samples.map((sample) => sample.latencyMs);
  const high = Math.max(...values);
  const low = Math.min(...values);
  const steps = HEIGHTS.length * GRAPH_ROWS;
  const heights = values.map((value) => Math.min(steps - 1, Math.floor(((value - low) * steps) / (high - low || 1))));
  const labels = event.samples.map((sample) => ago(Math.max(0, nowUnixSeconds - sample.unixSeconds)));
  const parts: string[] = [];
  for (let from = 0; from < heights.length; from += GRAPH_COLUMNS) {
    parts.push(columns(heights.slice(from, from + GRAPH_COLUMNS), labels.slice(from, from + GRAPH_COLUMNS)));
  }
  const title = `${event.name} - high ${high} ms, low ${low} ms (all time high ${event.maxMs} ms)\n`;
  return `${title}${'-'.repeat(GRAPH_COLUMNS)}\n${parts.join('\n')}`;
}

function summary(event: LatencyEvent, number: number, nowUnixSeconds: number): string {
  const count = event.samples.length;
  const sum = event.samples.reduce((total, sample) => total + sample.latencyMs, 0);
  const average = Math.floor(sum / count);
  const deviations = event.samples.reduce((total, sample) => total + Math.abs(average - sample.latencyMs), 0);
  const oldest = Math.min(...event.samples.map((sample) => sample.unixSeconds));
  const period = (Math.max(1, nowUnixSeconds - oldest) / count).toFixed(2);
  return (
    `${number}. ${event.name}: ${count} latency spikes (average ${average}ms, ` +
    `mean deviation ${Math.floor(deviations / count)}ms, period ${period} sec). Worst all time event ${event.maxMs}ms.\n`
  );
}

/** The advice of Redis's doctor that is true here: the slow log. */
function advice(
  events: readonly LatencyEvent[],
  config: { readonly slowlogLogSlowerThanUs: number; readonly latencyMonitorThresholdMs: number },
): string[] {
  if (!events.some((event) => event.name === 'command')) return [];
  const lines: string[] = [];
  const thresholdMs = config.latencyMonitorThresholdMs;
  if (config.slowlogLogSlowerThanUs < 0) {
    lines.push(
      `- There are latency issues with potentially slow commands you are using. Try to enable the Slow Log Redis feature using the command 'CONFIG SET slowlog-log-slower-than ${thresholdMs * 1000}'. If the Slow log is disabled Redis is not able to log slow commands execution for you.`,
    );
  } else if (Math.floor(config.slowlogLogSlowerThanUs / 1000) > thresholdMs) {
    lines.push(
      `- Your current Slow Log configuration only logs events that are slower than your configured latency monitor threshold. Please use 'CONFIG SET slowlog-log-slower-than ${thresholdMs * 1000}'.`,
    );
  }
  lines.push(
    '- Check your Slow Log to understand what are the commands you are running which are too slow to execute. Please check https://redis.io/commands/slowlog for more information.',
  );
  return lines;
}

/** LATENCY DOCTOR, in Redis's words. */
export function latencyDoctorReport(
  events: readonly LatencyEvent[],
  config: { readonly slowlogLogSlowerThanUs: number; readonly latencyMonitorThresholdMs: number },
  nowUnixSeconds: number,
): string {
  if (events.length === 0) {
    if (config.latencyMonitorThresholdMs === 0) {
      return "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Redis instance. You may use \"CONFIG SET latency-monitor-threshold <milliseconds>.\" in order to enable it. If we weren't in a deep space mission I'd suggest to take a look at https://redis.io/topics/latency-monitor.\n";
    }
    return 'Dave, no latency spike was observed during the lifetime of this Redis instance, not in the slightest bit. I honestly think you ought to sit down calmly, take a stress pill, and think things over.\n';
  }
  const spikes = events.map((event, index) => summary(event, index + 1, nowUnixSeconds)).join('');
  const greeting =
    "Dave, I have observed latency spikes in this Redis instance. You don't mind talking about it, do you Dave?\n\n";
  const lines = advice(events, config);
  if (lines.length === 0) {
    return `${greeting}${spikes}\nWhile there are latency events logged, I'm not able to suggest any easy fix. Please use the Redis community to get some help, providing this report in your help request.\n`;
  }
  return `${greeting}${spikes}\nI have a few advices for you:\n\n${lines.join('\n')}\n`;
}
