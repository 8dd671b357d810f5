import { resolve } from 'node:path';
import { limits } from '../base/limits.ts';
import { configParameters, MAXMEMORY_POLICIES } from '../proxy/config-parameters.ts';
import { defaultConfigValues } from '../proxy/config-values.ts';
import { type CommandName, integerOption, type Option, textOption } from './option.ts';

const LISTENING: readonly CommandName[] = ['start', 'proxy'];
const INT_MAX = 2_147_483_647;

/** Decided once the storage nodes have told what they are, and by a contradiction where they are in this process. */
const ACCEPTING = { ...defaultConfigValues(), storageEngine: 'memory' } as const;

/** An option with the name, the form and the default of a parameter of CONFIG SET; its value is the text. */
function redisOption(
  name: string,
  row: { readonly summary: string; readonly allowed: string; readonly placeholder?: string },
): Option<string> {
  const parameter = configParameters.find((each) => each.name === name);
  const defaultValue = parameter?.read(defaultConfigValues()) ?? '';
  return {
    commands: LISTENING,
    defaultValue,
    placeholder: 'BYTES',
    ...row,
    parse(text) {
      const isTaken = parameter?.change === 'mutable' && parameter.parse(text, { ...ACCEPTING }) === null;
      return isTaken ? { ok: true, value: text } : { ok: false };
    },
  };
}

/** The options of `start` and `proxy` about the memory of storage nodes with --engine memory, in Redis's names. */
export const memoryOptions = {
  maxmemory: redisOption('maxmemory', {
    summary:
      'Most that the values on each storage node with --engine memory may take; beyond it --maxmemory-policy decides. 0: no limit. Give all proxies of a cluster the same; CONFIG SET changes it at one.',
    allowed: 'bytes; units such as kb, mb and gb may follow',
  }),
  maxmemoryPolicy: redisOption('maxmemory-policy', {
    summary:
      'Which keys are deleted at --maxmemory to make room; noeviction: none, and commands that need room are errors.',
    allowed: `one of ${MAXMEMORY_POLICIES.join(', ')}`,
    placeholder: 'POLICY',
  }),
  maxmemorySamples: redisOption('maxmemory-samples', {
    summary: 'A key is deleted for --maxmemory as the best of so many.',
    allowed: 'a whole number of at least 1',
    placeholder: 'KEYS',
  }),
} as const;

/** The options of `start` and `proxy` about single clients' connections, in Redis's names. */
export const connectionOptions = {
  unixsocket: {
    ...textOption(true, {
      summary: 'Path of a Unix socket on which clients are served as well, beside --port.',
      commands: LISTENING,
      defaultValue: '',
      defaultText: 'none',
      placeholder: 'PATH',
      allowed: `a path of at most ${limits.unixSocketPathBytes} bytes from the root`,
    }),
    parse(text) {
      if (text === '') return { ok: true, value: '' };
      const path = resolve(text);
      return !path.includes('\0') && Buffer.byteLength(path) <= limits.unixSocketPathBytes
        ? { ok: true, value: path }
        : { ok: false };
    },
  } satisfies Option<string>,
  unixsocketperm: {
    ...integerOption(
      { min: 0, max: 0o777 },
      {
        summary: 'Permissions of the Unix socket, as chmod takes them: 770 for the group too.',
        commands: LISTENING,
        defaultValue: 0,
        defaultText: "as the process's umask has them",
        placeholder: 'MODE',
        allowed: 'an octal number from 0 to 777',
      },
    ),
    parse: (text) => (/^[0-7]{1,4}$/.test(text) ? withinMode(Number.parseInt(text, 8)) : { ok: false }),
  } satisfies Option<number>,
  timeout: integerOption(
    { min: 0, max: INT_MAX },
    {
      summary:
        'Seconds after which an idle client is disconnected; 0: never. CONFIG SET changes it, as all that follow.',
      commands: LISTENING,
      defaultValue: 0,
      placeholder: 'SECONDS',
    },
  ),
  tcpKeepalive: integerOption(
    { min: 0, max: INT_MAX },
    {
      summary: 'Seconds of silence after which TCP asks whether a client is still there; 0: never.',
      commands: LISTENING,
      defaultValue: 300,
      placeholder: 'SECONDS',
    },
  ),
  clientQueryBufferLimit: redisOption('client-query-buffer-limit', {
    summary: 'Most that a client may have sent of requests that are not whole; a client with more is disconnected.',
    allowed: 'bytes, at least 1048576; units such as kb, mb and gb may follow',
  }),
  clientOutputBufferLimit: redisOption('client-output-buffer-limit', {
    summary:
      'Most that a client may leave unread: class (normal; pubsub: MONITOR), hard limit, soft limit, seconds above the soft one. A client above it is disconnected.',
    allowed: "four words for each class, such as 'normal 256mb 64mb 60'; 0 means no limit",
  }),
  protoMaxBulkLen: redisOption('proto-max-bulk-len', {
    summary: 'Longest argument of a command.',
    allowed: 'bytes, at least 1048576; units such as kb, mb and gb may follow',
  }),
  workers: integerOption(
    { min: 1, max: limits.proxyWorkers },
    {
      summary:
        'Processes that serve the clients of the proxy together, on the same ports; more than one use several processor cores, and one more process has the ports and looks after them.',
      commands: ['proxy'],
      defaultValue: 1,
    },
  ),
  shutdownTimeout: integerOption(
    { min: 0, max: 86_400 },
    {
      summary:
        'Seconds at most that a stop (SIGTERM) waits for clients to get the replies to what they have sent; it takes no new connections meanwhile.',
      commands: LISTENING,
      defaultValue: 10,
      placeholder: 'SECONDS',
    },
  ),
} as const;

function withinMode(mode: number): { readonly ok: true; readonly value: number } | { readonly ok: false } {
  return mode <= 0o777 ? { ok: true, value: mode } : { ok: false };
}
