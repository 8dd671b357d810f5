import { type CommandName, integerOption, textOption, yesNoOption } from '../option.ts';

const MAX_MIB_PER_SECOND = 1_000_000;
const COPYING: readonly CommandName[] = ['backup', 'restore'];

/** Options of the backup commands alone. */
export const backupOptions = {
  since: textOption(false, {
    summary: 'Directory of an earlier backup: only what has changed since is stored, and both are needed to restore.',
    commands: ['backup'],
    defaultValue: '',
    defaultText: 'none: a full backup',
    placeholder: 'DIRECTORY',
    lineOnly: true,
  }),
  backupRate: integerOption(
    { min: 0, max: MAX_MIB_PER_SECOND },
    {
      summary: 'MiB a second that are copied at most; 0: as fast as it goes.',
      commands: COPYING,
      defaultValue: 0,
      placeholder: 'MIB_PER_SECOND',
      lineOnly: true,
      name: 'rate',
    },
  ),
  merge: yesNoOption({
    summary: 'Restore also where there are keys: a key that was changed later than in the backup stays as it is.',
    commands: ['restore'],
    defaultValue: false,
    defaultText: 'no',
    lineOnly: true,
  }),
  replace: yesNoOption({
    summary: "First remove all keys of the backup's namespaces.",
    commands: ['restore'],
    defaultValue: false,
    defaultText: 'no',
    lineOnly: true,
  }),
} as const;
