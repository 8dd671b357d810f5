import { ErrorReply, MapReply, OK, type Reply, SetReply, SYNTAX_ERROR } from '../../resp/reply.ts';
import type { Session } from '../session.ts';
import { argument, optionName } from './keyed-row.ts';

const NO_TRACKING = new ErrorReply(
  'ERR CLIENT TRACKING is not supported here yet: cached keys would not be invalidated',
);
const NOT_IN_TRACKING_MODE = new ErrorReply(
  'ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled',
);
/** Redis's CLIENT GETREDIR of a connection that does not track. */
const NOT_TRACKING = -1;

/** Switching it off is always possible; switching it on would be a promise that nobody keeps. */
export function runTracking(_session: Session, args: readonly Buffer[]): Reply {
  const word = optionName(argument(args, 2));
  if (word === 'on') return NO_TRACKING;
  return word === 'off' ? OK : SYNTAX_ERROR;
}

export function runTrackingInfo(): Reply {
  return new MapReply([
    ['flags', new SetReply(['off'])],
    ['redirect', NOT_TRACKING],
    ['prefixes', []],
  ]);
}

export function runGetRedirection(): Reply {
  return NOT_TRACKING;
}

export function runCaching(): Reply {
  return NOT_IN_TRACKING_MODE;
}
