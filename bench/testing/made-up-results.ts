import type { Figures } from '../figures.ts';
import type { Machine } from '../machine.ts';
import type { Results, RowResult } from '../results.ts';
import { isSystemName } from '../systems.ts';

const MACHINE: Machine = {
  cpu: 'a processor',
  cores: 2,
  memoryGb: 8,
  kernel: '6.1',
  loadBefore: 0.1,
  node: 'v24.0.0',
  redis: '7.0.15',
  etcd: null,
  junokv: 'abc',
  date: '2026-01-02',
};

/** Made-up figures for tests. */
export function figuresOf(some: Partial<Figures> & Pick<Figures, 'perSecond'>): Figures {
  const cpu = [{ role: 'all', userUs: 2, systemUs: 1 }];
  return { p50Ms: 1, p99Ms: 2, errors: 0, cpu, clientCores: 0.5, instructions: null, stolen: 0, ...some };
}

/** Made-up results of one row: the rates of each system, round by round. */
export function resultsOf(id: string, rates: Readonly<Record<string, readonly number[]>>): Results {
  const systems = Object.entries(rates).map(([system, perSecond]) => {
    if (!isSystemName(system)) throw new Error(`no system: ${system}`);
    return { system, figures: perSecond.map((one) => figuresOf({ perSecond: one })) };
  });
  const row: RowResult = {
    id,
    title: `the row ${id}`,
    client: 'own',
    operation: 'GET',
    keyPattern: 'uniform',
    valueBytes: 100,
    pipeline: 1,
    connections: 50,
    systems,
  };
  return {
    machine: MACHINE,
    rounds: 2,
    runMs: 500,
    warmUpMs: 2_000,
    rows: [row],
    latency: [],
    memory: [],
    skipped: [],
    failed: [],
  };
}
