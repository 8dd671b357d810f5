import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Etcd3 } from 'etcd3';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Timer } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { SystemClock } from '../base/system-clock.ts';
import { SystemRandom } from '../base/system-random.ts';
import { answerOf, problemOf } from './config-store-conformance.ts';
import { EtcdClient, type EtcdClientOptions } from './etcd-client.ts';
import { EtcdRegistration, type Registration, readRegistrations } from './etcd-registration.ts';
import { ETCD_TEST_MS, EtcdServer, etcdProblem } from './testing/etcd-server.ts';

const clock = new SystemClock();
const random = new SystemRandom();
const NO_TLS = { ca: '', cert: '', key: '' };
const REASON = spawnSync('openssl', ['version']).error === undefined ? etcdProblem : 'there is no openssl';
const skipped = REASON === null ? '' : ` (skipped: ${REASON})`;

/** Pauses are a fiftieth of what they should be. */
class HastyClock extends SystemClock {
  override after(delayMs: number, fn: () => void): Timer {
    return super.after(delayMs / 50, fn);
  }
}

function client(url: string, changes: Partial<EtcdClientOptions> = {}): EtcdClient {
  const made = new EtcdClient({
    urls: [url],
    prefix: '/t/',
    tls: NO_TLS,
    auth: null,
    clock,
    log: silentLog,
    ...changes,
  });
  onTestFinished(() => made.close());
  return made;
}

describe.skipIf(REASON !== null)(`etcd with TLS${skipped}`, () => {
  let directory = '';
  let server: EtcdServer;
  const at = (name: string): string => join(directory, name);
  const openssl = (line: string): void => {
    execFileSync('openssl', line.split(' '), { cwd: directory, stdio: 'ignore' });
  };
  /** A certificate for 127.0.0.1, and its key. */
  const certificate = (name: string, ca: string): void => {
    writeFileSync(at('san'), 'subjectAltName=IP:127.0.0.1');
    openssl(
      `req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`,
    );
    openssl(
      `x509 -req -in ${name}.csr -CA ${ca}.pem -CAkey ${ca}.key -CAcreateserial -days 2 -extfile san -out ${name}.pem`,
    );
  };

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'junokv-etcd-tls-'));
    for (const ca of ['ca', 'other']) {
      openssl(
        `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ${ca}.key -out ${ca}.pem -subj /CN=${ca} -days 2`,
      );
    }
    certificate('server', 'ca');
    certificate('client', 'ca');
    certificate('stranger', 'other');
    const own = ['--cert-file', at('server.pem'), '--key-file', at('server.key')];
    const args = [...own, '--client-cert-auth', '--trusted-ca-file', at('ca.pem')];
    server = await EtcdServer.start({ scheme: 'https', args });
  }, ETCD_TEST_MS);
  afterAll(async () => {
    await server?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const files = (ca: string, own: string) => ({
    tls: { ca: at(`${ca}.pem`), cert: at(`${own}.pem`), key: at(`${own}.key`) },
  });

  it(
    'lets in who has a certificate of its authority, and checks its own',
    async () => {
      expect(await answerOf(client(server.url, files('ca', 'client')).get('x'))).toBeNull();
      const refused = [
        files('other', 'client'),
        files('ca', 'stranger'),
        { tls: { ...NO_TLS, ca: at('ca.pem') } },
        files('none', 'client'),
      ].map((wrong) => problemOf(client(server.url, wrong).get('x')));
      const problems = await Promise.all(refused);
      for (const problem of problems) expect(problem).toContain(`etcd ${server.url}: `);
      expect(problems[3]).toContain('none.pem');
    },
    ETCD_TEST_MS,
  );

  it('takes up certificates that were renewed, without being made anew', { timeout: ETCD_TEST_MS }, async () => {
    copyFileSync(at('other.pem'), at('mine.pem'));
    const late = client(server.url, files('mine', 'client'));
    expect(await problemOf(late.get('x'))).not.toBe('none');
    copyFileSync(at('ca.pem'), at('mine.pem'));
    await expect.poll(() => problemOf(late.get('x')), { timeout: 30_000 }).toBe('none');
  });
});

describe.skipIf(etcdProblem !== null)(`etcd${etcdProblem === null ? '' : ` (skipped: ${etcdProblem})`}`, () => {
  let server: EtcdServer;
  beforeAll(async () => {
    server = await EtcdServer.start();
  }, ETCD_TEST_MS);
  afterAll(async () => server?.stop());

  const registration: Registration = {
    role: 'storage',
    node: 2,
    addresses: ['127.0.0.1:7002'],
    version: '1.2.3',
    pid: 42,
    startedMs: 1_000,
  };
  const registered = async (): Promise<readonly Registration[]> => answerOf(readRegistrations(client(server.url)));

  it('lists who is registered, until they stop', { timeout: ETCD_TEST_MS }, async () => {
    const own = client(server.url);
    const parts = { client: own, clock, random, log: silentLog };
    const proxy: Registration = { ...registration, role: 'proxy', node: null, addresses: ['127.0.0.1:6379'] };
    const both = [registration, proxy].map((one) => new EtcdRegistration({ ...parts, registration: one }));
    for (const one of both) one.start();
    await expect.poll(registered, { timeout: 20_000 }).toEqual([proxy, registration]);
    const foreign = await answerOf(own.grantLease(60));
    await answerOf(own.putLeased('members/zz', '{"role":"else"}', foreign));
    await Promise.all(both.map((one) => one.stop()));
    expect(await registered()).toEqual([]);
  });

  it('registers a process again whose lease was lost', { timeout: ETCD_TEST_MS }, async () => {
    const own = client(server.url);
    const again = new EtcdRegistration({ client: own, registration, clock: new HastyClock(), random, log: silentLog });
    again.start();
    await expect.poll(registered, { timeout: 20_000 }).toEqual([registration]);
    const plain = new Etcd3({ hosts: server.url });
    onTestFinished(() => plain.close());
    for (const { ID } of (await plain.leaseClient.leaseLeases()).leases) await plain.leaseClient.leaseRevoke({ ID });
    await expect.poll(registered, { timeout: 20_000 }).toEqual([registration]);
    await again.stop();
  });

  it(
    'leaves the registration to its lease where etcd is away',
    async () => {
      const own = client(server.url);
      const stopping = new EtcdRegistration({ client: own, registration, clock, random, log: silentLog });
      stopping.start();
      await expect.poll(registered, { timeout: 20_000 }).toEqual([registration]);
      await server.kill();
      expect(await problemOf(own.get('x'))).not.toBe('none');
      await stopping.stop();
      await server.restart();
      expect(await registered()).toEqual([registration]);
    },
    ETCD_TEST_MS,
  );

  it('wants the password where it has users', { timeout: ETCD_TEST_MS }, async () => {
    const admin = new Etcd3({ hosts: server.url });
    onTestFinished(() => admin.close());
    const root = await admin.user('root').create('secret');
    await admin.role('root').create();
    const role = await admin.role('junokv').create();
    await role.grant({ permission: 'Readwrite', range: admin.range({ prefix: '/t/' }) });
    await (await admin.user('junokv').create('word')).addRole('junokv');
    await root.addRole('root');
    await admin.auth.authEnable();
    const right = client(server.url, { auth: { user: 'junokv', password: 'word' } });
    expect(await answerOf(right.putIf([], [{ key: 'x', text: 'y' }]))).toMatchObject({ done: true });
    const own = new EtcdRegistration({ client: right, registration, clock, random, log: silentLog });
    own.start();
    const listed = async () => answerOf(readRegistrations(right));
    await expect.poll(listed, { timeout: 20_000 }).toContainEqual(registration);
    await own.stop();
    const elsewhere = client(server.url, { auth: { user: 'junokv', password: 'word' }, prefix: '/other/' });
    expect(await problemOf(elsewhere.get('x'))).toContain('permission denied');
    const wrong = client(server.url, { auth: { user: 'root', password: 'guess' } });
    expect(await wrong.get('x')).toMatchObject({
      ok: false,
      problem: expect.stringContaining('authentication failed'),
    });
    expect(await client(server.url).putIf([], [{ key: 'x', text: '' }])).toEqual({
      ok: false,
      problem: expect.stringContaining('etcdserver: user name is empty'),
    });
  });
});
