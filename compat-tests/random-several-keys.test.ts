import { describeSequences } from './random/describe-sequences.ts';
import { NAMED_DATABASES, NAMED_KEYS, nameCommands } from './random/keys.ts';
import { kindOf } from './random/run-sequences.ts';
import { blocksOfCommands, SEVERAL_KEYS, severalKeysCommands } from './random/several-keys.ts';
import { sameEncodingAfterSort } from './support/comparisons.ts';

const encoding = sameEncodingAfterSort;

describeSequences('random commands over several keys', [
  kindOf('outside MULTI', SEVERAL_KEYS, severalKeysCommands, { encoding }),
  kindOf('within MULTI, watched and not', SEVERAL_KEYS, severalKeysCommands, { encoding, sequences: blocksOfCommands }),
  kindOf('names, databases, expiries and SORT', NAMED_KEYS, nameCommands, { encoding, databases: NAMED_DATABASES }),
]);
