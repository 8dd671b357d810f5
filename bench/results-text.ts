import { compare } from './comparisons.ts';
import { median, type RoleCpu, totalCpuUs } from './figures.ts';
import type { MemoryResult } from './larger-than-memory.ts';
import type { LatencyResult } from './latency.ts';
import type { Machine } from './machine.ts';
import type { Plot } from './plots.ts';
import { type Ratio, type Results, summariseRow } from './results.ts';
import { SYSTEM_NAMES, SYSTEM_TITLES, type SystemName } from './systems.ts';

/** From this on, a client of one thread has nothing left to give, and the rate may be its own. */
const BUSY_CLIENT_CORES = 0.9;

/** A markdown table; columns whose name starts with > stand to the right. */
export function markdownTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const names = heading.map((name) => name.replace(/^>/, ''));
  const widths = names.map((name, i) => Math.max(name.length, 3, ...rows.map((row) => (row[i] ?? '').length)));
  const isRight = (column: number): boolean => heading[column]?.startsWith('>') === true;
  const pad = (cell: string, i: number): string =>
    isRight(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0);
  const line = (cells: readonly string[]): string => `| ${cells.map(pad).join(' | ')} |`;
  const rule = widths.map((width, i) => (isRight(i) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  return [line(names), line(rule), ...rows.map(line)].join('\n');
}

export function rate(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function share(value: number): string {
  return value < 0.1 ? value.toFixed(3) : value.toFixed(2);
}

function withSpread({ ratio, least, most }: Ratio): readonly [string, string] {
  return [share(ratio), `${share(least)}-${share(most)}`];
}

/** `proxy 12.1 + storage (3) 20.5`: of all processes of a role together. */
function cpuText(cpu: readonly RoleCpu[]): string {
  if (cpu.length === 1 && cpu[0]?.processes === 1) return '';
  return cpu
    .map(({ role, processes, userUs, systemUs }) => {
      const count = processes === 1 ? '' : ` (${processes})`;
      return `${role}${count} ${(userUs + systemUs).toFixed(1)}`;
    })
    .join(' + ');
}

export function machineText(machine: Machine): string {
  const etcd = machine.etcd === null ? '' : `; etcd ${machine.etcd}`;
  return (
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB; Linux ${machine.kernel}; Node ${machine.node}; ` +
    `redis-server ${machine.redis}${etcd}; junokv ${machine.junokv}; ` +
    `load before ${machine.loadBefore.toFixed(1)}; ${machine.date}`
  );
}

function comparisonsText(results: Results): string {
  const rows = compare(results).map(({ title, system, ratio, least, most, atLeast, cpuRatio }) => [
    title,
    system,
    ...withSpread({ ratio, least, most }),
    share(atLeast),
    ratio >= atLeast ? 'yes' : 'no',
    `${share(cpuRatio)}`,
  ]);
  for (const { system, runs } of results.memory) {
    for (const { pipeline, cached, all } of runs) {
      const title = `GET, pipeline ${pipeline}, data larger than memory, to its own in-cache rate`;
      const ratio = all.perSecond / cached.perSecond;
      const spread = `${share(all.least / cached.most)}-${share(all.most / cached.least)}`;
      rows.push([title, system, share(ratio), spread, share(0.3), ratio >= 0.3 ? 'yes' : 'no', '']);
    }
  }
  if (rows.length === 0) return '';
  const table = markdownTable(
    ['rate', 'system', '>ratio', '>spread', '>at least', 'holds', '>CPU per operation'],
    rows,
  );
  return `### Ratios\n\nThe last column is the CPU time per operation, as a ratio to the same system.\n\n${table}`;
}

function rowsText(results: Results): string {
  const counted = results.rows.some(({ systems }) =>
    systems.some(({ figures }) => figures.some((f) => f.instructions !== null)),
  );
  const heading = [
    'row',
    'system',
    '>to redis',
    '>spread',
    '>CPU us/op',
    'of these',
    '>p50 ms',
    '>p99 ms',
    '>client cores',
    '>requests/s',
  ];
  const rows = results.rows.flatMap((row) =>
    summariseRow(row).map((one) => [
      row.title,
      one.system,
      ...(one.toRedis === null ? ['', ''] : withSpread(one.toRedis)),
      totalCpuUs(one.cpu).toFixed(1),
      cpuText(one.cpu),
      one.p50Ms.toFixed(2),
      one.p99Ms.toFixed(2),
      `${one.clientCores.toFixed(2)}${one.clientCores >= BUSY_CLIENT_CORES ? ' *' : ''}`,
      `${rate(one.perSecond)}${one.errors === 0 ? '' : ` (${one.errors} errors)`}`,
      ...(counted ? [one.instructions === null ? '' : rate(one.instructions)] : []),
    ]),
  );
  if (rows.length === 0) return '';
  const notes =
    "Medians over the rounds, in which the systems take turns; the spread is the least and the most of the rounds' own ratios to " +
    'redis-server. Latencies are of a request, or of a whole batch where requests are pipelined; an MGET or MSET of ten keys is one ' +
    'request. CPU time is that of all processes of the system, user and system, per request. Where the client kept a core busy (*), ' +
    'it was the limit, and the rate says little beside the CPU time. Requests per second are of this machine in this run only.';
  return `### All rows\n\n${notes}\n\n${markdownTable(counted ? [...heading, '>instructions/op'] : heading, rows)}`;
}

function latencyText(result: LatencyResult): string {
  const rows = result.points.map(({ system, share: part, of, ratePerSecond, figures, p99LeastMs, p99MostMs }) => [
    system,
    system === of ? `${part * 100}% of its maximum` : `${part * 100}% of ${of}'s`,
    figures.p50Ms.toFixed(2),
    figures.p99Ms.toFixed(2),
    `${p99LeastMs.toFixed(2)}-${p99MostMs.toFixed(2)}`,
    figures.p999Ms.toFixed(2),
    figures.generatorP99Ms.toFixed(2),
    rate(ratePerSecond),
    [
      figures.errors > 0 ? `${figures.errors} errors` : '',
      figures.unanswered > 0 ? `${figures.unanswered} unanswered` : '',
    ]
      .filter((problem) => problem !== '')
      .join(', '),
  ]);
  const maximum = result.maximum.map(({ system, perSecond }) => `${system} ${rate(perSecond)}/s`).join(', ');
  const heading = [
    'system',
    'rate',
    '>p50 ms',
    '>p99 ms',
    '>p99 spread',
    '>p99.9 ms',
    '>generator p99 ms',
    '>requests/s',
    'problems',
  ];
  return `#### ${result.title}\n\nMaximum of a closed loop: ${maximum}.\n\n${markdownTable(heading, rows)}\n\n${tailText(result)}`.trim();
}

/** p99 at half of our maximum beside redis-server's at the same rate. */
function tailText({ points }: LatencyResult): string {
  return points
    .filter(({ system, of, share: part }) => system === of && part === 0.5)
    .flatMap(({ system, figures }) => {
      const redis = points.find((point) => point.system === 'redis' && point.of === system && point.share === 0.5);
      if (redis === undefined || system === 'redis') return [];
      const times = figures.p99Ms / redis.figures.p99Ms;
      return [
        `- p99 of ${system} at 50% of its maximum: ${times.toFixed(1)} times that of redis-server at the same rate.`,
      ];
    })
    .join('\n');
}

function latenciesText(results: Results): string {
  if (results.latency.length === 0) return '';
  const notes =
    'Requests are sent in a Poisson process at a fixed rate, whether or not those before them are answered, and latency counts from ' +
    "the moment at which a request was to be sent. The generator's own lateness is part of it, and is shown.";
  return ['### Latency at fixed rates', notes, ...results.latency.map(latencyText)].join('\n\n');
}

function memoryText(results: readonly MemoryResult[]): string {
  if (results.length === 0) return '';
  const mb = (bytes: number | null): string => (bytes === null ? '' : rate(bytes / 2 ** 20));
  const rows = results.flatMap(({ system, limitBytes, valuesBytes, peakBytes, runs }) =>
    runs.map(({ pipeline, cached, all }) => [
      system,
      String(pipeline),
      share(all.perSecond / cached.perSecond),
      totalCpuUs(cached.cpu).toFixed(1),
      totalCpuUs(all.cpu).toFixed(1),
      all.p99Ms.toFixed(2),
      mb(limitBytes),
      mb(peakBytes),
      mb(valuesBytes),
      rate(all.perSecond),
    ]),
  );
  const heading = [
    'system',
    '>pipeline',
    '>to in-cache',
    '>CPU us/op in cache',
    '>CPU us/op',
    '>p99 ms',
    '>memory MB',
    '>used MB',
    '>values MB',
    '>GETs/s',
  ];
  const notes =
    'All processes of junokv in one control group whose memory, cached files included, is limited; values of 1 KB. In cache: GETs of ' +
    '10,000 of the keys, again and again. Otherwise: of all keys, each as often as any other.';
  return `### Data larger than memory\n\n${notes}\n\n${markdownTable(heading, rows)}`;
}

function systemsText(results: Results): string {
  const named = new Set<SystemName>([
    ...results.rows.flatMap(({ systems }) => systems.map(({ system }) => system)),
    ...results.latency.flatMap(({ maximum }) => maximum.map(({ system }) => system)),
    ...results.memory.map(({ system }) => system),
  ]);
  const lines = SYSTEM_NAMES.filter((name) => named.has(name)).map((name) => `- **${name}**: ${SYSTEM_TITLES[name]}`);
  const withHeading = (heading: string, texts: readonly string[]): string[] =>
    texts.length === 0 ? [] : ['', heading, '', ...texts.map((text) => `- ${text}`)];
  const skipped = withHeading('Not measured on this machine:', results.skipped);
  const failed = withHeading('Failed:', results.failed);
  return ['### The systems', '', ...lines, ...skipped, ...failed].join('\n');
}

/** What the host's other machines took: where it is much, the rates and above all the latencies are partly theirs. */
function stolenText({ rows }: Results): string {
  const shares = rows.flatMap(({ systems }) => systems.flatMap(({ figures }) => figures.map(({ stolen }) => stolen)));
  const most = Math.max(0, ...shares);
  if (most < 0.01) return '';
  const percent = (part: number): string => (100 * part).toFixed(0);
  return ` The host gave ${percent(median(shares))} % of the processors' time to other machines in the median run, ${percent(most)} % in the worst.`;
}

/** What was measured, as markdown. */
export function resultsText(results: Results, plots: readonly Plot[]): string {
  const { machine, rounds, runMs, warmUpMs } = results;
  const pictures = (wanted: (file: string) => boolean): string =>
    plots
      .filter(({ file }) => wanted(file))
      .map(({ file, caption }) => `![${caption}](performance/${file})`)
      .join('\n\n');
  const isLatency = (file: string): boolean => file.startsWith('latency');
  return [
    '## Measured',
    `${machineText(machine)}. ${rounds} round${rounds === 1 ? '' : 's'}, runs of about ${runMs / 1_000} s, each row served for ${warmUpMs / 1_000} s before.${stolenText(results)}`,
    comparisonsText(results),
    pictures((file) => !isLatency(file)),
    latenciesText(results),
    pictures(isLatency),
    memoryText(results.memory),
    rowsText(results),
    systemsText(results),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}
