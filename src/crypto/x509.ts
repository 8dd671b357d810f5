import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { isIP } from 'node:net';
import {
  bitString,
  boolean,
  element,
  explicit,
  objectId,
  octetString,
  sequence,
  set,
  time,
  unsignedInteger,
  utf8String,
} from './der.ts';

/*
 * Certificates (RFC 5280) for keys on elliptic curves, signed with ECDSA and SHA-256. Node reads certificates but makes none.
 */

const OID = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;

/** X.520's bound of a common name. */
const COMMON_NAME_CHARS = 64;
const DNS_NAME = /^(\*\.)?[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/i;

/** Who signs. A certificate authority that signs itself is its own issuer. */
export interface Issuer {
  readonly commonName: string;
  readonly privateKey: KeyObject;
}

export interface CertificateContent {
  readonly commonName: string;
  /** On the curve P-256. */
  readonly publicKey: KeyObject;
  /** Random, 16 bytes. */
  readonly serial: Uint8Array;
  /** Unix milliseconds; seconds are kept. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** An authority signs others and has no use of its own. */
  readonly use: 'authority' | readonly ('server' | 'client')[];
  /** What a server is called: DNS names and IP addresses. */
  readonly hosts: readonly string[];
}

/** Null for a name that a certificate can be for, else what is wrong with it. */
export function commonNameProblem(name: string): string | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (name === '' || name.length > COMMON_NAME_CHARS || /[\x00-\x1f\x7f]/.test(name)) {
    return `a certificate's name has 1 to ${COMMON_NAME_CHARS} characters, none of them a control character`;
  }
  return null;
}

/** Whether `host` can stand in a certificate: a DNS name (also `*.example.com`) or an IP address. */
export function isCertificateHost(host: string): boolean {
  return isIP(host) !== 0 || DNS_NAME.test(host);
}

/** The certificate as PEM. */
export function signCertificate(content: CertificateContent, issuer: Issuer): string {
  const algorithm = sequence(objectId(OID.ecdsaWithSha256));
  const toBeSigned = sequence(
    explicit(0, unsignedInteger(Buffer.of(2))),
    unsignedInteger(content.serial),
    algorithm,
    distinguishedName(issuer.commonName),
    sequence(time(content.notBeforeMs), time(content.notAfterMs)),
    distinguishedName(content.commonName),
    publicKeyInfo(content.publicKey),
    explicit(3, sequence(...extensions(content, issuer))),
  );
  const signature = sign('sha256', toBeSigned, issuer.privateKey);
  const der = sequence(toBeSigned, algorithm, bitString(signature));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function distinguishedName(commonName: string): Buffer {
  return sequence(set(sequence(objectId(OID.commonName), utf8String(commonName))));
}

function publicKeyInfo(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

/** RFC 7093's way to make one, cut to the usual length. */
function keyId(key: KeyObject): Buffer {
  return createHash('sha256').update(publicKeyInfo(key)).digest().subarray(0, 20);
}

function extensions({ use, hosts, publicKey }: CertificateContent, issuer: Issuer): Buffer[] {
  const isAuthority = use === 'authority';
  const all = [
    extension(OID.basicConstraints, true, isAuthority ? sequence(boolean(true)) : sequence()),
    // Bit 5 keyCertSign and bit 6 cRLSign, or bit 0 digitalSignature.
    extension(OID.keyUsage, true, isAuthority ? bitString(Buffer.of(0x06), 1) : bitString(Buffer.of(0x80), 7)),
    extension(OID.subjectKeyId, false, octetString(keyId(publicKey))),
    extension(OID.authorityKeyId, false, sequence(element(0x80, keyId(createPublicKey(issuer.privateKey))))),
  ];
  if (!isAuthority) {
    const purposes = use.map((each) => objectId(each === 'server' ? OID.serverAuth : OID.clientAuth));
    all.push(extension(OID.extendedKeyUsage, false, sequence(...purposes)));
  }
  if (hosts.length > 0) all.push(extension(OID.subjectAltName, false, sequence(...hosts.map(generalName))));
  return all;
}

function extension(id: string, isCritical: boolean, value: Buffer): Buffer {
  return sequence(objectId(id), ...(isCritical ? [boolean(true)] : []), octetString(value));
}

/** [2] dNSName or [7] iPAddress. */
function generalName(host: string): Buffer {
  return isIP(host) === 0 ? element(0x82, Buffer.from(host, 'latin1')) : element(0x87, addressBytes(host));
}

/** The 4 or 16 bytes of an IP address. */
export function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  // The URL parser writes every IPv6 address in hexadecimal groups.
  const plain = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = plain.split('::');
  const groupsOf = (text: string | undefined): number[] =>
    text === undefined || text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const first = groupsOf(head);
  const last = groupsOf(tail);
  const groups = [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last];
  return Buffer.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}
