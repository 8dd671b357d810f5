import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';
import { limits } from '../base/limits.ts';
import type { Configuration } from './option-table.ts';

/** PEM of --cacert, --cert and --key; a part that is not given is left out. */
export interface ClientTlsFiles {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** How a command connects to proxies over TLS. */
export interface ClientTls {
  readonly files: ClientTlsFiles;
  /** Made of them, for many connections. */
  readonly secureContext: SecureContext;
}

/** `tls` is null where connections are plain. `problem` shows nothing of a key. */
export type ReadClientTls =
  | { readonly ok: true; readonly tls: ClientTls | null }
  | { readonly ok: false; readonly problem: string };

/** Reads what --tls, --cacert, --cert and --key name. */
export function readClientTls(config: Configuration): ReadClientTls {
  const { tls, cacert, cert, key } = config;
  if (!tls) {
    const named = cacert !== '' || cert !== '' || key !== '';
    // Whoever names certificates must not find a password sent in the clear.
    return named ? { ok: false, problem: '--cacert, --cert and --key need --tls' } : { ok: true, tls: null };
  }
  if ((cert === '') !== (key === ''))
    return { ok: false, problem: '--cert and --key belong together: give both or none' };
  const files: { ca?: Buffer; cert?: Buffer; key?: Buffer } = {};
  try {
    for (const [name, path] of Object.entries({ ca: cacert, cert, key })) {
      if (path !== '') Object.assign(files, { [name]: readPem(path) });
    }
    return { ok: true, tls: { files, secureContext: createSecureContext(files) } };
  } catch (error) {
    return { ok: false, problem: `TLS: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function readPem(path: string): Buffer {
  if (statSync(path).size > limits.tlsFileBytes) throw new Error(`${path} has more than ${limits.tlsFileBytes} bytes`);
  return readFileSync(path);
}
