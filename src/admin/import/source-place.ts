import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { limits } from '../../base/limits.ts';
import { ImportProblem } from './import-problem.ts';
import type { RedisPlace } from './redis-link.ts';

/** A Redis to import from. */
export interface Source {
  readonly place: RedisPlace;
  /** Of the URL; 0 where it names none. */
  readonly database: number;
  /** Without the password. */
  readonly name: string;
}

export function isRedisUrl(text: string): boolean {
  return /^rediss?:\/\//i.test(text);
}

/** redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], or rediss:// over TLS. Throws ImportProblem. */
export function sourceOf(text: string, password: string, cacert: string): Source {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new ImportProblem(`this is no URL of a Redis: it should be like redis://10.0.0.7:6379`);
  }
  const database = url.pathname.replace('/', '');
  if (!/^\d{0,2}$/.test(database)) throw new ImportProblem(`${database} is no number of a database`);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? 6_379 : Number(url.port);
  const secret = url.password === '' ? password : decodeURIComponent(url.password);
  const user = decodeURIComponent(url.username);
  const greeting = secret === '' ? [] : [user === '' ? ['AUTH', secret] : ['AUTH', user, secret]];
  const tls = url.protocol.toLowerCase() === 'rediss:' ? tlsContext(cacert) : null;
  return {
    place: { host, port, tls, greeting },
    database: Number(database),
    name: `${url.protocol}//${url.hostname}:${port}`,
  };
}

function tlsContext(cacert: string): ReturnType<typeof createSecureContext> {
  if (cacert === '') return createSecureContext();
  try {
    if (statSync(cacert).size > limits.tlsFileBytes) throw new Error('it is too large');
    return createSecureContext({ ca: readFileSync(cacert) });
  } catch (error) {
    throw new ImportProblem(`--source-cacert: ${error instanceof Error ? error.message : String(error)}`);
  }
}
