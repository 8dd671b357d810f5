import type { Assembly } from './assembly.ts';
import { openClusterKeystore } from './cluster-keystore.ts';
import type { CommandInput } from './command-input.ts';
import { formatHostAndPort } from './host-and-port.ts';
import { registrationOf } from './registration-of.ts';
import type { ProcessParts, StartResult } from './running.ts';
import { selfTests } from './self-tests.ts';
import { openSharedCluster, SHARED_KEYSTORE_FILE } from './separate-cluster.ts';
import { serve } from './serve.ts';
import { startServer } from './server-parts.ts';

/** `junokv proxy`: serves Redis clients from storage nodes that run elsewhere. */
export function proxyCommand(input: CommandInput, assembly: Assembly): Promise<number> {
  return serve(input.system, () => startServer(input, 'proxy', (parts) => start(input, assembly, parts)));
}

async function start(input: CommandInput, assembly: Assembly, parts: ProcessParts): Promise<StartResult> {
  const { config, system } = input;
  const untested = await selfTests({ rocksdb: false });
  if (untested !== null) return { ok: false, problem: untested };
  const shared = await openSharedCluster(input, parts, config.stateDir);
  if (!shared.ok) return shared;
  const { map, store, secret, place, keystoreMark, announce } = shared.cluster;
  const keystoreFile = config.keystore === '' ? SHARED_KEYSTORE_FILE : config.keystore;
  const opened = await openClusterKeystore(
    {
      keystoreFile,
      keystoreCommand: config.keystoreCommand,
      mapFile: keystoreMark,
      hasData: true,
      create: false,
    },
    parts.random,
    parts.clock.wallMs(),
  );
  if (!opened.ok) {
    store.close();
    return opened;
  }
  const { keystore, source } = opened;
  const assembled = await assembly.startProxy({ config, map, store, secret, keystore, keystoreSource: source }, parts);
  if (!assembled.ok) {
    store.close();
    return assembled;
  }
  const { running } = assembled;
  const addresses = running.listening.map(({ host, port }) => formatHostAndPort(host, port));
  const announced = announce(registrationOf('proxy', null, addresses, system));
  const places = running.listening
    .map(({ host, port, isTls }) => `${host}:${port}${isTls === true ? ' (TLS)' : ''}`)
    .join(', ');
  return {
    ok: true,
    running: {
      ...running,
      async stop() {
        await Promise.all([announced.stop(), running.stop()]);
        store.close();
      },
    },
    summary: `junokv ${system.version} proxy is ready\n\n  clients  ${places}\n  cluster  ${place}\n  key      ${source.name}\n`,
  };
}
