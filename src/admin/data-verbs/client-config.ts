import { readFileSync, statSync } from 'node:fs';
import { limits } from '../../base/limits.ts';
import { loadKeystore } from '../../juno-ext/client/src/keystore.ts';
import type { ClientOptions, ServerAddress } from '../../juno-ext/client/src/types.ts';
import { readClientTls } from '../client-tls.ts';
import { parseHostAndPort } from '../host-and-port.ts';
import type { Configuration } from '../option-table.ts';

export type ClientConfigResult =
  | { readonly ok: true; readonly options: ClientOptions }
  /** In words, without the password. */
  | { readonly ok: false; readonly problem: string };

/** How the typed client is to connect, as the options of `client-options.ts` say it; reads the files that they name. */
export async function clientConfig(config: Configuration): Promise<ClientConfigResult> {
  const addresses = config.target.map(parseHostAndPort).filter((address): address is ServerAddress => address !== null);
  if (addresses.length === 0) return { ok: false, problem: '--target names no proxy' };
  const password = readPassword(config);
  if (!password.ok) return password;
  if (config.username !== '' && password.password === '') {
    return {
      ok: false,
      problem: `user '${config.username}' needs a password: JUNOKV_PASSWORD in the environment, or --password-file`,
    };
  }
  const tls = readClientTls(config);
  if (!tls.ok) return tls;
  const keystore = config.keystoreClient === '' ? null : await loadKeystore(config.keystoreClient);
  if (keystore?.ok === false) return { ok: false, problem: `the client's keystore ${keystore.message}` };
  return {
    ok: true,
    options: {
      addresses,
      database: config.database,
      deadlineMs: config.deadline,
      ...(config.username === '' ? {} : { username: config.username }),
      ...(password.password === '' ? {} : { password: password.password }),
      ...(tls.tls === null ? {} : { tls: tls.tls.files }),
      ...(config.namespace === '' ? {} : { namespace: config.namespace }),
      ...(keystore === null ? {} : { encryption: keystore.value }),
      ...(config.compress === 'none' ? {} : { compression: { algorithm: config.compress } }),
    },
  };
}

export type Password =
  | { readonly ok: true; readonly password: string }
  | { readonly ok: false; readonly problem: string };

/** The password of --password or --password-file; '' where none is given. */
export function readPassword(config: Configuration): Password {
  if (config.passwordFile === '') return { ok: true, password: config.password };
  try {
    if (statSync(config.passwordFile).size > limits.passwordFileBytes) {
      return {
        ok: false,
        problem: `${config.passwordFile} has more than ${limits.passwordFileBytes} bytes: no password`,
      };
    }
    const password = readFileSync(config.passwordFile, 'utf8').split(/\r?\n/, 1)[0] ?? '';
    return password === ''
      ? { ok: false, problem: `${config.passwordFile} has no password in its first line` }
      : { ok: true, password };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ok: false, problem: `cannot read the password file: ${reason}` };
  }
}
