import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { type CertificateContent, signCertificate } from '../x509.ts';

const DAY_MS = 86_400_000;

export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority of a test, in memory. */
export class TestAuthority {
  readonly cert: string;
  readonly key: string;
  readonly #name: string;
  readonly #privateKey: KeyObject;

  constructor(name = 'test CA') {
    const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    this.#name = name;
    this.#privateKey = pair.privateKey;
    this.cert = this.#sign({ commonName: name, publicKey: pair.publicKey, use: 'authority' });
    this.key = keyPem(pair.privateKey);
  }

  /** By default for both ends of connections on this machine, from yesterday until tomorrow. */
  issue(changes: Partial<CertificateContent> = {}): TestCertificate {
    const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    return { cert: this.#sign({ publicKey: pair.publicKey, ...changes }), key: keyPem(pair.privateKey) };
  }

  #sign(changes: Partial<CertificateContent> & Pick<CertificateContent, 'publicKey'>): string {
    const nowMs = Date.now();
    const content: CertificateContent = {
      commonName: 'test',
      serial: randomBytes(16),
      notBeforeMs: nowMs - DAY_MS,
      notAfterMs: nowMs + DAY_MS,
      use: ['server', 'client'],
      hosts: ['localhost', '127.0.0.1'],
      ...changes,
    };
    return signCertificate(content, { commonName: this.#name, privateKey: this.#privateKey });
  }
}

function keyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
