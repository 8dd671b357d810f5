import { hashCommands, listCommands, setCommands } from './random/collections.ts';
import { describeSequences } from './random/describe-sequences.ts';
import { kindOf } from './random/run-sequences.ts';
import { geoCommands, lexCommands, zsetCommands } from './random/sorted-sets.ts';

describeSequences('random commands on collections', [
  kindOf('hashes', hashCommands),
  kindOf('lists', listCommands),
  kindOf('sets', setCommands),
  kindOf('sorted sets', zsetCommands),
  kindOf('sorted sets of one score', lexCommands),
  kindOf('places', geoCommands),
]);
