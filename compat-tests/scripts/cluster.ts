import { containing, inShape, inType, masking } from '../support/comparisons.ts';
import { as, type Script, script } from '../support/script.ts';

const ON = { servers: 'cluster' } as const;

const cluster = script(
  'CLUSTER, with cluster-enabled',
  [
    'CLUSTER KEYSLOT foo',
    'CLUSTER KEYSLOT ""',
    'CLUSTER KEYSLOT "{user1000}.following"',
    'CLUSTER KEYSLOT "foo{}{bar}"',
    'CLUSTER KEYSLOT "foo{{bar}}zap"',
    'CLUSTER KEYSLOT "foo{bar}{zap}"',
    'CLUSTER KEYSLOT "\x00\xff"',
    'CLUSTER KEYSLOT',
    'CLUSTER KEYSLOT a b',
    as(containing(/cluster_state:ok\r\n/, /cluster_slots_assigned:16384\r\n/, /cluster_size:\d+/), 'CLUSTER INFO'),
    as(masking(/(\$)"[^"]*"/g, /(:)\d{4,5}(?= \$)/g), 'CLUSTER SLOTS'),
    as(inType, 'CLUSTER SHARDS'),
    as(
      containing(/^[$=]/, /[0-9a-f]{40} (127\.0\.0\.1)?:\d+@\d+(,\S*)? myself,master - 0 0 \d+ connected 0-16383\n/),
      'CLUSTER NODES',
    ),
    as(inShape, 'CLUSTER MYID'),
    'CLUSTER LINKS',
    'CLUSTER nonsense',
    'CLUSTER',
    'READONLY',
    'READWRITE',
    'ASKING',
    'SELECT 0',
    'SET a 1',
    'GET a',
    'CONFIG GET cluster-enabled',
    as(containing(/redis_mode:cluster\r\n/), 'INFO server'),
    as(containing(/cluster_enabled:1\r\n/), 'INFO cluster'),
  ],
  ON,
);

export const clusterScripts: readonly Script[] = [cluster];
