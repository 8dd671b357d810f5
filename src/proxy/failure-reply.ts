import { unreachable } from '../base/assert.ts';
import type { Failure } from '../base/failure.ts';
import { ErrorReply } from '../resp/reply.ts';

/** A failure as clients see it: the first word tells what they may assume, the rest says it in words. */
export function failureReply(failure: Failure): ErrorReply {
  const detail = oneLine(failure.detail);
  switch (failure.kind) {
    case 'unavailable':
      return new ErrorReply(`UNAVAILABLE ${detail}. Nothing was changed; it is safe to try again`);
    case 'uncertain':
      return new ErrorReply(`UNCERTAIN ${detail}. The change may or may not have been made, or may still be made`);
    case 'busy':
      return new ErrorReply(`BUSY ${detail}. Nothing was changed; try again later`);
    case 'full':
      return new ErrorReply(`OOM command not allowed: ${detail}. Nothing was changed; reads and deletions go on`);
    case 'corrupt':
      return new ErrorReply(`ERR ${detail}. The stored value cannot be read on enough replicas; nothing was changed`);
    default:
      return unreachable(failure);
  }
}

/**
 * The reply of a command over several keys, some of which failed. `done` of `total` keys were carried out; `writes` says
 * that those may have been changed, so that "nothing was changed" would not be true of the whole command.
 */
export function partialFailureReply(failure: Failure, writes: boolean, done: number, total: number): ErrorReply {
  if (!writes || done === 0 || failure.kind === 'uncertain') return failureReply(failure);
  const detail = oneLine(failure.detail);
  return new ErrorReply(`UNCERTAIN ${detail}. ${done} of ${total} keys were done, the others were not`);
}

/** What an unexpected exception in a command's code is answered with; the log has the rest. */
export const INTERNAL_ERROR = new ErrorReply('ERR internal error');

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]/g, ' ').replace(/\.$/, '');
}
