import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CertificateContent, type Issuer, signCertificate } from '../../crypto/x509.ts';
import type { CommandInput } from '../command-input.ts';
import { textTable } from '../data-verbs/text-table.ts';
import { EXIT_FAILED, EXIT_OK } from '../serve.ts';

const DAY_MS = 86_400_000;
/** Clocks that are a little behind must not find a new certificate not valid yet. */
const BACKDATED_MS = DAY_MS;
const AUTHORITY_DAYS = 3_650;
const SERIAL_BYTES = 16;

/** One certificate that is wanted; `name` is that of its files. */
interface Wanted {
  readonly name: string;
  readonly commonName: string;
  readonly use: CertificateContent['use'];
  readonly hosts: readonly string[];
}

/** What stands there, or was made. */
interface Made {
  readonly path: string;
  readonly about: string;
  readonly isNew: boolean;
}

/** Words for the operator: what is wrong. */
class CertsProblem extends Error {}

/** `junokv certs`: two CAs for development, and certificates of them. What is there already is used, and never overwritten. */
export async function certsCommand(input: CommandInput): Promise<number> {
  try {
    makeAll(input);
    return EXIT_OK;
  } catch (error) {
    const isExpected = error instanceof CertsProblem || (error instanceof Error && 'code' in error);
    if (!isExpected) throw error;
    input.system.complain(`junokv: ${error.message}`);
    return EXIT_FAILED;
  }
}

function makeAll(input: CommandInput): void {
  const { config, system, words } = input;
  const directory = words[0] ?? '';
  const { hosts } = config;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const outside = makeAuthority(input, 'ca', 'junokv clients CA');
  const inside = makeAuthority(input, 'cluster-ca', 'junokv cluster CA');
  const server = { name: 'server', commonName: 'junokv proxy', use: ['server'], hosts } as const;
  const node = { name: 'node', commonName: 'junokv node', use: ['server', 'client'], hosts } as const;
  const made = [
    outside.made,
    make(input, server, outside.issuer, 'proxies show it to clients: --tls-cert-file'),
    ...config.clients.map((name) =>
      make(
        input,
        { name: `client-${name}`, commonName: name, use: ['client'], hosts: [] },
        outside.issuer,
        `client ${name} shows it: redis-cli --tls --cacert ca.crt --cert client-${name}.crt`,
      ),
    ),
    inside.made,
    make(input, node, inside.issuer, 'storage nodes and proxies show it to each other: --cluster-tls-cert-file'),
  ];
  const rows = made.map(({ path, about, isNew }) => [`  ${path}`, isNew ? 'new' : 'was there', about]);
  system.print(`${textTable(rows)}

Each has its key beside it (.key), which nobody else must read. Whoever has ca.key or cluster-ca.key can make certificates
that are trusted: keep these two away from the machines that serve.
For development: for anything else, take certificates from a CA that you run (docs/security.md).`);
}

function makeAuthority(
  input: CommandInput,
  name: string,
  commonName: string,
): { readonly made: Made; readonly issuer: Issuer } {
  const about = name === 'ca' ? '--tls-ca-cert-file, and --cacert of clients' : '--cluster-tls-ca-cert-file';
  const made = make(input, { name, commonName, use: 'authority', hosts: [] }, null, `the CA of ${about}`);
  const certificate = new X509Certificate(readFileSync(made.path));
  const found = /^CN=([^\n]+)$/.exec(certificate.subject)?.[1];
  const privateKey = createPrivateKey(readFileSync(keyPath(made.path)));
  if (!certificate.ca || found === undefined || !certificate.checkPrivateKey(privateKey)) {
    throw new CertsProblem(`${made.path} and its key are no CA that this command made`);
  }
  return { made, issuer: { commonName: found, privateKey } };
}

/** `issuer` null: it signs itself. */
function make({ config, system, words }: CommandInput, wanted: Wanted, issuer: Issuer | null, about: string): Made {
  const path = join(words[0] ?? '', `${wanted.name}.crt`);
  const key = keyPath(path);
  if (existsSync(path) && existsSync(key)) return { path, about, isNew: false };
  for (const [there, lacking] of [
    [path, key],
    [key, path],
  ] as const) {
    if (existsSync(there))
      throw new CertsProblem(`${there} is there, but ${lacking} is not; remove the one or bring the other`);
  }
  const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const serial = Buffer.alloc(SERIAL_BYTES);
  system.random.fill(serial);
  const nowMs = system.clock.wallMs();
  const days = wanted.use === 'authority' ? AUTHORITY_DAYS : config.days;
  const content = {
    ...wanted,
    publicKey: pair.publicKey,
    serial,
    notBeforeMs: nowMs - BACKDATED_MS,
    notAfterMs: nowMs + days * DAY_MS,
  };
  const certificate = signCertificate(content, issuer ?? { ...wanted, privateKey: pair.privateKey });
  const secret = pair.privateKey.export({ type: 'pkcs8', format: 'pem' });
  writeFileSync(key, secret, { mode: 0o600, flag: 'wx', flush: true });
  writeFileSync(path, certificate, { mode: 0o644, flag: 'wx', flush: true });
  return { path, about, isNew: true };
}

function keyPath(path: string): string {
  return path.replace(/\.crt$/, '.key');
}
