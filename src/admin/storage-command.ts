import { join } from 'node:path';
import { findNode, nodesOf } from '../cluster/cluster-map.ts';
import type { Assembly } from './assembly.ts';
import type { CommandInput } from './command-input.ts';
import { openDataDirectory } from './data-directory.ts';
import { formatHostAndPort } from './host-and-port.ts';
import { registrationOf } from './registration-of.ts';
import type { ProcessParts, StartResult } from './running.ts';
import { selfTests } from './self-tests.ts';
import { openSharedCluster } from './separate-cluster.ts';
import { serve } from './serve.ts';
import { startServer } from './server-parts.ts';

/** `junokv storage`: one storage node, reached over TCP by proxies that know the cluster secret. */
export function storageCommand(input: CommandInput, assembly: Assembly): Promise<number> {
  return serve(input.system, () => startServer(input, 'storage', (parts) => start(input, assembly, parts)));
}

async function start(input: CommandInput, assembly: Assembly, parts: ProcessParts): Promise<StartResult> {
  const { config, system } = input;
  const untested = await selfTests({ rocksdb: config.engine === 'rocksdb' });
  if (untested !== null) return { ok: false, problem: untested };
  // Beside what the node stores, and so never shared or copied.
  const shared = await openSharedCluster(input, parts, join(config.data, 'state'));
  if (!shared.ok) return shared;
  const { map, store, secret, place, announce } = shared.cluster;
  const found = findNode(map, config.node);
  if (found === null) {
    store.close();
    const ids = nodesOf(map).map((node) => node.id);
    return { ok: false, problem: `--node: ${config.node} is not in ${place}; its nodes are ${ids.join(', ')}` };
  }
  const opened = openDataDirectory(config.data);
  if (!opened.ok) {
    store.close();
    return opened;
  }
  const { directory } = opened;
  const assembled = await assembly.startStorage({ config, map, store, secret, node: found.node, directory }, parts);
  const release = (): void => {
    store.close();
    directory.release();
  };
  if (!assembled.ok) {
    release();
    return assembled;
  }
  const { running } = assembled;
  const addresses = running.listening.map(({ host, port }) => formatHostAndPort(host, port));
  const announced = announce(registrationOf('storage', config.node, addresses, system));
  const places = running.listening.map(({ host, port }) => `${host}:${port}`).join(', ');
  const kept =
    config.engine === 'memory' ? 'in memory only' : `${directory.nodePath(config.node)} (--fsync ${config.fsync})`;
  return {
    ok: true,
    running: {
      ...running,
      async stop() {
        await Promise.all([announced.stop(), running.stop()]);
        release();
      },
    },
    summary: `junokv ${system.version} storage node ${config.node} of ${found.zone.name} is ready\n\n  listening  ${places}\n  data       ${kept}\n`,
  };
}
