import { BackupLink, bytesOf, itemsOf } from './backup/backup-link.ts';
import { BackupProblem } from './backup/backup-problem.ts';
import { BackupProgress } from './backup/backup-progress.ts';
import type { Command, CommandInput } from './command-input.ts';
import { textTable } from './data-verbs/text-table.ts';
import { bytesText } from './members/units.ts';
import { EXIT_FAILED, EXIT_OK } from './serve.ts';

/** Shards that are swept at once: their nodes serve clients meanwhile. */
const SHARDS_AT_ONCE = 4;
/** Rows for people; all shards are in the JSON. */
const SHARDS_SHOWN = 40;

const COUNTS = [
  'ranges',
  'records',
  'bytes',
  'differing',
  'repaired',
  'killed',
  'purged',
  'unreadable',
  'unanswered',
] as const;
type Count = (typeof COUNTS)[number];
type Counts = Record<Count, number>;

/** What one node found in the shards that it swept. */
interface NodeFindings extends Counts {
  shards: number;
}

/** What was found in one shard. */
interface ShardFindings extends Counts {
  readonly shard: number;
  /** Who swept it; the last one, where several had to. */
  nodeId: number;
  /** Every replica answered, and what differed was repaired. */
  isSound: boolean;
}

interface Verified {
  readonly byNode: ReadonlyMap<number, NodeFindings>;
  readonly byShard: readonly ShardFindings[];
  /** Shards in which something is still not as it should be. */
  readonly open: readonly number[];
}

/**
 * `junokv cluster verify`: one sweep of every shard now. EXIT_OK if every replica answered, and what differed was repaired.
 */
export const clusterVerifyCommand: Command = async (input) => {
  const { config, system } = input;
  const hold = system.hold();
  const progress = new BackupProgress(system, 'verify');
  let link: BackupLink | null = null;
  try {
    link = new BackupLink(config, system.clock);
    const verified = await verifyAll(link, progress);
    progress.end();
    const isSound = verified.open.length === 0;
    system.print(config.json ? JSON.stringify({ ok: isSound, ...jsonOf(verified) }) : textOf(verified));
    return isSound ? EXIT_OK : EXIT_FAILED;
  } catch (error) {
    if (!(error instanceof BackupProblem)) throw error;
    progress.end();
    complain(input, error.message);
    return EXIT_FAILED;
  } finally {
    link?.close();
    hold.cancel();
  }
};

function complain({ config, system }: CommandInput, problem: string): void {
  if (config.json) system.print(JSON.stringify({ ok: false, error: { message: problem } }));
  else system.complain(`junokv: ${problem}`);
}

async function verifyAll(link: BackupLink, progress: BackupProgress): Promise<Verified> {
  const shards = Number(await link.call('JUNO.SWEEP', 'SHARDS'));
  const byNode = new Map<number, NodeFindings>();
  const byShard: ShardFindings[] = [];
  let next = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    while (next < shards) {
      const shard = next++;
      byShard.push(await verifyShard(link, shard, byNode));
      done++;
      progress.show(done / shards, `${done} of ${shards} shards`);
    }
  };
  await Promise.all(Array.from({ length: SHARDS_AT_ONCE }, work));
  byShard.sort((a, b) => a.shard - b.shard);
  const open = byShard.filter(({ isSound }) => !isSound).map(({ shard }) => shard);
  return { byNode, byShard, open };
}

async function verifyShard(link: BackupLink, shard: number, byNode: Map<number, NodeFindings>): Promise<ShardFindings> {
  const found: ShardFindings = { shard, nodeId: 0, isSound: true, ...countsOf([]) };
  let afterId: Buffer = Buffer.alloc(0);
  for (;;) {
    const [lastId, exhausted, nodeId, flat] = itemsOf(await link.call('JUNO.SWEEP', 'SHARD', shard, afterId));
    const counts = countsOf(itemsOf(flat));
    const findings = byNode.get(Number(nodeId)) ?? { ...countsOf([]), shards: 0 };
    byNode.set(Number(nodeId), findings);
    found.nodeId = Number(nodeId);
    for (const name of COUNTS) {
      findings[name] += counts[name];
      found[name] += counts[name];
    }
    if (counts.unanswered > 0 || counts.repaired < counts.differing) found.isSound = false;
    if (exhausted === 1) {
      findings.shards++;
      return found;
    }
    afterId = bytesOf(lastId);
  }
}

function countsOf(flat: readonly unknown[]): Counts {
  const counts = Object.fromEntries(COUNTS.map((name) => [name, 0])) as Counts;
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const name = COUNTS.find((known) => known === String(flat[i]));
    if (name !== undefined) counts[name] = Number(flat[i + 1]);
  }
  return counts;
}

function totalOf({ byNode }: Verified): NodeFindings {
  const total: NodeFindings = { ...countsOf([]), shards: 0 };
  for (const findings of byNode.values()) {
    total.shards += findings.shards;
    for (const name of COUNTS) total[name] += findings[name];
  }
  return total;
}

function jsonOf(verified: Verified): object {
  const nodes = [...verified.byNode].map(([nodeId, findings]) => ({ nodeId, ...findings }));
  return { total: totalOf(verified), nodes, shards: verified.byShard, openShards: verified.open };
}

/** Nothing to tell of it. */
function isQuiet({ isSound, differing, killed, purged, unreadable }: ShardFindings): boolean {
  return isSound && differing + killed + purged + unreadable === 0;
}

function textOf(verified: Verified): string {
  const columns = ['ranges', 'records', 'bytes', 'differing', 'repaired', 'expired', 'purged', 'unreadable'];
  const cellsOf = (counts: Counts): string[] => [
    ...[counts.ranges, counts.records].map(String),
    bytesText(counts.bytes),
    ...[counts.differing, counts.repaired, counts.killed, counts.purged, counts.unreadable].map(String),
  ];
  const rowOf = (name: string, found: NodeFindings): string[] => [name, String(found.shards), ...cellsOf(found)];
  const nodes = [...verified.byNode].sort(([a], [b]) => a - b);
  const rows = nodes.map(([nodeId, findings]) => rowOf(`node ${nodeId}`, findings));
  let table = textTable([['swept by', 'shards', ...columns], ...rows, rowOf('all', totalOf(verified))]);
  const told = verified.byShard.filter((found) => !isQuiet(found));
  if (told.length > 0) {
    const shown = told.slice(0, SHARDS_SHOWN);
    const shardRows = shown.map((found) => [String(found.shard), `node ${found.nodeId}`, ...cellsOf(found)]);
    table += `\n\n${textTable([['shard', 'swept by', ...columns], ...shardRows])}`;
    if (told.length > shown.length) table += `\nand ${told.length - shown.length} more; --json has every shard`;
  }
  const { open } = verified;
  if (open.length === 0) return `${table}\n\nevery replica answered, and all of them hold the same now`;
  const some = open.slice(0, 20).join(', ') + (open.length > 20 ? ', ...' : '');
  return `${table}\n\nof ${open.length} shards not every replica answered, or not all could be repaired: ${some}`;
}
