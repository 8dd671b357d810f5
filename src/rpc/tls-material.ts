import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { type Files, filePromise } from '../base/files.ts';
import { limits } from '../base/limits.ts';

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';
export const TLS_VERSIONS: readonly TlsVersion[] = ['TLSv1.2', 'TLSv1.3'];

/** Where one end's certificate is. All files are PEM. */
export interface TlsFiles {
  /** The certificate, and behind it those between it and its CA. */
  readonly cert: string;
  /** Its private key, without a passphrase. */
  readonly key: string;
  /** Certificates of the CAs that others' certificates must come from; '': nobody's certificate is looked at. */
  readonly ca: string;
}

/** What was in the files, checked. */
export interface TlsMaterial {
  /** For a server's secure context. */
  readonly options: SecureContextOptions;
  /** For connections that this end opens. */
  readonly context: SecureContext;
  /** Of the certificate, such as `CN=node`. */
  readonly subject: string;
  /** When the certificate ends, Unix milliseconds. */
  readonly notAfterMs: number;
  /** The files' bytes, to tell whether they have changed. */
  readonly bytes: TlsBytes;
}

export interface TlsBytes {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer;
}

/** `problem` names the file, and shows nothing of a key. */
export type LoadedTls =
  | { readonly ok: true; readonly material: TlsMaterial }
  | { readonly ok: false; readonly problem: string };

export type ReadTls =
  | { readonly ok: true; readonly bytes: TlsBytes }
  | { readonly ok: false; readonly problem: string };

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
/** Sessions are of use to servers of this program only. */
const SESSION_CONTEXT = 'junokv';

export async function readTlsFiles(paths: TlsFiles, files: Files): Promise<ReadTls> {
  const contents: Buffer[] = [];
  for (const path of [paths.cert, paths.key, paths.ca]) {
    if (path === '') {
      contents.push(Buffer.alloc(0));
      continue;
    }
    try {
      contents.push(await filePromise<Buffer>((callback) => files.read(path, limits.tlsFileBytes, callback)));
    } catch (error) {
      return { ok: false, problem: `cannot read ${path}: ${messageOf(error)}` };
    }
  }
  const [cert = Buffer.alloc(0), key = Buffer.alloc(0), ca = Buffer.alloc(0)] = contents;
  return { ok: true, bytes: { cert, key, ca } };
}

/** Checks what was read, and that the key belongs to the certificate. A certificate that has ended is taken all the same. */
export function checkTls(paths: TlsFiles, bytes: TlsBytes, versions: readonly TlsVersion[]): LoadedTls {
  const certificates = parseCertificates(bytes.cert);
  const [own] = certificates ?? [];
  if (own === undefined) return { ok: false, problem: `${paths.cert} holds no certificate (PEM)` };
  const key = parseKey(bytes.key);
  if (key === null) return { ok: false, problem: `${paths.key} holds no private key (PEM, without a passphrase)` };
  if (!own.checkPrivateKey(key)) {
    return { ok: false, problem: `the key in ${paths.key} does not belong to the certificate in ${paths.cert}` };
  }
  if (paths.ca !== '' && (parseCertificates(bytes.ca)?.length ?? 0) === 0) {
    return { ok: false, problem: `${paths.ca} holds no certificate (PEM)` };
  }
  const options: SecureContextOptions = {
    cert: bytes.cert,
    key: bytes.key,
    ...(paths.ca === '' ? {} : { ca: bytes.ca }),
    minVersion: versions.includes('TLSv1.2') ? 'TLSv1.2' : 'TLSv1.3',
    maxVersion: versions.includes('TLSv1.3') ? 'TLSv1.3' : 'TLSv1.2',
    sessionIdContext: SESSION_CONTEXT,
  };
  try {
    const context = createSecureContext(options);
    const material = { options, context, subject: own.subject, notAfterMs: own.validToDate.getTime(), bytes };
    return { ok: true, material };
  } catch (error) {
    return { ok: false, problem: `${paths.cert} cannot be used: ${messageOf(error)}` };
  }
}

/** Null if one of them is none. */
function parseCertificates(pem: Buffer): X509Certificate[] | null {
  try {
    return (pem.toString('latin1').match(PEM_CERTIFICATE) ?? []).map((text) => new X509Certificate(text));
  } catch {
    return null;
  }
}

function parseKey(pem: Buffer): KeyObject | null {
  try {
    return createPrivateKey(pem);
  } catch {
    return null;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
