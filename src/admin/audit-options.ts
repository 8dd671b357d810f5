import { type CommandName, textOption } from './option.ts';

/** Commands of the command line that change something in the cluster, its keys or its certificates, or copy all of it. */
export const AUDITED_COMMANDS: readonly CommandName[] = [
  'cluster init',
  'cluster apply',
  'cluster cancel',
  'cluster mark-down',
  'cluster mark-up',
  'cluster trust-disks',
  'cluster move-to-etcd',
  'keys rotate',
  'keys reencrypt',
  'keys retire',
  'backup',
  'restore',
  'namespace create',
  'limits set',
  'users set',
  'users remove',
];

export const auditOptions = {
  auditLog: textOption(true, {
    summary:
      'File to which a line of JSON is added for each change of users, limits, keys, members or the configuration: who, from where, what, and what became of it. Synced; opened anew on SIGHUP, so that it can be renamed.',
    commands: ['start', 'storage', 'proxy', ...AUDITED_COMMANDS],
    defaultValue: '',
    defaultText: 'none',
    placeholder: 'FILE',
  }),
} as const;
