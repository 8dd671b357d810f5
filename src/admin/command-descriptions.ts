import { LIMIT_NAMES } from '../cluster/namespace-groups.ts';
import type { CommandName } from './option.ts';

export interface CommandDescription {
  readonly name: CommandName;
  /** One line for the list of commands. */
  readonly summary: string;
  readonly detail: string;
  /** Commands that follow one another and share most options share a table of docs/configuration.md under this title. */
  readonly section?: string;
}

const KEY_SECTION = 'Commands on keys';
const MEMBER_SECTION = 'Members of a cluster';
const BACKUP_SECTION = 'Backup and restore';
const KEYS_SECTION = 'Encryption keys';
const NAMESPACE_SECTION = 'Namespaces and limits';
const USERS_SECTION = 'Users';

/** The commands that take options, in the order of the help. */
export const commandDescriptions: readonly CommandDescription[] = [
  {
    name: 'start',
    summary: 'Run a whole cluster in this process: the proxy and a storage node for every zone.',
    detail:
      'Data go to --data. The encryption keys go to a file beside it, made at the first start. Stop it with Ctrl-C or SIGTERM.',
  },
  {
    name: 'storage',
    summary: 'Run one storage node of a cluster whose rooms are separate processes.',
    detail:
      "Needs the cluster map and the secret that 'junokv cluster init' wrote, and the id of the node in that map.",
  },
  {
    name: 'proxy',
    summary: 'Run a proxy of a cluster whose rooms are separate processes.',
    detail:
      "Needs the cluster map and the secret that 'junokv cluster init' wrote, and the keystore that all proxies share.",
  },
  {
    name: 'cluster init',
    summary: 'Write the cluster map, the secret and the keystore of a new cluster.',
    detail: 'Existing files are never overwritten. With --etcd the map goes there, and there is no file of it.',
  },
  {
    name: 'cluster move-to-etcd',
    summary: 'Bring the map of a cluster from its file to etcd.',
    detail:
      'Refuses where etcd has a cluster under --etcd-prefix. Afterwards every process is started again with --etcd; docs/operations.md tells how.',
  },
  {
    name: 'cluster plan',
    section: MEMBER_SECTION,
    summary: 'Show what a change of members would move, and change nothing.',
    detail: 'docs/members.md describes every change.',
  },
  {
    name: 'cluster apply',
    section: MEMBER_SECTION,
    summary: 'Show the plan of a change of members, carry it out, and show its progress.',
    detail:
      'The storage nodes do the work: this command may be interrupted, and called again without changes to watch. With neither a change nor one under way it spreads the shards evenly.',
  },
  {
    name: 'cluster status',
    section: MEMBER_SECTION,
    summary: 'Show zones, nodes, shards, moves and sweeps, and what needs an operator.',
    detail: 'Reads the cluster map and asks every storage node.',
  },
  {
    name: 'cluster cancel',
    section: MEMBER_SECTION,
    summary: 'Call off what a change of members has not done yet.',
    detail: 'Shards on their way go back to where they were; nodes that were leaving stay.',
  },
  {
    name: 'cluster mark-down',
    section: MEMBER_SECTION,
    summary: 'Put a zone under maintenance: its nodes are asked last, and nothing waits for them.',
    detail: 'Before its machines are stopped on purpose.',
  },
  {
    name: 'cluster mark-up',
    section: MEMBER_SECTION,
    summary: 'End the maintenance of a zone.',
    detail: 'What its nodes missed is repaired in the background.',
  },
  {
    name: 'cluster trust-disks',
    section: MEMBER_SECTION,
    summary: 'Let nodes vote with disks that may lack their last writes: the whole site lost power.',
    detail:
      'Without ids: all nodes that do not trust their disks. Where a majority of zones still has its data nodes learn again by themselves, and this must not be used.',
  },
  {
    name: 'cluster verify',
    section: MEMBER_SECTION,
    summary: 'Sweep every shard now: compare its replicas, repair what differs, and tell what was found.',
    detail: 'Nodes do the same by themselves all the time. Asks a proxy; needs a user with admin rights.',
  },
  {
    name: 'backup verify',
    section: BACKUP_SECTION,
    summary: 'Check a backup: every checksum, and that every record opens and none is missing.',
    detail: 'Needs no cluster, but its keystore. The backups that this one adds to are checked as well.',
  },
  {
    name: 'backup compare',
    section: BACKUP_SECTION,
    summary: 'Compare every record of a backup with a running cluster.',
    detail: 'Also counts the keys that the cluster has beyond them. Needs a user with admin rights.',
  },
  {
    name: 'backup',
    section: BACKUP_SECTION,
    summary: 'Copy all records of a running cluster, still encrypted, into a directory.',
    detail: 'An interrupted backup goes on when it is called again. Needs a user with admin rights.',
  },
  {
    name: 'restore',
    section: BACKUP_SECTION,
    summary: 'Write the records of a backup into a running cluster of any shape.',
    detail: 'Refuses where there are keys, unless --merge or --replace is given. Needs a user with admin rights.',
  },
  {
    name: 'import',
    section: BACKUP_SECTION,
    summary: 'Take over the keys of a Redis, as a copy or live as its replica, or of an RDB file.',
    detail:
      'An interrupted import goes on when it is called again. Streams and functions are counted and named, not taken.',
  },
  {
    name: 'export',
    section: BACKUP_SECTION,
    summary: 'Write all keys of a namespace into an RDB file, which redis-server 7 loads.',
    detail: 'Each key is as it was when it was read; there is no one moment for all of them.',
  },
  {
    name: 'keys list',
    section: KEYS_SECTION,
    summary: 'Show the versions of the encryption key in a keystore, never a key.',
    detail: 'With --target also what these proxies have of them; that needs a user with admin rights.',
  },
  {
    name: 'keys rotate',
    section: KEYS_SECTION,
    summary: 'Add a version of the encryption key, which seals as soon as every proxy must have it.',
    detail:
      'Older versions stay, so that all remains readable; proxies need no restart. With --reencrypt it asks the proxies of --target: name all there are.',
  },
  {
    name: 'keys reencrypt',
    section: KEYS_SECTION,
    summary: 'Seal everything anew that older key versions seal, while the cluster serves.',
    detail: 'It may be interrupted, and called again. Needs a user with admin rights.',
  },
  {
    name: 'keys retire',
    section: KEYS_SECTION,
    summary: 'Take an old version out of the keystore, if nothing uses it any more.',
    detail:
      'Looks at everything on every node, all of which must answer. Name all proxies with --target; needs a user with admin rights.',
  },
  {
    name: 'namespace list',
    section: NAMESPACE_SECTION,
    summary: 'List the namespaces with their limits, and what one proxy has done in each.',
    detail: 'Asks the first proxy of --target that can be reached.',
  },
  {
    name: 'namespace create',
    section: NAMESPACE_SECTION,
    summary: 'Add a namespace to the cluster.',
    detail: 'It stays: namespaces cannot be removed. Needs a user with admin rights.',
  },
  {
    name: 'limits get',
    section: NAMESPACE_SECTION,
    summary: 'Show the limits of a namespace.',
    detail: 'What they mean is in docs/namespaces.md.',
  },
  {
    name: 'limits set',
    section: NAMESPACE_SECTION,
    summary: 'Change limits of a namespace on every proxy, all that are given or none.',
    detail: `The limits are ${LIMIT_NAMES.join(', ')}; 0 is none. Needs a user with admin rights.`,
  },
  {
    name: 'users list',
    section: USERS_SECTION,
    summary: 'List the users in the config store.',
    detail:
      'Names, access and namespaces, never a password or its hash. Reads the store itself, by --map or --etcd; no proxy is asked. docs/namespaces.md describes users.',
  },
  {
    name: 'users set',
    section: USERS_SECTION,
    summary: 'Add a user to the config store, or change what is named of one that is there.',
    detail:
      "Of a new user the password is read from standard input, as with --password-hash -. Every proxy without --users takes it up within seconds. 'default' is the user of clients that give no name.",
  },
  {
    name: 'users remove',
    section: USERS_SECTION,
    summary: 'Remove a user from the config store; proxies then close its connections.',
    detail: 'Reads and writes the store itself, by --map or --etcd.',
  },
  {
    name: 'hash-password',
    summary: 'Print what a users file (--users) or junokv users set keeps of a password.',
    detail: 'The password is read from standard input, up to the end of its line.',
  },
  {
    name: 'certs',
    summary: 'Make CAs and certificates for development: of proxies, clients and storage nodes.',
    detail:
      'Writes them and their keys into DIRECTORY, and overwrites nothing; docs/security.md says which is for what.',
  },
  {
    name: 'create',
    section: KEY_SECTION,
    summary: 'Create a key that must not be there yet.',
    detail: 'Needs a running cluster (--target), as all commands on keys do; their exit codes are in docs/cli.md.',
  },
  {
    name: 'get',
    section: KEY_SECTION,
    summary: 'Print the value of a key, byte by byte.',
    detail: 'With --ttl its life is prolonged.',
  },
  {
    name: 'update',
    section: KEY_SECTION,
    summary: 'Change a key that must be there, with --version only the version that is meant.',
    detail:
      'With --version and --created it is a compare-and-set that also tells one incarnation of a key from the next.',
  },
  {
    name: 'set',
    section: KEY_SECTION,
    summary: 'Create or replace a key.',
    detail: 'Its version becomes 1, or one more than it was.',
  },
  {
    name: 'destroy',
    section: KEY_SECTION,
    summary: 'Delete a key; one that is not there is fine.',
    detail: 'With --version only the version that is meant.',
  },
  {
    name: 'locate',
    section: KEY_SECTION,
    summary: 'Show where a key lives: slot, shard and the nodes that hold it.',
    detail: 'The key need not exist.',
  },
  {
    name: 'inspect',
    section: KEY_SECTION,
    summary: 'Show what every replica holds of a key, for operators.',
    detail: 'No value is shown. Needs a user with admin rights.',
  },
  {
    name: 'top',
    summary: 'Show zones, nodes, throughput, latency and changes of members, live.',
    detail:
      'Asks the proxies of --target once a second, and shows what they and their storage nodes do, until q or Ctrl-C. Needs a user who may call INFO.',
  },
  {
    name: 'load',
    summary: 'Drive junokv or any Redis with requests, and show throughput and latency.',
    detail:
      'It ends by itself; Ctrl-C ends it sooner, with the results until then. What the figures mean is in docs/load.md.',
  },
];
