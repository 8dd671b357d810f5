import { ACCESS_NAMES, isPasswordHash } from '../../cluster/user-list.ts';
import { type CommandName, choiceOption, type Option, textOption } from '../option.ts';

/** Commands on the users in the config store. */
export const USER_COMMANDS: readonly CommandName[] = ['users list', 'users set', 'users remove'];
const SET: readonly CommandName[] = ['users set'];

export const userOptions = {
  userAccess: choiceOption(['', ...ACCESS_NAMES], {
    summary: 'What the user may do: read, also write, or also administer.',
    commands: SET,
    defaultValue: '',
    defaultText: 'as it is; of a new user it must be given',
    placeholder: 'read|write|admin',
    allowed: 'read, write or admin',
    lineOnly: true,
    name: 'access',
  }),
  userNamespace: textOption(true, {
    summary: "Namespace that the user cannot leave; '' takes such a bond away.",
    commands: SET,
    defaultValue: '',
    defaultText: 'as it is; a new user may go anywhere',
    placeholder: 'NAME',
    lineOnly: true,
    name: 'namespace',
  }),
  userPasswordHash: {
    ...textOption(true, {
      summary:
        "Hash of the password, as 'junokv hash-password' prints it; '-' reads the password itself from standard input.",
      commands: SET,
      defaultValue: '',
      defaultText: 'as it is; of a new user - is meant',
      placeholder: 'HASH',
      allowed: "sha256: and 64 hex digits, or '-'",
      secret: true,
      lineOnly: true,
      name: 'password-hash',
    }),
    parse(text) {
      return text === '' || text === '-' || isPasswordHash(text) ? { ok: true, value: text } : { ok: false };
    },
  } satisfies Option<string>,
} as const;
