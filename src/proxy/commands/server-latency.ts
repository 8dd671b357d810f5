import { ErrorReply, MapReply, type Reply, VerbatimReply } from '../../resp/reply.ts';
import type { CommandRow } from '../command.ts';
import { latencyDoctorReport, latencyGraph } from '../latency-report.ts';
import type { Session } from '../session.ts';
import { helpHandler } from './help-reply.ts';

function text(args: readonly Buffer[], index: number): string {
  return args[index]?.toString() ?? '';
}

function unixSeconds(session: Session): number {
  return Math.floor(session.proxy.clock.wallMs() / 1000);
}

/** LATENCY LATEST: [event, unix time, latest ms, worst ms] each. */
function latencyLatest(session: Session): Reply {
  return session.proxy.latency.events().map((event) => {
    const latest = event.samples.at(-1);
    return [event.name, latest?.unixSeconds ?? 0, latest?.latencyMs ?? 0, event.maxMs];
  });
}

/** LATENCY HISTORY event: [unix time, ms] each, oldest first. */
function latencyHistory(session: Session, args: readonly Buffer[]): Reply {
  const event = session.proxy.latency.event(text(args, 2));
  return event === null ? [] : event.samples.map((sample) => [sample.unixSeconds, sample.latencyMs]);
}

function latencyReset(session: Session, args: readonly Buffer[]): Reply {
  return session.proxy.latency.reset(args.slice(2).map((name) => name.toString().toLowerCase()));
}

function latencyGraphReply(session: Session, args: readonly Buffer[]): Reply {
  const name = text(args, 2);
  const event = session.proxy.latency.event(name);
  if (event === null) return new ErrorReply(`ERR No samples available for event '${name}'`);
  return new VerbatimReply('txt', latencyGraph(event, unixSeconds(session)));
}

function latencyDoctor(session: Session): Reply {
  const { latency, config } = session.proxy;
  return new VerbatimReply('txt', latencyDoctorReport(latency.events(), config, unixSeconds(session)));
}

/** LATENCY HISTOGRAM [command ...]: of a container, its subcommands. */
function latencyHistogram(session: Session, args: readonly Buffer[]): Reply {
  const wanted = args.slice(2).map((name) => name.toString().toLowerCase());
  const entries: [Reply, Reply][] = [];
  for (const [name, histogram] of session.proxy.latency.histograms()) {
    const asked = wanted.length === 0 || wanted.some((w) => w === name || name.startsWith(`${w}|`));
    if (!asked || histogram.count === 0) continue;
    const pairs = new MapReply(histogram.cumulative());
    entries.push([
      name,
      new MapReply([
        ['calls', histogram.count],
        ['histogram_usec', pairs],
      ]),
    ]);
  }
  return new MapReply(entries);
}

const helpLines = [
  'DOCTOR',
  '    Return a human readable latency analysis report.',
  'GRAPH <event>',
  '    Return an ASCII latency graph for the <event> class.',
  'HISTORY <event>',
  '    Return time-latency samples for the <event> class.',
  'LATEST',
  '    Return the latest latency samples for all events.',
  'RESET [<event> ...]',
  '    Reset latency data of one or more <event> classes.',
  '    (default: reset all data for all event classes)',
  'HISTOGRAM [COMMAND ...]',
  '    Return a cumulative distribution of latencies in the format of a histogram for the specified command names.',
  '    If no commands are specified then all histograms are replied.',
];

const subcommands: readonly CommandRow[] = [
  {
    name: 'latency|latest',
    group: 'server',
    summary: 'Return the latest latency samples for all events.',
    since: '2.8.13',
    complexity: 'O(1)',
    arity: 2,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    categories: ['@admin', '@slow', '@dangerous'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: latencyLatest },
    difference: 'The events are command and fast-command, of one proxy, measured until the answer.',
  },
  {
    name: 'latency|history',
    group: 'server',
    summary: 'Return timestamp-latency samples for the event.',
    since: '2.8.13',
    complexity: 'O(1)',
    arity: 3,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    categories: ['@admin', '@slow', '@dangerous'],
    keys: null,
    docArguments: [{ name: 'event', type: 'string' }],
    handler: { kind: 'session', run: latencyHistory },
  },
  {
    name: 'latency|reset',
    group: 'server',
    summary: 'Reset latency data for one or more events.',
    since: '2.8.13',
    complexity: 'O(1)',
    arity: -2,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    categories: ['@admin', '@slow', '@dangerous'],
    keys: null,
    docArguments: [{ name: 'event', type: 'string', optional: true, multiple: true }],
    handler: { kind: 'session', run: latencyReset },
  },
  {
    name: 'latency|graph',
    group: 'server',
    summary: 'Return a latency graph for the event.',
    since: '2.8.13',
    complexity: 'O(1)',
    arity: 3,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    categories: ['@admin', '@slow', '@dangerous'],
    keys: null,
    docArguments: [{ name: 'event', type: 'string' }],
    handler: { kind: 'session', run: latencyGraphReply },
  },
  {
    name: 'latency|doctor',
    group: 'server',
    summary: 'Return a human readable latency analysis report.',
    since: '2.8.13',
    complexity: 'O(1)',
    arity: 2,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    categories: ['@admin', '@slow', '@dangerous'],
    keys: null,
    docArguments: [],
    handler: { kind: 'session', run: latencyDoctor },
    difference: 'Gives only the advice that applies here.',
  },
  {
    name: 'latency|histogram',
    group: 'server',
    summary: 'Return the cumulative distribution of latencies of a subset of commands or all.',
    since: '7.0.0',
    complexity: 'O(N) where N is the number of commands with latency information being retrieved.',
    arity: -2,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    categories: ['@admin', '@slow', '@dangerous'],
    keys: null,
    docArguments: [{ name: 'command', type: 'string', optional: true, multiple: true }],
    handler: { kind: 'session', run: latencyHistogram },
  },
  {
    name: 'latency|help',
    group: 'server',
    summary: 'Show helpful text about the different subcommands.',
    since: '2.8.13',
    complexity: 'O(1)',
    arity: 2,
    flags: ['loading', 'stale'],
    categories: ['@slow'],
    keys: null,
    docArguments: [],
    handler: helpHandler('LATENCY', helpLines),
  },
];

/** LATENCY: the latency monitor of the proxy that the client is connected to. */
export const latencyCommand: CommandRow = {
  name: 'latency',
  group: 'server',
  summary: 'A container for latency diagnostics commands',
  since: '2.8.13',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
  categories: ['@slow'],
  keys: null,
  docArguments: [],
  handler: null,
  subcommands,
};
