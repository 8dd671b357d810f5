import { limits } from '../../base/limits.ts';
import { type CommandName, durationOption, integerOption, textOption, yesNoOption } from '../option.ts';

const SEALING: readonly CommandName[] = ['start', 'proxy', 'cluster init'];
const MAX_MIB_PER_SECOND = 1_000_000;
const DAY_MS = 86_400_000;

/** Options about encryption keys, beside --keystore. */
export const keyOptions = {
  keystoreCommand: textOption(true, {
    summary:
      "Command for the shell that writes the keystore to its standard output, in the place of --keystore: the way to a key management system. It is run at the start, every minute and on SIGHUP; what it writes is never logged. 'junokv keys' cannot change such a keystore.",
    commands: SEALING,
    defaultValue: '',
    defaultText: 'none: --keystore',
    placeholder: 'COMMAND',
    secret: true,
  }),
  activateAfter: durationOption(
    { minMs: limits.keyActivationMinMs, maxMs: 30 * DAY_MS },
    {
      summary:
        'How long a new key version waits before it seals: in that time every proxy must have the changed keystore. 30 s are plenty where all use one file; more is needed where copies of it travel.',
      commands: ['keys rotate'],
      defaultValue: 30_000,
      defaultText: '30s',
      lineOnly: true,
    },
  ),
  reencrypt: yesNoOption({
    summary: 'Wait until the new version seals, then seal everything anew with it, as keys reencrypt does.',
    commands: ['keys rotate'],
    defaultValue: false,
    defaultText: 'no',
    lineOnly: true,
  }),
  reencryptRate: integerOption(
    { min: 0, max: MAX_MIB_PER_SECOND },
    {
      summary: 'MiB a second that are looked at most, on all nodes together; 0: as fast as it goes.',
      commands: ['keys rotate', 'keys reencrypt'],
      defaultValue: 32,
      placeholder: 'MIB_PER_SECOND',
      lineOnly: true,
      name: 'rate',
    },
  ),
} as const;
