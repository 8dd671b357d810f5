import { isIP } from 'node:net';
import { limits } from '../base/limits.ts';
import { isShardCount } from '../cluster/slot.ts';
import { auditOptions } from './audit-options.ts';
import { backupOptions } from './backup/backup-options.ts';
import { certsOptions } from './certs/certs-options.ts';
import { clientOptions } from './client-options.ts';
import { connectionOptions, memoryOptions } from './connection-options.ts';
import { etcdOptions } from './etcd-options.ts';
import { isHostAndPort } from './host-and-port.ts';
import { importOptions } from './import/import-options.ts';
import { keyOptions } from './keys/key-options.ts';
import { loadOptions } from './load/option-rows.ts';
import { memberOptions } from './members/member-options.ts';
import {
  type CommandName,
  choiceOption,
  integerOption,
  listOption,
  numberChoiceOption,
  type Option,
  textOption,
  wholeNumberOption,
  yesNoOption,
} from './option.ts';
import { tlsOptions } from './tls-options.ts';
import { traceOptions } from './tracing/trace-options.ts';
import { USER_COMMANDS, userOptions } from './users/user-options.ts';

const START: readonly CommandName[] = ['start'];
const STORAGE: readonly CommandName[] = ['storage'];
const PROXY: readonly CommandName[] = ['proxy'];
const INIT: readonly CommandName[] = ['cluster init'];
/** What changes or shows the cluster's members. */
const MEMBERS: readonly CommandName[] = [
  'cluster plan',
  'cluster apply',
  'cluster status',
  'cluster cancel',
  'cluster mark-down',
  'cluster mark-up',
  'cluster trust-disks',
];
const LISTENING: readonly CommandName[] = [...START, ...PROXY];
const STORING: readonly CommandName[] = [...START, ...STORAGE];
const SEPARATE: readonly CommandName[] = [...STORAGE, ...PROXY, ...INIT, ...MEMBERS];
/** Commands that read what a backup holds. */
const OPENING_BACKUPS: readonly CommandName[] = ['backup verify', 'backup compare', 'restore'];
const RUNNING: readonly CommandName[] = [...START, ...STORAGE, ...PROXY];
/** Commands that change or show a keystore. */
const KEYS: readonly CommandName[] = ['keys list', 'keys rotate', 'keys retire'];
/** Above what commands and clocks may take (protocol §4), or a record not found could be one that was purged. */
const PURGE_AFTER_MIN_MS = 2 * (limits.deadlineWhenLateMs + limits.chainLifeMs) + 2 * limits.maxClockSkewMs + 1;

/**
 * All options there are. A key in camel case is `--kebab-case` on the command line, `JUNOKV_KEBAB_CASE` in the environment
 * and "kebab-case" in the configuration file. Help, docs/configuration.md and error messages derive from these rows.
 */
export const optionTable = {
  port: integerOption(
    { min: 0, max: 65_535 },
    {
      summary: 'Port on which Redis clients are served; 0 takes any free one, or with --tls-port none.',
      commands: LISTENING,
      defaultValue: 6379,
      placeholder: 'PORT',
    },
  ),
  bind: listOption((item) => isIP(item) !== 0 || item === 'localhost', {
    summary:
      'Addresses to listen on, separated by commas. Beyond loopback, set a password as well (see --protected-mode).',
    commands: LISTENING,
    defaultValue: ['127.0.0.1'],
    defaultText: '127.0.0.1',
    placeholder: 'ADDRESS,...',
    allowed: 'IP addresses separated by commas',
  }),
  zones: numberChoiceOption([1, 3, 5], {
    summary: 'Zones of a new cluster: each holds one replica of every key; 3 survive the loss of one, 5 of two.',
    commands: [...START, ...INIT],
    defaultValue: 3,
  }),
  nodesPerZone: integerOption(
    { min: 1, max: 64 },
    {
      summary: 'Storage nodes in each zone of a new cluster; they share its shards evenly.',
      commands: [...START, ...INIT],
      defaultValue: 1,
    },
  ),
  shards: {
    ...integerOption(
      { min: 1, max: 16_384 },
      {
        summary: 'Shards of a new cluster, fixed for its life.',
        commands: [...START, ...INIT],
        defaultValue: 1024,
        allowed: 'a power of two from 1 to 16384',
      },
    ),
    parse(text) {
      const value = Number(text);
      return /^\d{1,5}$/.test(text) && isShardCount(value) ? { ok: true, value } : { ok: false };
    },
  } satisfies Option<number>,
  data: textOption(false, {
    summary: 'Directory for the data; made if missing.',
    commands: [...STORING, ...KEYS],
    defaultValue: './data',
    placeholder: 'DIRECTORY',
  }),
  engine: choiceOption(['rocksdb', 'memory'], {
    summary: 'Where storage nodes keep records: on disk, or in memory only (gone when the process ends).',
    commands: STORING,
    defaultValue: 'rocksdb',
  }),
  fsync: choiceOption(['always', 'everysec', 'no'], {
    summary:
      'When writes are forced to the disk: before they are acknowledged, every second, or when the system likes. Any of them survives a crash of the process; only "always" promises to survive a loss of power.',
    commands: STORING,
    defaultValue: 'everysec',
  }),
  diskReserve: wholeNumberOption(0, {
    summary:
      'Bytes that storage nodes keep free on their disk: below that, what would grow is refused, while reads and deletions go on; 0: all may be used.',
    commands: STORING,
    defaultValue: limits.diskReserveBytes,
    placeholder: 'BYTES',
  }),
  pageCache: wholeNumberOption(0, {
    summary:
      'Bytes that a proxy keeps of the pages of large values, for commands to come; 0: none. At most a sixteenth of the memory that the process may use.',
    commands: LISTENING,
    defaultValue: limits.pageCacheBytes,
    placeholder: 'BYTES',
  }),
  purgeAfter: integerOption(
    { min: PURGE_AFTER_MIN_MS, max: 86_400_000 },
    {
      summary:
        'Milliseconds that a deleted or expired record leaves a tombstone at least, before storage nodes forget it; the same for all processes of a cluster. Less saves disk space where much expires; more lets commands wait longer for what became of them.',
      commands: RUNNING,
      defaultValue: limits.purgeAfterMs,
      placeholder: 'MS',
    },
  ),
  keystore: textOption(true, {
    summary:
      'File with the encryption keys. Whoever has it can read the data, and without it nobody can: keep a copy, elsewhere.',
    commands: [...LISTENING, ...INIT, ...OPENING_BACKUPS, ...KEYS],
    defaultValue: '',
    defaultText:
      'start: <data>-keystore.json, beside the data directory; proxy and cluster init: ./junokv-keystore.json; keys: whichever of these there is; else it must be given',
    placeholder: 'FILE',
  }),
  ...keyOptions,
  requirepass: textOption(true, {
    summary:
      'Password that clients must give with AUTH. Better in the environment or the file: a command line can be seen by others on the machine.',
    commands: LISTENING,
    defaultValue: '',
    defaultText: 'none',
    placeholder: 'PASSWORD',
    secret: true,
  }),
  users: textOption(true, {
    summary:
      'JSON file with the users beside the default one: name, password hash, namespace and access of each; see docs/namespaces.md. Without it the users are those of the config store (junokv users).',
    commands: LISTENING,
    defaultValue: '',
    defaultText: 'none: those of the config store',
    placeholder: 'FILE',
  }),
  backupDir: textOption(true, {
    summary:
      'Directory in which SAVE and BGSAVE make their backups, each in one of its own; nobody but you removes old ones. Without it they are errors.',
    commands: LISTENING,
    defaultValue: '',
    defaultText: 'none',
    placeholder: 'DIRECTORY',
  }),
  enableDebugCommand: choiceOption(['no', 'local', 'yes'], {
    summary:
      'Who may use DEBUG, which is for tests of clients: nobody, clients on this machine, or every administrator.',
    commands: LISTENING,
    defaultValue: 'no',
  }),
  protectedMode: yesNoOption({
    summary: 'Without a password, serve clients from this machine only, as Redis does.',
    commands: LISTENING,
    defaultValue: true,
    defaultText: 'yes',
  }),
  maxclients: integerOption(
    { min: 1, max: 1_000_000 },
    {
      summary: 'Clients that may be connected at once; the next one is refused, as by Redis.',
      commands: LISTENING,
      defaultValue: 10_000,
    },
  ),
  ...memoryOptions,
  ...connectionOptions,
  clusterEnabled: yesNoOption({
    summary: 'Answer as a Redis Cluster node, for cluster-aware clients; every proxy serves every slot.',
    commands: LISTENING,
    defaultValue: false,
    defaultText: 'no',
  }),
  clusterPort: integerOption(
    { min: 0, max: 65_535 },
    {
      summary: 'A second port, which answers as a Redis Cluster node whatever --cluster-enabled says; 0: none.',
      commands: LISTENING,
      defaultValue: 0,
      placeholder: 'PORT',
    },
  ),
  clusterAnnounceIp: textOption(true, {
    summary: 'Address that CLUSTER SLOTS and the like tell clients, where it is not the one listened on.',
    commands: LISTENING,
    defaultValue: '',
    defaultText: 'the address at which the client came in',
    placeholder: 'ADDRESS',
  }),
  clusterAnnouncePort: integerOption(
    { min: 0, max: 65_535 },
    {
      summary:
        'Port that CLUSTER SLOTS and the like tell clients on plain TCP; 0 means the port at which they came in.',
      commands: LISTENING,
      defaultValue: 0,
      placeholder: 'PORT',
    },
  ),
  clusterAnnounceTlsPort: integerOption(
    { min: 0, max: 65_535 },
    {
      summary: 'The same for clients over TLS; 0 means the port at which they came in.',
      commands: LISTENING,
      defaultValue: 0,
      placeholder: 'PORT',
    },
  ),
  map: textOption(false, {
    summary: 'Cluster-map file that storage and proxy processes share, unless --etcd is given.',
    commands: [...SEPARATE, 'cluster move-to-etcd', ...USER_COMMANDS],
    defaultValue: './cluster-map.json',
    placeholder: 'FILE',
  }),
  secret: textOption(false, {
    summary: 'File with the cluster secret; a storage port answers nobody who does not know it.',
    commands: SEPARATE,
    defaultValue: './cluster-secret',
    placeholder: 'FILE',
  }),
  nodes: listOption((item) => isHostAndPort(item), {
    summary: 'Where the storage nodes of a new cluster listen, zone by zone: as many as zones times nodes per zone.',
    commands: INIT,
    defaultValue: [],
    defaultText: '127.0.0.1:7001, 127.0.0.1:7002 and so on',
    placeholder: 'HOST:PORT,...',
    allowed: 'HOST:PORT, separated by commas',
  }),
  node: integerOption(
    { min: 0, max: 0xffff_ffff },
    {
      summary: 'Which node of the cluster map this process is; its id is in the map.',
      commands: STORAGE,
      defaultValue: 0,
      defaultText: 'none: it must be given',
      placeholder: 'ID',
    },
  ),
  listen: {
    ...textOption(true, {
      summary:
        'Where the storage node listens, if not at its address in the cluster map: behind a forwarded port, for example.',
      commands: STORAGE,
      defaultValue: '',
      defaultText: 'its address in the map',
      placeholder: 'HOST:PORT',
      allowed: 'HOST:PORT',
    }),
    parse(text) {
      return text === '' || isHostAndPort(text) ? { ok: true, value: text } : { ok: false };
    },
  } satisfies Option<string>,
  httpPort: integerOption(
    { min: 0, max: 65_535 },
    {
      summary: 'Port of /metrics, /healthz and /readyz, in plain HTTP and without a password; 0: none.',
      commands: RUNNING,
      defaultValue: 0,
      placeholder: 'PORT',
    },
  ),
  httpHost: {
    ...textOption(false, {
      summary: 'Address on which --http-port listens.',
      commands: RUNNING,
      defaultValue: '127.0.0.1',
      placeholder: 'ADDRESS',
      allowed: 'an IP address',
    }),
    parse(text) {
      return isIP(text) !== 0 || text === 'localhost' ? { ok: true, value: text } : { ok: false };
    },
  } satisfies Option<string>,
  logLevel: choiceOption(['debug', 'info', 'warn', 'error'], {
    summary: 'The least important lines that go to the log, on standard error.',
    commands: RUNNING,
    defaultValue: 'warn',
  }),
  ...auditOptions,
  ...clientOptions,
  ...loadOptions,
  ...backupOptions,
  ...importOptions,
  ...memberOptions,
  ...etcdOptions,
  ...tlsOptions,
  ...certsOptions,
  ...traceOptions,
  ...userOptions,
} as const;

export type OptionKey = keyof typeof optionTable;

/** The value of every option, whatever command it is for. */
export type Configuration = {
  readonly [K in OptionKey]: (typeof optionTable)[K] extends Option<infer T> ? T : never;
};

/** `nodesPerZone` as `nodes-per-zone`; on the command line. */
export function optionName(key: OptionKey): string {
  const option: Option<unknown> = optionTable[key];
  return option.name ?? kebabCase(key);
}

/** `nodesPerZone` as `nodes-per-zone`. */
export function kebabCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `nodesPerZone` as `JUNOKV_NODES_PER_ZONE`. */
export function environmentName(key: string): string {
  return `JUNOKV_${kebabCase(key).replaceAll('-', '_').toUpperCase()}`;
}
