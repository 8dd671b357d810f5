import { stormOver } from '../../chaos/storm.ts';
import { redisServerVersion } from '../../compat-tests/support/redis-server.ts';
import { hasProgram } from '../haproxy.ts';
import type { Report } from '../report.ts';
import { type CompatOptions, runCompatSuite } from './compat-suite.ts';
import { killEtcd, killProxies, restartInTurn } from './phases.ts';
import { ProductionCluster } from './production-cluster.ts';

/** Those without the faults of npm run chaos. */
export const STEADY_PARTS = ['rolling', 'etcd', 'proxy', 'compat'] as const;
export const PARTS = [...STEADY_PARTS, 'chaos'] as const;
export type Part = (typeof PARTS)[number];

export interface ProductionOptions {
  readonly parts: readonly Part[];
  readonly etcdSeconds: number;
  readonly chaosMinutes: number;
  /** Of the storm. */
  readonly seed: number;
  /** Operations a second in the storm, of all clients. */
  readonly rate: number;
  readonly compat: CompatOptions;
}

/** For every change of the source. */
export const SHORT: Omit<ProductionOptions, 'seed'> = {
  parts: PARTS,
  etcdSeconds: 15,
  chaosMinutes: 0.5,
  rate: 300,
  compat: { isWhole: false, randomCommands: 300 },
};
export const FULL: Omit<ProductionOptions, 'seed'> = {
  parts: PARTS,
  etcdSeconds: 60,
  chaosMinutes: 5,
  rate: 500,
  compat: { isWhole: true, randomCommands: 2_400 },
};

/** Starts the whole of what an operator runs, with TLS everywhere, and shows what it promises to clients behind HAProxy. */
export async function runProduction(options: ProductionOptions, report: Report): Promise<void> {
  const missing = ['etcd', 'haproxy'].filter((name) => !hasProgram(name));
  if (missing.length > 0) {
    console.log(`\nproduction: left out, this machine has no ${missing.join(' and no ')}\n`);
    return;
  }
  console.log('\netcd, 6 storage nodes in 3 zones, 2 proxies, HAProxy: as in production, TLS on every connection\n');
  const production = await ProductionCluster.start((line) => console.log(`  ${line}`));
  const { place, cluster } = production;
  const run: Readonly<Record<Part, () => Promise<void>>> = {
    rolling: () => restartInTurn(production, report),
    etcd: () => killEtcd(production, options.etcdSeconds * 1_000, report),
    proxy: () => killProxies(production, report),
    compat: async () => {
      const redis = redisServerVersion();
      if (redis.ok) await runCompatSuite(place, options.compat, report);
      else console.log(`\nthe compat suite is left out: ${redis.reason}\n`);
    },
    chaos: async () => {
      const { chaosMinutes: minutes, seed, rate } = options;
      console.log(`\nFaults for ${minutes} minutes, --seed ${seed}; clients on TLS through HAProxy\n`);
      await stormOver(cluster, [place, place], { seed, minutes, rate, isVerbose: false }, report);
    },
  };
  try {
    for (const part of PARTS) {
      if (!options.parts.includes(part)) continue;
      await run[part]();
      report.check('no process ended by itself', production.ended);
    }
  } finally {
    await production.stop();
  }
}
