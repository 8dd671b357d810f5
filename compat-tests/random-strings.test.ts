import { describeSequences } from './random/describe-sequences.ts';
import { kindOf } from './random/run-sequences.ts';
import { bitmapCommands, counterCommands, stringCommands } from './random/strings.ts';

describeSequences('random commands on strings', [
  kindOf('strings', stringCommands),
  kindOf('bitmaps', bitmapCommands),
  kindOf('HyperLogLogs', counterCommands),
]);
