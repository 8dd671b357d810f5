import { type CommandName, choiceOption, integerOption, textOption, yesNoOption } from '../option.ts';

const MAX_MIB_PER_SECOND = 1_000_000;
const IMPORT: readonly CommandName[] = ['import'];

/** Options of import and export alone. */
export const importOptions = {
  follow: yesNoOption({
    summary:
      'Import as a replica of the source, so that what is written there meanwhile comes too, until it is stopped (SIGINT).',
    commands: IMPORT,
    defaultValue: false,
    defaultText: 'no',
    lineOnly: true,
  }),
  untilCaughtUp: yesNoOption({
    summary: 'With --follow: end once everything that the source had been told by then has been written.',
    commands: IMPORT,
    defaultValue: false,
    defaultText: 'no',
    lineOnly: true,
  }),
  importVerify: yesNoOption({
    summary: 'At the end compare the decoded content and the expiry of every key of the source with the target.',
    commands: IMPORT,
    defaultValue: false,
    defaultText: 'no',
    lineOnly: true,
    name: 'verify',
  }),
  importMerge: yesNoOption({
    summary: 'Import also where there are keys: those that the source has, too, are replaced, the others stay.',
    commands: IMPORT,
    defaultValue: false,
    defaultText: 'no',
    lineOnly: true,
    name: 'merge',
  }),
  importState: textOption(false, {
    summary:
      'Directory that holds how far the import is, and with --follow what the source has sent: the same command goes on from there. Removed at the end.',
    commands: IMPORT,
    defaultValue: 'junokv-import',
    defaultText: './junokv-import',
    placeholder: 'DIRECTORY',
    lineOnly: true,
    name: 'state',
  }),
  sourcePassword: textOption(true, {
    summary: "The source's password, where it is not in its URL. Better in the environment.",
    commands: IMPORT,
    defaultValue: '',
    defaultText: 'none',
    placeholder: 'PASSWORD',
    secret: true,
  }),
  sourceCacert: textOption(true, {
    summary: 'Of a rediss:// source: file with the certificates (PEM) that its own is checked against.',
    commands: IMPORT,
    defaultValue: '',
    defaultText: "the system's",
    placeholder: 'FILE',
  }),
  importRate: integerOption(
    { min: 0, max: MAX_MIB_PER_SECOND },
    {
      summary: 'MiB of values a second that are copied at most; 0: as fast as it goes.',
      commands: ['import', 'export'],
      defaultValue: 0,
      placeholder: 'MIB_PER_SECOND',
      lineOnly: true,
      name: 'rate',
    },
  ),
  sourceDatabases: choiceOption(['all', 'one'], {
    summary: 'Databases to import: all of them, each into the one of the same number, or only the one of the URL.',
    commands: IMPORT,
    defaultValue: 'all',
    lineOnly: true,
    name: 'databases',
  }),
} as const;
