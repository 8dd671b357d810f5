import type { Incarnation, JunoError } from '../../juno-ext/client/src/types.ts';

/** Why a verb did not do what it was asked: the client's reasons, and those of this process. */
export type VerbError =
  | JunoError
  /** The command line or the configuration is wrong; nothing was sent. */
  | { readonly kind: 'usage'; readonly message: string }
  /** A file, or standard input or output, cannot be read or written. */
  | { readonly kind: 'file'; readonly message: string };

/** Exit codes of the data verbs; docs/cli.md lists them. */
export const VERB_OK = 0;
/** Asked for wrongly, or refused for good: the same call again would end the same way. */
export const VERB_REFUSED = 1;
/** The key is not as the call expects: absent, there already, or of another version. */
export const VERB_KEY_DIFFERS = 2;
/** Nothing was changed; later it may go. */
export const VERB_NOT_NOW = 3;
/** Not known whether it happened; repeating it with its request id is safe. */
export const VERB_UNCERTAIN = 4;

export function exitCodeOf(error: VerbError): number {
  switch (error.kind) {
    case 'duplicate-key':
    case 'no-key':
    case 'version-conflict':
      return VERB_KEY_DIFFERS;
    case 'unavailable':
    case 'busy':
      return VERB_NOT_NOW;
    case 'uncertain':
    case 'timed-out':
    case 'aborted':
      return VERB_UNCERTAIN;
    default:
      return VERB_REFUSED;
  }
}

/** One sentence or two for people, without a newline at the end. */
export function describeError(error: VerbError): string {
  switch (error.kind) {
    case 'duplicate-key':
      return `the key is there already${shownIncarnation(error.current)}`;
    case 'no-key':
      return 'there is no such key';
    case 'version-conflict':
      return `the record is not the version asked for${shownIncarnation(error.current)}`;
    case 'uncertain':
    case 'timed-out':
    case 'aborted':
      return `${error.message}${repeatAdvice(error.requestId)}`;
    case 'unavailable':
    case 'busy':
      // Of a proxy's own words this is a part already.
      return /nothing was changed/i.test(error.message) ? error.message : `${error.message} (nothing was changed)`;
    case 'unreadable-payload':
      return error.keyName === null ? error.message : `${error.message}; see --keystore-client`;
    default:
      return error.message;
  }
}

/** The error as --json shows it. */
export function errorJson(error: VerbError): unknown {
  return { ok: false, error, exitCode: exitCodeOf(error) };
}

function shownIncarnation(current: Incarnation | null): string {
  if (current === null) return '';
  return `: it has version ${current.recordVersion}, created ${current.creationTimeMs}`;
}

function repeatAdvice(requestId: string | null): string {
  if (requestId === null) return '';
  return `\nThe write may or may not have happened. Repeat it with --request-id ${requestId}: it is not done twice.`;
}
