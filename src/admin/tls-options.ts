import { TLS_VERSIONS, type TlsVersion } from '../rpc/tls-material.ts';
import { type CommandName, choiceOption, integerOption, type Option, textOption, yesNoOption } from './option.ts';

const LISTENING: readonly CommandName[] = ['start', 'proxy'];
/** Commands that connect to storage nodes, or are one. */
const INSIDE: readonly CommandName[] = [
  'storage',
  'proxy',
  'cluster plan',
  'cluster apply',
  'cluster status',
  'cluster cancel',
  'cluster mark-down',
  'cluster mark-up',
  'cluster trust-disks',
];
/** Commands that connect to proxies. */
const CLIENTS: readonly CommandName[] = [
  'create',
  'get',
  'update',
  'set',
  'destroy',
  'locate',
  'inspect',
  'namespace list',
  'namespace create',
  'limits get',
  'limits set',
  'load',
  'backup',
  'restore',
  'import',
  'export',
  'backup compare',
  'cluster verify',
  'top',
];

function fileOption(summary: string, commands: readonly CommandName[], defaultText = 'none'): Option<string> {
  return textOption(true, { summary, commands, defaultValue: '', defaultText, placeholder: 'FILE' });
}

/** TLS towards clients, in Redis's names. docs/security.md describes all of this. */
const listeningRows = {
  tlsPort: integerOption(
    { min: 0, max: 65_535 },
    {
      summary: 'Port on which clients are served over TLS, beside --port (or alone, with --port 0); 0: none.',
      commands: LISTENING,
      defaultValue: 0,
      placeholder: 'PORT',
    },
  ),
  tlsClusterPort: integerOption(
    { min: 0, max: 65_535 },
    {
      summary:
        'A port for cluster-aware clients over TLS: as --tls-port, and it answers as a Redis Cluster node whatever --cluster-enabled says; 0: none.',
      commands: LISTENING,
      defaultValue: 0,
      placeholder: 'PORT',
    },
  ),
  tlsCertFile: fileOption(
    'Certificate (PEM) that --tls-port shows, with those between it and its CA behind it. Read again when it changes, as all files of TLS.',
    LISTENING,
  ),
  tlsKeyFile: fileOption('Its private key (PEM, without a passphrase).', LISTENING),
  tlsCaCertFile: fileOption("CA certificates (PEM) that clients' certificates must come from.", LISTENING),
  tlsAuthClients: choiceOption(['yes', 'no', 'optional'], {
    summary: 'Whether clients of --tls-port must show a certificate; optional: if they show one, it must be good.',
    commands: LISTENING,
    defaultValue: 'yes',
  }),
  tlsAuthClientsUser: choiceOption(['off', 'cn'], {
    summary:
      "cn: who shows a certificate whose subject's CN is the name of a user is that user, without a password. off: certificates only let clients connect.",
    commands: LISTENING,
    defaultValue: 'off',
  }),
  tlsProtocols: {
    placeholder: 'VERSION,...',
    allowed: `${TLS_VERSIONS.join(' or ')}, or both, separated by a blank or a comma`,
    summary: 'TLS versions that --tls-port takes.',
    commands: LISTENING,
    defaultValue: TLS_VERSIONS,
    defaultText: TLS_VERSIONS.join(' '),
    parse(text) {
      const words = text.split(/[,\s]+/).filter((word) => word !== '');
      const found = TLS_VERSIONS.filter((version) =>
        words.some((word) => word.toLowerCase() === version.toLowerCase()),
      );
      return found.length > 0 && found.length === words.length ? { ok: true, value: found } : { ok: false };
    },
  } satisfies Option<readonly TlsVersion[]>,
} as const;

const insideRows = {
  clusterTlsCertFile: fileOption(
    'Certificate (PEM) of this process for connections within the cluster, which then are all TLS; for servers and clients, and of a storage node for its host in the cluster map.',
    INSIDE,
    'none: plain connections',
  ),
  clusterTlsKeyFile: fileOption('Its private key (PEM, without a passphrase).', INSIDE),
  clusterTlsCaCertFile: fileOption(
    "CA certificates (PEM) that the other processes' certificates must come from; a CA of this cluster alone.",
    INSIDE,
  ),
} as const;

/** As redis-cli names them. */
const clientRows = {
  tls: yesNoOption({
    summary: "Connect over TLS. The proxy's certificate is checked, for the host in --target.",
    commands: CLIENTS,
    defaultValue: false,
    defaultText: 'no',
  }),
  cacert: fileOption(
    "With --tls: CA certificates (PEM) that the proxy's certificate must come from.",
    CLIENTS,
    'the public CAs that Node knows',
  ),
  cert: fileOption('With --tls: certificate (PEM) to show.', CLIENTS),
  key: fileOption('With --tls: its private key (PEM).', CLIENTS),
} as const;

export const tlsOptions = { ...listeningRows, ...insideRows, ...clientRows } as const;
