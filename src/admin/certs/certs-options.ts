import { isCertificateHost } from '../../crypto/x509.ts';
import { type CommandName, integerOption, listOption } from '../option.ts';

const CERTS: readonly CommandName[] = ['certs'];
/** Also a part of file names. */
const CLIENT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export const certsOptions = {
  hosts: listOption(isCertificateHost, {
    summary: 'Names and addresses under which proxies and storage nodes are reached; they stand in their certificates.',
    commands: CERTS,
    defaultValue: ['localhost', '127.0.0.1', '::1'],
    defaultText: 'localhost, 127.0.0.1 and ::1',
    placeholder: 'HOST,...',
    allowed: 'DNS names and IP addresses, separated by commas',
    lineOnly: true,
  }),
  clients: listOption((item) => CLIENT_NAME.test(item), {
    summary: 'Clients to make certificates for, each with its name as CN.',
    commands: CERTS,
    defaultValue: ['client'],
    defaultText: 'client',
    placeholder: 'NAME,...',
    allowed: 'names of 1 to 64 letters, digits, dots, hyphens and underlines, separated by commas',
    lineOnly: true,
  }),
  days: integerOption(
    { min: 1, max: 3_650 },
    {
      summary: 'Days for which the certificates are valid; the CAs are for ten years.',
      commands: CERTS,
      defaultValue: 365,
      lineOnly: true,
    },
  ),
} as const;
