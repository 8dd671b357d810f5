import { spawnSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommandLine } from '../cli.ts';
import { FakeAssembly, FakeSystem } from '../testing/fake-system.ts';

let directory = '';
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'junokv-certs-')), 'certs');
});
afterEach(() => rmSync(join(directory, '..'), { recursive: true, force: true }));

async function certs(...options: readonly string[]): Promise<{ code: number; system: FakeSystem }> {
  const system = new FakeSystem();
  const code = await runCommandLine(['certs', directory, ...options], system, new FakeAssembly());
  return { code, system };
}

function certificate(name: string): X509Certificate {
  return new X509Certificate(readFileSync(join(directory, `${name}.crt`)));
}

describe('junokv certs', () => {
  it('makes two CAs and certificates of them, with keys that only their owner may read', async () => {
    const { code, system } = await certs(
      '--hosts',
      'node1.example.com,10.0.0.1',
      '--clients',
      'alice,bob',
      '--days',
      '30',
    );
    expect(system.complaints).toEqual([]);
    expect(code).toBe(0);
    const names = ['ca', 'client-alice', 'client-bob', 'cluster-ca', 'node', 'server'];
    expect(readdirSync(directory).sort()).toEqual(names.flatMap((name) => [`${name}.crt`, `${name}.key`]));
    for (const name of names) {
      expect(statSync(join(directory, `${name}.key`)).mode & 0o777).toBe(0o600);
      const key = createPrivateKey(readFileSync(join(directory, `${name}.key`)));
      expect(certificate(name).checkPrivateKey(key)).toBe(true);
      expect(system.printed.join('\n')).toContain(`${name}.crt`);
    }
    for (const [name, ca] of [
      ['server', 'ca'],
      ['client-alice', 'ca'],
      ['node', 'cluster-ca'],
    ] as const) {
      expect(certificate(name).verify(certificate(ca).publicKey)).toBe(true);
    }
    expect(certificate('node').verify(certificate('ca').publicKey)).toBe(false);
    expect(certificate('client-bob').subject).toBe('CN=bob');
    expect(certificate('server').checkHost('node1.example.com')).toBe('node1.example.com');
    expect(certificate('node').checkIP('10.0.0.1')).toBe('10.0.0.1');
    const days = (certificate('node').validToDate.getTime() - Date.now()) / 86_400_000;
    expect(Math.round(days)).toBe(30);
  });

  it('overwrites nothing, and signs more with the CA that is there', async () => {
    await certs();
    const before = readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), 'utf8')]);
    const { code, system } = await certs('--clients', 'client,carol');
    expect(code).toBe(0);
    expect(system.printed.join('\n')).toMatch(/ca\.crt +was there/);
    expect(system.printed.join('\n')).toMatch(/client-carol\.crt +new/);
    for (const [name, text] of before) expect(readFileSync(join(directory, name ?? ''), 'utf8')).toBe(text);
    expect(certificate('client-carol').verify(certificate('ca').publicKey)).toBe(true);
  });

  it('says what is wrong with what is there', async () => {
    await certs();
    rmSync(join(directory, 'ca.key'));
    const { code, system } = await certs();
    expect(code).toBe(1);
    expect(system.complaints.join('\n')).toMatch(/ca\.crt is there, but .*ca\.key is not/);
    for (const args of [
      ['--clients', '../x'],
      ['--hosts', 'a b/c'],
      ['--days', '0'],
    ])
      expect((await certs(...args)).code).toBe(2);
  });

  it.skipIf(spawnSync('openssl', ['version']).status !== 0)('makes what openssl verifies', async () => {
    await certs();
    const verify = (purpose: string, ca: string, name: string) =>
      spawnSync('openssl', ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', `${ca}.crt`, `${name}.crt`], {
        cwd: directory,
      }).stdout.toString();
    expect(verify('sslserver', 'ca', 'server')).toBe('server.crt: OK\n');
    expect(verify('sslclient', 'ca', 'client-client')).toBe('client-client.crt: OK\n');
    expect(verify('sslserver', 'cluster-ca', 'node')).toBe('node.crt: OK\n');
    expect(verify('sslclient', 'cluster-ca', 'node')).toBe('node.crt: OK\n');
    expect(verify('sslserver', 'ca', 'client-client')).not.toContain('OK');
  });
});
