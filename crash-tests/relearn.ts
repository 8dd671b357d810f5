import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { JunokvCluster } from '../compat-tests/support/junokv-cluster.ts';
import { BulkData } from './bulk-data.ts';
import { type Report, table } from './report.ts';
import { WriteLoad } from './write-load.ts';

const PROXIES = 2;
const WRITERS = 4;
const SHARDS = 64;
const MEGABYTES = 8;
/** More than the log of a node holds: the rest is in RocksDB, and in a table after a start. */
const TABLE_MEGABYTES = 96;
const STEADY_MS = 1_500;
const RELEARN_MS = 180_000;
const POLL_MS = 50;
/** Where each entry of the node's log begins, and where it says its length and number. */
const ENTRY_MAGIC = Buffer.from('jkvj', 'latin1');
const ENTRY_LENGTH_AT = 9;
const ENTRY_NUMBER_AT = 13;

interface Damage {
  readonly name: string;
  readonly node: number;
  /** Its records are to be in tables first. */
  readonly needsTables?: boolean;
  /** Done to the node's directory while its process is dead; what was done, in words. */
  readonly inflict: (nodeDir: string) => string;
}

const DAMAGES: readonly Damage[] = [
  {
    name: 'directory deleted',
    node: 2,
    inflict: (dir) => {
      rmSync(dir, { recursive: true });
      return 'all of it';
    },
  },
  { name: 'log damaged in the middle', node: 3, inflict: damageLogMiddle },
  { name: "log's end torn", node: 1, inflict: tearLog },
  { name: 'a table file damaged', node: 2, needsTables: true, inflict: damageTable },
];

/** Storage nodes lose or damage what is on their disks under load: each learns it again by itself and votes again. */
export async function relearnUnderLoad(report: Report): Promise<void> {
  console.log(`\n3 storage processes, ${PROXIES} proxies, ${WRITERS} writers: disks are lost and damaged\n`);
  const cluster = await JunokvCluster.start(PROXIES, { shards: SHARDS });
  const load = new WriteLoad(WRITERS);
  let bulk = new BulkData(MEGABYTES);
  const rows: (string | number)[][] = [['damage', 'node', 'what', 'learned after ms', 'acknowledged', 'errors']];
  const failures: string[] = [];
  const unlearned: string[] = [];
  try {
    await bulk.write(cluster.proxyPorts[0] ?? 0);
    load.start(cluster.proxyPorts);
    await pause(STEADY_MS);
    load.takeFigures();
    for (const { name, node, needsTables, inflict } of DAMAGES) {
      if (needsTables === true) {
        bulk = new BulkData(TABLE_MEGABYTES);
        await bulk.write(cluster.proxyPorts[0] ?? 0);
        await cluster.killStorage(node);
        await cluster.startStorage(node);
        await pause(STEADY_MS);
        load.takeFigures();
      }
      const before = incarnationOf(cluster, node);
      await cluster.killStorage(node);
      const what = inflict(join(cluster.dataDir(node), `node-${node}`));
      const startMs = performance.now();
      await cluster.startStorage(node);
      // Damaged tables show when they are read, or when the nodes compare what they hold.
      const reading = needsTables === true ? bulk.check(cluster.proxyPorts[0] ?? 0) : Promise.resolve([]);
      const isLearned = await within(RELEARN_MS, () => incarnationOf(cluster, node) !== before && !isMoving(cluster));
      const ms = performance.now() - startMs;
      failures.push(...(await reading).map((problem) => `${name}, while it was read: ${problem}`));
      if (!isLearned) unlearned.push(`${name}: node ${node} did not learn again within ${RELEARN_MS / 1000} s`);
      const figures = load.takeFigures();
      rows.push([name, node, what, Math.round(ms), figures.acknowledged, figures.errors + figures.sharedErrors]);
      failures.push(...[...figures.problems, ...figures.sharedProblems].map((problem) => `${name}: ${problem}`));
      console.log(
        `  ${name} (node ${node}, ${what}): ${isLearned ? `learned again after ${Math.round(ms)} ms` : 'NOT learned again'}`,
      );
      await pause(STEADY_MS);
    }
    await load.stop();
    // Another zone dies: what the others hold is all that is left.
    await cluster.killStorage(3);
    const lost: string[] = [];
    for (const port of cluster.proxyPorts) lost.push(...(await load.check(port)).lost, ...(await bulk.check(port)));
    console.log(`\n${table(rows)}\n`);
    report.check('every lost or damaged disk is found, reported and learned again', unlearned);
    report.check('no request failed and no answer was wrong meanwhile', failures);
    report.check('with a second zone killed, everything acknowledged is still readable', lost);
    report.check('what was damaged is told in the log', missingWords(cluster));
    const endedByThemselves = cluster.ended.filter((text) => !text.includes('SIGKILL'));
    report.check('no process ended by itself', endedByThemselves);
  } finally {
    await cluster.stop();
  }
}

function missingWords(cluster: JunokvCluster): string[] {
  const said = cluster.output.includes('does not vote until it has learned');
  return said ? [] : ['no storage process said that it learns again'];
}

interface MapFile {
  readonly map: {
    readonly zones: readonly { readonly nodes: readonly { readonly id: number; readonly incarnation: string }[] }[];
    readonly moves?: readonly string[];
  };
}

function readMap(cluster: JunokvCluster): MapFile['map'] {
  const file: MapFile = JSON.parse(readFileSync(join(cluster.dir, 'cluster-map.json'), 'utf8'));
  return file.map;
}

function incarnationOf(cluster: JunokvCluster, node: number): string {
  const nodes = readMap(cluster).zones.flatMap((zone) => zone.nodes);
  return nodes.find(({ id }) => id === node)?.incarnation ?? '';
}

function isMoving(cluster: JunokvCluster): boolean {
  return (readMap(cluster).moves ?? []).length > 0;
}

interface LogEntry {
  readonly path: string;
  readonly start: number;
  readonly length: number;
  readonly number: number;
}

/** The entries of the node's log, in the order of their numbers. */
function logEntries(dir: string): LogEntry[] {
  const journal = join(dir, 'records', 'journal');
  const entries: LogEntry[] = [];
  for (const name of readdirSync(journal)) {
    const path = join(journal, name);
    const bytes = readFileSync(path);
    for (let at = bytes.indexOf(ENTRY_MAGIC); at >= 0; ) {
      if (at + ENTRY_NUMBER_AT + 8 > bytes.length) break;
      const length = bytes.readUInt32BE(at + ENTRY_LENGTH_AT);
      entries.push({ path, start: at, length, number: Number(bytes.readBigUInt64BE(at + ENTRY_NUMBER_AT)) });
      at = bytes.indexOf(ENTRY_MAGIC, at + Math.max(1, length));
    }
  }
  return entries.sort((a, b) => a.number - b.number);
}

function flip(path: string, at: number): void {
  const file = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, at);
  writeSync(file, Buffer.from([(byte[0] ?? 0) ^ 0xff]), 0, 1, at);
  closeSync(file);
}

/** An entry that others follow. */
function damageLogMiddle(dir: string): string {
  const entries = logEntries(dir);
  const entry = entries.at(-20) ?? entries[0];
  if (entry === undefined) throw new Error('the log has no entries');
  flip(entry.path, entry.start + Math.floor(entry.length / 2));
  return `entry ${entry.number} of ${entries.at(-1)?.number}`;
}

function tearLog(dir: string): string {
  const last = logEntries(dir).at(-1);
  if (last === undefined) throw new Error('the log has no entries');
  truncateSync(last.path, last.start + last.length - Math.ceil(last.length / 3));
  return `entry ${last.number}`;
}

/** A byte in every few kilobytes of the largest table. */
function damageTable(dir: string): string {
  const records = join(dir, 'records');
  const tables = readdirSync(records).filter((name) => name.endsWith('.sst'));
  const sized = tables.map((name) => ({ path: join(records, name), bytes: statSync(join(records, name)).size }));
  const largest = sized.sort((a, b) => b.bytes - a.bytes)[0];
  if (largest === undefined) throw new Error('there are no tables');
  for (let at = 1_000; at < largest.bytes * 0.8; at += 3_000) flip(largest.path, at);
  return `${Math.round(largest.bytes / 1024)} KiB table`;
}

async function within(ms: number, done: () => boolean): Promise<boolean> {
  for (let untilMs = performance.now() + ms; performance.now() < untilMs; await pause(POLL_MS)) if (done()) return true;
  return done();
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
