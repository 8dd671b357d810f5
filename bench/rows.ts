import { KEYS_OF_MULTI, type Operation } from './commands.ts';
import type { KeyPattern } from './keys.ts';
import type { SystemName } from './systems.ts';

/** The forms of the benchmark, each with all rows of the shorter ones. */
export type Form = 'quick' | 'normal' | 'full';

/** What is measured on several systems in turns, and compared. */
export interface RowSpec {
  readonly id: string;
  readonly title: string;
  /** redis-benchmark costs less of the machine; the bench's own client can also WAIT, route by slot and mix commands. */
  readonly client: 'redis-benchmark' | 'own';
  readonly operation: Operation;
  readonly keyPattern: KeyPattern;
  readonly valueBytes: number;
  readonly pipeline: number;
  readonly connections: number;
  readonly systems: readonly SystemName[];
  /** Those of the quick form, where they are fewer. */
  readonly quickSystems?: readonly SystemName[];
  /** The shortest form that has it. */
  readonly form: Form;
}

const THREE: readonly SystemName[] = ['redis', 'junokv', 'junokv-separate'];
const REPLICATED: readonly SystemName[] = ['redis', 'redis-2-replicas', 'redis-cluster', 'junokv', 'junokv-separate'];
const WRITERS: readonly SystemName[] = [
  'redis',
  'redis-aof-everysec',
  'redis-aof-always',
  'redis-2-replicas',
  'redis-cluster',
  'junokv',
  'junokv-no',
  'junokv-separate',
  'junokv-separate-no',
];
const QUICK_WRITERS: readonly SystemName[] = ['redis', 'redis-2-replicas', 'junokv', 'junokv-separate'];
const DURABLE: readonly SystemName[] = [
  'redis',
  'redis-aof-always',
  'etcd',
  'etcd-3',
  'junokv-always',
  'junokv-separate-always',
];
const READ_BY_ETCD: readonly SystemName[] = ['redis', 'etcd', 'etcd-3', 'junokv', 'junokv-separate'];

const CONNECTIONS = 50;
const PLAIN = {
  client: 'redis-benchmark',
  keyPattern: 'uniform',
  valueBytes: 100,
  pipeline: 1,
  connections: CONNECTIONS,
  systems: THREE,
  form: 'normal',
} as const satisfies Partial<RowSpec>;

const KEY_WORDS: Readonly<Record<KeyPattern, string>> = { uniform: '', zipf: 'Zipf keys', one: 'one key' };

export function sizeText(bytes: number): string {
  return bytes < 1_000 ? `${bytes} B` : `${bytes / 1_000} KB`;
}

function row(operation: Operation, more: Partial<Omit<RowSpec, 'id' | 'title' | 'operation'>> = {}): RowSpec {
  const spec = { ...PLAIN, ...more };
  const { client, keyPattern, valueBytes, pipeline, connections } = spec;
  const ofTen = operation === 'MGET' || operation === 'MSET' ? ` of ${KEYS_OF_MULTI}` : '';
  const what = operation === 'MIX' ? '90% GET, 10% SET' : `${operation}${ofTen}`;
  const words = [
    what,
    operation === 'INCR' ? '' : sizeText(valueBytes),
    `pipeline ${pipeline}`,
    connections === CONNECTIONS ? '' : `${connections} connection${connections === 1 ? '' : 's'}`,
    KEY_WORDS[keyPattern],
    client === 'own' ? 'own client' : '',
  ];
  const id = [
    operation.toLowerCase(),
    ...(operation === 'INCR' ? [] : [sizeText(valueBytes).replace(' ', '').toLowerCase()]),
    `p${pipeline}`,
    `c${connections}`,
    ...(keyPattern === 'uniform' ? [] : [keyPattern]),
    ...(client === 'own' ? ['own'] : []),
  ].join('-');
  return { ...spec, operation, id, title: words.filter((word) => word !== '').join(', ') };
}

const own = { client: 'own' } as const;

function synced(connections: number): RowSpec {
  const spec = row('SET', { ...own, connections, systems: DURABLE });
  const title = `SET or put, synced before the answer, ${spec.title.slice('SET, '.length)}`;
  return { ...spec, id: `set-100b-p1-c${connections}-synced`, title };
}

/** The table of rows, by value size, so that the keys are filled once for each size. */
export const ROWS: readonly RowSpec[] = [
  row('GET', { form: 'quick' }),
  row('GET', { pipeline: 16, form: 'quick' }),
  row('GET', { pipeline: 64 }),
  row('SET', { form: 'quick' }),
  row('SET', { pipeline: 16, form: 'quick' }),
  row('SET', { pipeline: 64 }),
  row('INCR'),
  row('INCR', { pipeline: 16 }),
  row('INCR', { pipeline: 16, keyPattern: 'one', form: 'quick' }),
  row('INCR', { keyPattern: 'one' }),
  row('GET', { pipeline: 16, keyPattern: 'one' }),
  row('MGET'),
  row('MGET', { pipeline: 16 }),
  row('MSET'),
  row('MSET', { pipeline: 16, form: 'full' }),
  row('GET', { connections: 1 }),
  row('SET', { connections: 1 }),
  row('GET', { connections: 1, pipeline: 64, form: 'full' }),
  row('SET', { connections: 1, pipeline: 64, form: 'full' }),
  row('GET', { connections: 500 }),
  row('SET', { connections: 500 }),
  row('GET', { connections: 500, pipeline: 16, form: 'full' }),
  row('SET', { connections: 500, pipeline: 16, form: 'full' }),
  row('SET', { ...own, systems: WRITERS, quickSystems: QUICK_WRITERS, form: 'quick' }),
  row('SET', { ...own, pipeline: 16, systems: WRITERS, quickSystems: QUICK_WRITERS, form: 'quick' }),
  row('SET', { ...own, pipeline: 64, systems: WRITERS, form: 'full' }),
  row('GET', { ...own, systems: REPLICATED }),
  row('GET', { ...own, pipeline: 16, systems: REPLICATED }),
  row('MIX', { ...own, systems: REPLICATED }),
  row('MIX', { ...own, pipeline: 16, systems: REPLICATED }),
  row('GET', { ...own, pipeline: 16, keyPattern: 'zipf' }),
  row('SET', { ...own, pipeline: 16, keyPattern: 'zipf', systems: QUICK_WRITERS }),
  row('MIX', { ...own, pipeline: 16, keyPattern: 'zipf', systems: QUICK_WRITERS }),
  row('MIX', { ...own, keyPattern: 'zipf', systems: QUICK_WRITERS, form: 'full' }),
  row('INCR', { ...own, keyPattern: 'one', pipeline: 16, systems: QUICK_WRITERS, form: 'full' }),
  synced(CONNECTIONS),
  synced(1),
  {
    ...row('GET', { ...own, systems: READ_BY_ETCD }),
    id: 'get-100b-p1-c50-etcd',
    title: 'GET or linearizable range, 100 B, own client',
  },
  row('GET', { valueBytes: 1_000 }),
  row('GET', { valueBytes: 1_000, pipeline: 16 }),
  row('SET', { valueBytes: 1_000 }),
  row('SET', { valueBytes: 1_000, pipeline: 16 }),
  row('MGET', { valueBytes: 1_000, form: 'full' }),
  row('GET', { valueBytes: 10_000 }),
  row('GET', { valueBytes: 10_000, pipeline: 16 }),
  row('SET', { valueBytes: 10_000 }),
  row('SET', { valueBytes: 10_000, pipeline: 16 }),
];
