import { limits } from '../base/limits.ts';
import { isHostAndPort } from './host-and-port.ts';
import {
  type CommandName,
  choiceOption,
  durationOption,
  integerOption,
  listOption,
  type Option,
  textOption,
  wholeNumberOption,
  yesNoOption,
} from './option.ts';

/** Commands that are one operation on one key. */
const DATA: readonly CommandName[] = ['create', 'get', 'update', 'set', 'destroy', 'locate', 'inspect'];
/** Commands that connect to a running cluster. */
const CONNECTING: readonly CommandName[] = [...DATA];
/** Commands that ask a running cluster about itself. */
const ADMINISTERING: readonly CommandName[] = ['namespace list', 'namespace create', 'limits get', 'limits set'];
const REACHING: readonly CommandName[] = [...CONNECTING, ...ADMINISTERING];
/** ... and the load generator, which only connects in the same way. */
const CONNECTING_OR_LOAD: readonly CommandName[] = [...CONNECTING, 'load'];
/** Commands that choose a namespace, whose databases they see all. */
const IN_NAMESPACE: readonly CommandName[] = [...CONNECTING_OR_LOAD, 'import', 'export'];
const REACHING_OR_LOAD: readonly CommandName[] = [
  ...REACHING,
  'load',
  'backup',
  'restore',
  'import',
  'export',
  'backup compare',
  'cluster verify',
  'top',
  'keys list',
  'keys rotate',
  'keys reencrypt',
  'keys retire',
];
const WITH_VALUE: readonly CommandName[] = ['create', 'get', 'update', 'set'];
const STORING_VALUE: readonly CommandName[] = ['create', 'update', 'set'];
const CONDITIONAL: readonly CommandName[] = ['update', 'destroy'];

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Options of the commands that are clients of a running cluster. */
export const clientOptions = {
  target: listOption((item) => isHostAndPort(item), {
    summary: 'Proxies of the cluster; any of them serves every key, and the next one is asked where one fails.',
    commands: REACHING_OR_LOAD,
    defaultValue: ['127.0.0.1:6379'],
    defaultText: '127.0.0.1:6379',
    placeholder: 'HOST:PORT,...',
    allowed: 'HOST:PORT, separated by commas',
  }),
  username: textOption(true, {
    summary: 'User to authenticate as.',
    commands: REACHING_OR_LOAD,
    defaultValue: '',
    defaultText: "the default user, who has the proxy's --requirepass",
    placeholder: 'NAME',
  }),
  password: textOption(true, {
    summary:
      'Password to authenticate with. Better in the environment or with --password-file: a command line can be seen by others on the machine.',
    commands: REACHING_OR_LOAD,
    defaultValue: '',
    defaultText: 'none',
    placeholder: 'PASSWORD',
    secret: true,
  }),
  passwordFile: textOption(true, {
    summary: 'File whose first line is the password.',
    commands: REACHING_OR_LOAD,
    defaultValue: '',
    defaultText: 'none',
    placeholder: 'FILE',
  }),
  namespace: textOption(true, {
    summary: 'Namespace of the key, or of the databases that are imported or exported.',
    commands: IN_NAMESPACE,
    defaultValue: '',
    defaultText: "the user's own, else 'default'",
    placeholder: 'NAME',
  }),
  database: integerOption(
    { min: 0, max: 15 },
    { summary: 'Database of the namespace, as with SELECT.', commands: CONNECTING_OR_LOAD, defaultValue: 0 },
  ),
  deadline: durationOption(
    { minMs: 1, maxMs: limits.cliDeadlineMaxMs },
    {
      summary: 'How long an answer is waited for, retries included.',
      commands: REACHING,
      defaultValue: 5_000,
      defaultText: '5s',
    },
  ),
  json: yesNoOption({
    summary: 'Print one JSON object on standard output, for errors too.',
    commands: [...REACHING_OR_LOAD, 'backup verify', 'cluster plan', 'cluster status', 'users list'],
    defaultValue: false,
    defaultText: 'no',
  }),
  once: yesNoOption({
    summary: 'Print one frame and end, as where standard output is no terminal.',
    commands: ['top'],
    defaultValue: false,
    defaultText: 'no',
    lineOnly: true,
  }),
  hex: yesNoOption({
    summary: 'The key and the value of the command line are hexadecimal, and so is what is printed. Files are not.',
    commands: DATA,
    defaultValue: false,
    defaultText: 'no',
    lineOnly: true,
  }),
  context: yesNoOption({
    summary: 'Also print version, times and request id, as a table (of get: on standard error).',
    commands: WITH_VALUE,
    defaultValue: false,
    defaultText: 'no',
    lineOnly: true,
  }),
  file: textOption(false, {
    summary: "File that holds the value ('-': standard input); of get: file to put it into ('-': standard output).",
    commands: WITH_VALUE,
    defaultValue: '',
    defaultText: 'none',
    placeholder: 'FILE',
    lineOnly: true,
  }),
  ttl: durationOption(
    { minMs: 0, maxMs: Number.MAX_SAFE_INTEGER },
    {
      summary: 'Time to live; it can only grow. 0: what the namespace gives a new key, and no change to an old one.',
      commands: WITH_VALUE,
      defaultValue: 0,
      lineOnly: true,
    },
  ),
  version: wholeNumberOption(1, {
    summary: 'Only if the record has exactly this version.',
    commands: CONDITIONAL,
    defaultValue: 0,
    defaultText: 'any',
    lineOnly: true,
  }),
  created: wholeNumberOption(0, {
    summary: 'With --version: only if the key was created then, in Unix milliseconds, and not destroyed since.',
    commands: CONDITIONAL,
    defaultValue: 0,
    defaultText: 'any',
    placeholder: 'TIME_MS',
    lineOnly: true,
  }),
  requestId: {
    ...textOption(true, {
      summary: 'UUID of this write, with which it can be repeated and is never done twice.',
      commands: [...STORING_VALUE, 'destroy'],
      defaultValue: '',
      defaultText: 'a new one',
      placeholder: 'UUID',
      allowed: 'a UUID',
      lineOnly: true,
    }),
    parse(text) {
      return UUID.test(text) ? { ok: true, value: text.toLowerCase() } : { ok: false };
    },
  } satisfies Option<string>,
  keystoreClient: textOption(true, {
    summary: 'File with keys that values are sealed with here, before they are sent; see docs/cli.md.',
    commands: WITH_VALUE,
    defaultValue: '',
    defaultText: 'none',
    placeholder: 'FILE',
  }),
  compress: choiceOption(['none', 'gzip', 'brotli'], {
    summary: 'Compress the value before it is sent. Reading needs no option.',
    commands: STORING_VALUE,
    defaultValue: 'none',
  }),
} as const;
