import { BadRdb, type RdbFeed, type Waiting } from './rdb-feed.ts';
import { RdbType } from './rdb-format.ts';
import type { unitsOf } from './rdb-value.ts';

/*
 * Going over values without reading them: by their lengths alone.
 */

const STREAM_ID_BYTES = 16;
const MILLISECONDS_BYTES = 8;
const DOUBLE_BYTES = 8;
/** A longer text is no number of its own, but one of three that have no text. */
const LONGEST_SCORE_TEXT = 252;

/** One unit of a collection (`unitsOf`), or the string that it is. */
export function* skipUnit(feed: RdbFeed, units: ReturnType<typeof unitsOf>): Waiting {
  switch (units) {
    case 'packed':
    case 'strings':
      yield* feed.string();
      return;
    case 'pairs':
      yield* feed.string();
      yield* feed.string();
      return;
    case 'timed-pairs':
      yield* feed.count();
      yield* feed.string();
      yield* feed.string();
      return;
    case 'doubles':
      yield* feed.string();
      yield* feed.skip(DOUBLE_BYTES);
      return;
    case 'texts': {
      yield* feed.string();
      const length = yield* feed.byte();
      if (length <= LONGEST_SCORE_TEXT) yield* feed.skip(length);
      return;
    }
    case 'nodes':
      yield* feed.count();
      yield* feed.string();
  }
}

/** A value of a type that is not taken. */
export function* skipUnsupported(feed: RdbFeed, type: number): Waiting {
  switch (type) {
    case RdbType.streamListpacks:
    case RdbType.streamListpacks2:
    case RdbType.streamListpacks3:
      yield* skipStream(feed, type);
      return;
    case RdbType.module:
      yield* feed.count();
      yield* skipModuleFields(feed);
      return;
    case RdbType.moduleWithoutMarkers:
      throw new BadRdb('a value of a module of Redis 4, whose end cannot be told');
    default:
      throw new BadRdb(`a value of unknown type ${type}`);
  }
}

function* skipStream(feed: RdbFeed, type: number): Waiting {
  const isSecond = type >= RdbType.streamListpacks2;
  for (let left = yield* feed.count(); left > 0; left--) yield* skipUnit(feed, 'pairs');
  // Length and last id; since the second form first id, largest deleted id and entries added.
  for (let left = isSecond ? 8 : 3; left > 0; left--) yield* feed.count();
  for (let groups = yield* feed.count(); groups > 0; groups--) {
    yield* feed.string();
    for (let left = isSecond ? 3 : 2; left > 0; left--) yield* feed.count();
    for (let pending = yield* feed.count(); pending > 0; pending--) {
      yield* feed.skip(STREAM_ID_BYTES + MILLISECONDS_BYTES);
      yield* feed.count();
    }
    for (let consumers = yield* feed.count(); consumers > 0; consumers--) {
      yield* feed.string();
      yield* feed.skip(type >= RdbType.streamListpacks3 ? 2 * MILLISECONDS_BYTES : MILLISECONDS_BYTES);
      for (let pending = yield* feed.count(); pending > 0; pending--) yield* feed.skip(STREAM_ID_BYTES);
    }
  }
}

/** Fields of a module's value, each with what it is, up to the end mark. */
export function* skipModuleFields(feed: RdbFeed): Waiting {
  for (;;) {
    switch (yield* feed.count()) {
      case 0:
        return;
      case 1:
      case 2:
        yield* feed.count();
        break;
      case 3:
        yield* feed.skip(4);
        break;
      case 4:
        yield* feed.skip(DOUBLE_BYTES);
        break;
      case 5:
        yield* feed.string();
        break;
      default:
        throw new BadRdb('an unknown field in the value of a module');
    }
  }
}
