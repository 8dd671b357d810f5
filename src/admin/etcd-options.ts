import { limits } from '../base/limits.ts';
import { type CommandName, listOption, type Option, textOption } from './option.ts';
import { USER_COMMANDS } from './users/user-options.ts';

const COMMANDS: readonly CommandName[] = [
  'storage',
  'proxy',
  'cluster init',
  'cluster move-to-etcd',
  'cluster plan',
  'cluster apply',
  'cluster status',
  'cluster cancel',
  'cluster mark-down',
  'cluster mark-up',
  'cluster trust-disks',
  ...USER_COMMANDS,
];
const STATE: readonly CommandName[] = ['proxy'];

const urls = listOption(isEtcdUrl, {
  summary:
    'Addresses of etcd, as http://HOST:PORT or https://HOST:PORT: the cluster map lives there, and not in the file of --map.',
  commands: COMMANDS,
  defaultValue: [],
  defaultText: 'none: the map is a file',
  placeholder: 'URL,...',
  allowed: `at most ${limits.etcdUrls} addresses such as http://127.0.0.1:2379, separated by commas`,
});

/** Options of the config store in etcd. */
export const etcdOptions = {
  etcd: {
    ...urls,
    parse(text) {
      const parsed = urls.parse(text);
      return parsed.ok && parsed.value.length <= limits.etcdUrls ? parsed : { ok: false };
    },
  } satisfies Option<readonly string[]>,
  etcdPrefix: {
    ...textOption(false, {
      summary: 'What the keys of this cluster begin with in etcd; every cluster there has one of its own.',
      commands: COMMANDS,
      defaultValue: '/junokv',
      placeholder: 'PREFIX',
      allowed: 'letters, digits, and - _ . / between them',
    }),
    parse(text) {
      return /^\/?[\w.-]+(\/[\w.-]+)*\/?$/.test(text) ? { ok: true, value: text } : { ok: false };
    },
  } satisfies Option<string>,
  etcdCa: fileOption('File with the certificates (PEM) of those who may sign the certificate of etcd.', 'none'),
  etcdCert: fileOption('File with the certificate (PEM) that this process shows etcd; with --etcd-key.', 'none'),
  etcdKey: fileOption('File with the key (PEM) of --etcd-cert.', 'none'),
  etcdUser: textOption(true, {
    summary: 'User that etcd knows this process as; with --etcd-password.',
    commands: COMMANDS,
    defaultValue: '',
    defaultText: 'none',
    placeholder: 'NAME',
  }),
  etcdPassword: textOption(true, {
    summary:
      'Password of --etcd-user. Better in the environment or the file: a command line can be seen by others on the machine.',
    commands: COMMANDS,
    defaultValue: '',
    defaultText: 'none',
    placeholder: 'PASSWORD',
    secret: true,
  }),
  stateDir: textOption(false, {
    summary:
      'With --etcd: directory where the newest cluster map and some proposer ids are kept, so that the proxy can start while etcd is down. Proxies of one machine may share it; it must not be copied. Storage nodes keep theirs in --data.',
    commands: STATE,
    defaultValue: './junokv-proxy-state',
    placeholder: 'DIRECTORY',
  }),
} as const;

function fileOption(summary: string, defaultText: string): Option<string> {
  return textOption(true, { summary, commands: COMMANDS, defaultValue: '', defaultText, placeholder: 'FILE' });
}

function isEtcdUrl(text: string): boolean {
  const port = /^https?:\/\/(?:[\w.-]+|\[[0-9a-f:.]+\]):(\d{1,5})\/?$/i.exec(text)?.[1];
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
}
