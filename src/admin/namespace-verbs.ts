import type { Redis } from 'ioredis';
import { tlsErrorText } from '../rpc/tls-problem.ts';
import { readClientTls } from './client-tls.ts';
import type { Command, CommandInput } from './command-input.ts';
import { readPassword } from './data-verbs/client-config.ts';
import { textTable } from './data-verbs/text-table.ts';
import { formatHostAndPort, parseHostAndPort } from './host-and-port.ts';
import { EXIT_FAILED, EXIT_OK } from './serve.ts';

/** One namespace's figures by name, as JUNO.NAMESPACES and JUNO.LIMITS answer them. */
type Figures = Readonly<Record<string, string | number>>;

interface Answer {
  readonly text: string;
  readonly json: object;
}

type Asked = { readonly ok: true; readonly answer: Answer } | { readonly ok: false; readonly problem: string };

/** `junokv namespace list` */
export const namespaceListCommand = verb(async (redis) => {
  const reply = await redis.call('JUNO.NAMESPACES', 'LIST');
  const namespaces = Array.isArray(reply) ? reply.map(figuresOf) : [];
  const columns = Object.keys(namespaces[0] ?? {});
  const rows = namespaces.map((namespace) => columns.map((column) => String(namespace[column] ?? '')));
  return { text: textTable([columns, ...rows]), json: { namespaces } };
});

/** `junokv namespace create NAME` */
export const namespaceCreateCommand = verb(async (redis, [name = '']) => {
  await redis.call('JUNO.NAMESPACES', 'CREATE', name);
  return { text: `namespace ${name} is there`, json: {} };
});

/** `junokv limits get NAMESPACE` */
export const limitsGetCommand = verb(async (redis, [name = '']) => limitsAnswer(redis, name));

/** `junokv limits set NAMESPACE FIELD VALUE ...` shows all limits as they are then. */
export const limitsSetCommand = verb(async (redis, [name = '', ...changes]) => {
  await redis.call('JUNO.LIMITS', 'SET', name, ...changes);
  return limitsAnswer(redis, name);
});

async function limitsAnswer(redis: Redis, name: string): Promise<Answer> {
  const limits = figuresOf(await redis.call('JUNO.LIMITS', 'GET', name));
  const rows = Object.entries(limits).map(([limit, value]) => [limit, value === 0 ? 'none' : String(value)]);
  return { text: textTable(rows), json: { namespace: name, limits } };
}

/** A command that asks one proxy, the first of --target that can be reached, and prints what it answers. */
function verb(ask: (redis: Redis, words: readonly string[]) => Promise<Answer>): Command {
  return async (input) => {
    const { config, system, words } = input;
    const hold = system.hold();
    try {
      const asked = await askFirst(input, (redis) => ask(redis, words));
      if (asked.ok) {
        system.print(config.json ? JSON.stringify({ ok: true, ...asked.answer.json }) : asked.answer.text);
        return EXIT_OK;
      }
      if (config.json) system.print(JSON.stringify({ ok: false, error: { message: asked.problem } }));
      else system.complain(`junokv: ${asked.problem}`);
      return EXIT_FAILED;
    } finally {
      hold.cancel();
    }
  };
}

async function askFirst({ config }: CommandInput, ask: (redis: Redis) => Promise<Answer>): Promise<Asked> {
  const password = readPassword(config);
  if (!password.ok) return password;
  const tls = readClientTls(config);
  if (!tls.ok) return tls;
  const login = {
    ...(config.username === '' ? {} : { username: config.username }),
    ...(password.password === '' ? {} : { password: password.password }),
  };
  const { Redis } = await import('ioredis');
  const unreached: string[] = [];
  for (const target of config.target) {
    const address = parseHostAndPort(target);
    if (address === null) continue;
    const redis = new Redis({
      ...address,
      ...login,
      ...(tls.tls === null ? {} : { tls: { secureContext: tls.tls.secureContext } }),
      lazyConnect: true,
      enableReadyCheck: false,
      protocol: 2,
      connectTimeout: config.deadline,
      commandTimeout: config.deadline,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    });
    // What ends a connection also rejects the call that needs it; a wrong password comes only here.
    let connectionProblem: Error | null = null;
    redis.on('error', (error: Error) => {
      connectionProblem ??= error;
    });
    try {
      await redis.connect();
    } catch (error) {
      const reason: unknown = connectionProblem ?? error;
      unreached.push(`${formatHostAndPort(address.host, address.port)}: ${messageOf(reason)}`);
      redis.disconnect();
      continue;
    }
    try {
      return { ok: true, answer: await ask(redis) };
    } catch (error) {
      return { ok: false, problem: messageOf(error) };
    } finally {
      redis.disconnect();
    }
  }
  return { ok: false, problem: `no proxy could be reached\n  ${unreached.join('\n  ')}` };
}

/** A RESP2 map as an object. */
function figuresOf(flat: unknown): Figures {
  const figures: Record<string, string | number> = {};
  if (!Array.isArray(flat)) return figures;
  for (let i = 0; i + 1 < flat.length; i += 2) figures[String(flat[i])] = flat[i + 1];
  return figures;
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // A name with several addresses fails with one error for all of them, and no message.
  return error.message === '' && 'code' in error ? String(error.code) : tlsErrorText(error);
}
