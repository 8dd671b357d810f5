import { nodesOf } from '../cluster/cluster-map.ts';
import type { Running } from './running.ts';
import type { SingleCluster } from './single-cluster.ts';

/** What `junokv start` prints when it serves: where to connect, where data and key are, how durable it is. */
export function startSummary(cluster: SingleCluster, running: Running, version: string, startMs: number): string {
  const { config, map } = cluster;
  const nodes = nodesOf(map).length;
  const shape = `${plural(map.zones.length, 'zone')}, ${plural(nodes, 'storage node')}, ${plural(map.shards, 'shard')}`;
  const lines: [string, string][] = [['connect', connectText(cluster, running)]];
  if (cluster.directory === null) {
    lines.push(['data', `in memory only: ${shape}. Everything is gone when this process ends.`]);
  } else {
    lines.push(['data', `${cluster.directory.path}, encrypted (${cluster.isNew ? 'new: ' : ''}${shape})`]);
    lines.push(['key', `${cluster.keystoreFile}. Keep a copy elsewhere: without it the data cannot be read.`]);
    lines.push(...durableLines(config.fsync));
  }
  lines.push(['stop', 'Ctrl-C']);
  const rows = lines.map(([left, right]) => `  ${left.padEnd(9)}${right}`.trimEnd());
  return `junokv ${version} is ready (${(startMs / 1000).toFixed(1)} s)\n\n${rows.join('\n')}\n`;
}

function connectText(cluster: SingleCluster, running: Running): string {
  const first = running.listening[0];
  if (first === undefined) return 'nowhere';
  const host = first.host === '127.0.0.1' ? '' : ` -h ${first.host}`;
  const places = running.listening.map(
    ({ host, port, isTls }) => `${host.includes(':') ? `[${host}]` : host}:${port}${isTls === true ? ' (TLS)' : ''}`,
  );
  const password = cluster.config.requirepass === '' ? 'no password' : 'password needed';
  const tls = first.isTls === true ? ' --tls' : '';
  return `redis-cli${host} -p ${first.port}${tls}    (${places.join(', ')}; ${password})`;
}

function durableLines(fsync: 'always' | 'everysec' | 'no'): [string, string][] {
  const crash = 'Acknowledged writes survive a crash of this process.';
  if (fsync === 'always') return [['durable', `${crash} They survive a loss of power too (--fsync always).`]];
  const loss =
    fsync === 'everysec'
      ? 'A loss of power may cost about the last second (--fsync everysec).'
      : 'A loss of power may cost what the system had not yet written (--fsync no).';
  return [
    ['durable', `${crash} ${loss}`],
    ['', 'All zones are on this machine: after its crash the disks are trusted as they are, as Redis does.'],
  ];
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
