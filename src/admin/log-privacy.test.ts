import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import type { Log } from '../base/log.ts';
import { SystemClock } from '../base/system-clock.ts';
import { SystemRandom } from '../base/system-random.ts';
import { assembly } from './assemble.ts';
import { configurationWith } from './configuration.ts';
import { Observed } from './metrics/observed.ts';
import { prepareSingleCluster } from './single-cluster.ts';

const PASSWORD = 'p4ssw0rd-of-the-test';
/** Part of every key, value, field and name that the test sends. */
const MARK = 'Zq7Xk9';

/** A log that keeps all lines, errors with their stacks. */
function keepingLog(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  const write =
    (level: string) =>
    (fields: object, message: string): void => {
      lines.push(`${level} ${message} ${inspect(fields, { depth: 10, maxStringLength: null, maxArrayLength: null })}`);
    };
  return { log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }, lines };
}

async function startCluster(log: Log) {
  const directory = mkdtempSync(join(tmpdir(), 'junokv-log-'));
  const observed = new Observed();
  const parts = { clock: new SystemClock(), random: new SystemRandom(), log, observed };
  const config = configurationWith({ port: 0, shards: 16, data: join(directory, 'data'), requirepass: PASSWORD });
  const prepared = await prepareSingleCluster(config, new Set(), parts);
  if (!prepared.ok) throw new Error(prepared.problem);
  const started = await assembly.startSingleProcess(prepared.cluster, parts);
  if (!started.ok) throw new Error(started.problem);
  onTestFinished(async () => {
    await started.running.stop();
    prepared.cluster.release();
    rmSync(directory, { recursive: true, force: true });
  });
  return { port: started.running.listening[0]?.port ?? 0, observed };
}

/** Sends bytes that may be no request at all, and waits for the end or for a moment. */
function send(port: number, bytes: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    setTimeout(() => socket.destroy(), 100);
  });
}

it('has no key, value, name or password in it, whatever goes wrong', { timeout: 60_000 }, async () => {
  const { log, lines } = keepingLog();
  const { port, observed } = await startCluster(log);
  const redis = new Redis({ port, password: PASSWORD, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on('error', () => {});
  onTestFinished(() => redis.disconnect());
  const attempt = async (...command: (string | Buffer)[]): Promise<string> => {
    const [name = '', ...args] = command;
    try {
      return String(await redis.call(String(name), ...args));
    } catch (error) {
      return error instanceof Error ? error.message : 'failed';
    }
  };
  await attempt('SET', `key-${MARK}`, `value-${MARK}`);
  expect(await attempt('GET', `key-${MARK}`)).toBe(`value-${MARK}`);
  await attempt('SET', `large-${MARK}`, MARK.repeat(20_000));
  await attempt('APPEND', `large-${MARK}`, MARK.repeat(2_000));
  await attempt('INCR', `key-${MARK}`);
  await attempt('SET', `key-${MARK}`, `value-${MARK}`, `bad-${MARK}`);
  await attempt(`COMMAND-${MARK}`, `key-${MARK}`);
  await attempt('CLIENT', 'SETNAME', `name-${MARK}`);
  await attempt('CLIENT', `SUB-${MARK}`);
  await attempt('CONFIG', 'SET', 'requirepass', PASSWORD);
  await attempt('JUNO.CREATE', `juno-${MARK}`, `value-${MARK}`);
  await attempt('JUNO.NAMESPACES', 'CREATE', `bad name ${MARK}`);
  await attempt('AUTH', `user-${MARK}`, `pass-${MARK}`);
  await attempt('FLUSHDB');
  await send(port, `*2\r\n$3\r\nGET\r\n$${MARK}\r\n`);
  await send(port, `GET "${MARK}\r\n`);
  await send(port, `POST /${MARK} HTTP/1.1\r\nHost: ${MARK}\r\n\r\n`);
  await send(port, `AUTH ${MARK}${PASSWORD}\r\nSET key-${MARK} v\r\n`);
  // Two of three zones stop: commands fail, nodes become suspect.
  const stopping = [1, 2].map((id) => observed.nodes.get(id)?.node);
  for (const node of stopping)
    await new Promise<void>((resolve) => (node === undefined ? resolve() : node.stop(resolve)));
  expect(await attempt('SET', `key-${MARK}`, `value-${MARK}`)).toMatch(/^UNAVAILABLE|^UNCERTAIN/);
  const text = lines.join('\n');
  expect(text).toContain('a client gave a wrong user name or password');
  expect(text).toContain('a client speaks HTTP');
  expect(text).toContain('a request cannot be read');
  expect(text).toContain('a client has gone');
  expect(text).toContain('the cluster failed a command');
  expect(text).toContain('is suspect');
  expect(lines.filter((line) => line.includes(MARK) || line.includes(PASSWORD))).toEqual([]);
  // Hashes of keys tell who asks for the same one.
  expect(lines.filter((line) => /recordId|\bkey\b.*<Buffer/.test(line))).toEqual([]);
});
