import { describeSequences } from './random/describe-sequences.ts';
import { NAMED_DATABASES, nameCommands } from './random/keys.ts';
import { kindOf } from './random/run-sequences.ts';
import { blocksOfCommands, severalKeysCommands } from './random/several-keys.ts';
import { watchedSequences } from './random/watched.ts';
import { sameEncodingAfterSort } from './support/comparisons.ts';

const encoding = sameEncodingAfterSort;

describeSequences('random commands over several keys', [
  kindOf('outside MULTI', severalKeysCommands, { encoding }),
  kindOf('within MULTI, watched and not', severalKeysCommands, { encoding, sequences: blocksOfCommands }),
  kindOf('what WATCH takes for a write', severalKeysCommands, { encoding, sequences: watchedSequences }),
  kindOf('names, databases, expiries and SORT', nameCommands, { encoding, databases: NAMED_DATABASES }),
]);
