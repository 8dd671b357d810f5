import type { Registration } from '../../cluster/etcd-registration.ts';
import type { Command } from '../command-input.ts';
import { textTable } from '../data-verbs/text-table.ts';
import { formatHostAndPort } from '../host-and-port.ts';
import { countText } from '../load/number-text.ts';
import { EXIT_OK } from '../serve.ts';
import { type ClusterReport, clusterReport, type NodeReport, type SweepReport } from './cluster-report.ts';
import { withMemberCluster } from './member-cluster.ts';
import { indented } from './plan-text.ts';
import { bytesText, spanText } from './units.ts';

/** `junokv cluster status` */
export const clusterStatusCommand: Command = (input) =>
  withMemberCluster(input, async ({ map, ask, registrations }) => {
    const [reports, registered] = await Promise.all([ask(map), registrations?.() ?? null]);
    const report = clusterReport(map, reports);
    const { config, system } = input;
    const problem = registered === null || registered.ok ? null : registered.problem;
    if (config.json) {
      const told = registered?.ok === true ? { registered: registered.value } : {};
      system.print(JSON.stringify({ ok: true, cluster: { ...report, ...told } }));
      return EXIT_OK;
    }
    system.print(reportText(report));
    if (registered?.ok === true) system.print(registrationsText(registered.value, system.clock.wallMs()));
    if (problem !== null) system.print(`! who is registered could not be read: ${problem}`);
    return EXIT_OK;
  });

/** The processes that are registered with the config store, for a person. */
export function registrationsText(registered: readonly Registration[], nowMs: number): string {
  if (registered.length === 0) return '\nregistered: no process';
  const rows = registered.map(({ role, node, addresses, version, pid, startedMs }) => [
    node === null ? role : `node ${node}`,
    addresses.join(' '),
    version,
    String(pid),
    spanText(Math.max(0, nowMs - startedMs)),
  ]);
  return `\nregistered\n${indented(textTable([['', 'address', 'version', 'process', 'since'], ...rows]))}`;
}

/** The report for a person. */
export function reportText(report: ClusterReport): string {
  const { clusterId, epoch, shards, zones } = report;
  const sections = zones.map((zone) => {
    const nodes = report.nodes.filter((node) => node.zone === zone.name);
    const head = ['', 'address', 'state', 'shards', 'learning', 'to come', 'data', 'not synced', 'epoch'];
    const table = textTable([head, ...nodes.map(nodeRow)]);
    return `zone ${zone.name}${zone.down ? ' (under maintenance)' : ''}\n${indented(table)}`;
  });
  const lines = [
    `cluster ${clusterId}, epoch ${epoch}, ${countText(shards)} shards in each of ${zones.length} zones`,
    '',
    sections.join('\n\n'),
    '',
    movesLine(report),
    sweepLine(report.sweep, shards),
    ...report.problems.map((problem) => `! ${problem}`),
  ];
  return lines.join('\n');
}

function nodeRow(node: NodeReport): string[] {
  const { status } = node;
  const told =
    status === null
      ? ['-', '-', '-']
      : [bytesText(status.dataBytes), unsyncedText(status.unsyncedMs), String(status.mapEpoch)];
  return [
    `node ${node.id}`,
    formatHostAndPort(node.host, node.port),
    node.leaving ? `${node.state}, leaving` : node.state,
    countText(node.shards),
    countText(node.learning),
    countText(node.waiting),
    ...told,
  ];
}

function unsyncedText(unsyncedMs: number): string {
  return unsyncedMs === 0 ? 'nothing' : `${countText(unsyncedMs)} ms`;
}

function movesLine({ moves, alone, goals, moveRate }: ClusterReport): string {
  if (moves + goals === 0) return 'moves: none';
  const again = alone === 0 ? '' : `, ${countText(alone)} of them without the old node`;
  const rate = moveRate === 0 ? '' : `; at most ${bytesText(moveRate)}/s for each learner`;
  return `moves: ${countText(moves)} shards under way${again}, ${countText(goals)} to come${rate}`;
}

function sweepLine(sweep: SweepReport | null, shards: number): string {
  if (sweep === null) return 'sweep: no node told of any';
  const { findings, oldestMs, swept } = sweep;
  const progress =
    oldestMs === null
      ? `${countText(swept)} of ${countText(shards)} shards since the nodes started`
      : `all shards within the last ${spanText(oldestMs)}`;
  const found = `${countText(findings.repaired)} records repaired, ${countText(findings.purged)} tombstones purged`;
  const bad = findings.unreadable === 0 ? '' : `, ${countText(findings.unreadable)} unreadable`;
  return `sweep: ${progress}; ${found}${bad}`;
}
