import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { objectId, time, unsignedInteger } from './der.ts';
import { TestAuthority } from './testing/test-certificates.ts';
import { addressBytes, commonNameProblem, isCertificateHost } from './x509.ts';

describe('DER', () => {
  it('writes numbers, object ids and times by the book', () => {
    expect(unsignedInteger(Buffer.of(0, 0, 0x7f)).toString('hex')).toBe('02017f');
    expect(unsignedInteger(Buffer.of(0x80)).toString('hex')).toBe('02020080');
    expect(unsignedInteger(Buffer.of(0)).toString('hex')).toBe('020100');
    expect(objectId('1.2.840.10045.4.3.2').toString('hex')).toBe('06082a8648ce3d040302');
    expect(time(Date.UTC(2049, 11, 31, 23, 59, 59)).toString('latin1')).toBe('\x17\r491231235959Z');
    expect(time(Date.UTC(2050, 0, 1)).toString('latin1')).toBe('\x18\x0f20500101000000Z');
  });

  it('knows the bytes of IP addresses', () => {
    expect(addressBytes('127.0.0.1').toString('hex')).toBe('7f000001');
    expect(addressBytes('::1').toString('hex')).toBe(`${'0'.repeat(31)}1`);
    expect(addressBytes('2001:db8::ff00:42:8329').toString('hex')).toBe('20010db8000000000000ff0000428329');
    expect(addressBytes('::ffff:1.2.3.4').toString('hex')).toBe('00000000000000000000ffff01020304');
  });
});

describe('a certificate', () => {
  const hosts = ['localhost', '*.example.com', '10.1.2.3', 'fe80::1'];

  it('is what Node reads of it', () => {
    const authority = new TestAuthority('the CA');
    const ca = new X509Certificate(authority.cert);
    const notAfterMs = Date.UTC(2055, 4, 6, 7, 8, 9);
    const issued = authority.issue({ commonName: 'Zoë', hosts, use: ['server'], notAfterMs });
    const certificate = new X509Certificate(issued.cert);
    expect(ca.ca).toBe(true);
    expect(ca.verify(ca.publicKey)).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.verify(ca.publicKey)).toBe(true);
    expect(certificate.checkIssued(ca)).toBe(true);
    expect(certificate.subject).toBe('CN=Zoë');
    expect(certificate.issuer).toBe('CN=the CA');
    expect(certificate.validToDate.getTime()).toBe(notAfterMs);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(certificate.checkHost('a.example.com')).toBe('*.example.com');
    expect(certificate.checkIP('10.1.2.3')).toBe('10.1.2.3');
    expect(certificate.checkIP('fe80::1')).toBe('fe80::1');
    expect(certificate.checkIP('10.1.2.4')).toBeUndefined();
  });

  it('of one authority is not taken for one of another', () => {
    const other = new X509Certificate(new TestAuthority().cert);
    const certificate = new X509Certificate(new TestAuthority().issue().cert);
    expect(certificate.verify(other.publicKey)).toBe(false);
    expect(certificate.checkPrivateKey(generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey)).toBe(false);
  });

  it.skipIf(spawnSync('openssl', ['version']).status !== 0)('is what openssl verifies, for its purpose only', () => {
    const dir = mkdtempSync(join(tmpdir(), 'junokv-x509-'));
    try {
      const authority = new TestAuthority();
      writeFileSync(join(dir, 'ca.pem'), authority.cert);
      writeFileSync(join(dir, 'cert.pem'), authority.issue({ use: ['client'], hosts }).cert);
      const verify = (...options: string[]) =>
        spawnSync('openssl', ['verify', '-x509_strict', '-CAfile', 'ca.pem', ...options, 'cert.pem'], { cwd: dir });
      expect(verify('-purpose', 'sslclient').stdout.toString()).toBe('cert.pem: OK\n');
      expect(verify('-purpose', 'sslserver').status).not.toBe(0);
      expect(verify('-verify_ip', '10.1.2.3').status).toBe(0);
      expect(verify('-verify_hostname', 'elsewhere').status).not.toBe(0);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });
});

describe('names', () => {
  it('of hosts are DNS names and addresses', () => {
    expect(['localhost', '*.example.com', 'a_b.c', '::1', '1.2.3.4'].map(isCertificateHost)).toEqual(
      new Array(5).fill(true),
    );
    expect(['', 'a b', 'a..b', '*', 'a.*.b', 'x,y'].map(isCertificateHost)).toEqual(new Array(6).fill(false));
  });

  it('of subjects are short, and free of control characters', () => {
    expect(commonNameProblem('alice')).toBeNull();
    for (const name of ['', 'a\nb', 'x'.repeat(65)]) expect(commonNameProblem(name)).toContain('1 to 64');
  });
});
