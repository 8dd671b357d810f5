import { describeSequences } from './random/describe-sequences.ts';
import { kindOf } from './random/run-sequences.ts';
import {
  BITMAP_KEYS,
  bitmapCommands,
  COUNTER_KEYS,
  counterCommands,
  STRING_KEYS,
  stringCommands,
} from './random/strings.ts';

describeSequences('random commands on strings', [
  kindOf('strings', [...STRING_KEYS, 'set'], stringCommands),
  kindOf('bitmaps', BITMAP_KEYS, bitmapCommands),
  kindOf('HyperLogLogs', COUNTER_KEYS, counterCommands),
]);
