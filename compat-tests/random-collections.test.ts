import { COLLECTION_KEYS, hashCommands, listCommands, setCommands } from './random/collections.ts';
import { describeSequences } from './random/describe-sequences.ts';
import { kindOf } from './random/run-sequences.ts';
import { GEO_KEYS, geoCommands, lexCommands, zsetCommands } from './random/sorted-sets.ts';

describeSequences('random commands on collections', [
  kindOf('hashes', COLLECTION_KEYS, hashCommands),
  kindOf('lists', COLLECTION_KEYS, listCommands),
  kindOf('sets', COLLECTION_KEYS, setCommands),
  kindOf('sorted sets', COLLECTION_KEYS, zsetCommands),
  kindOf('sorted sets of one score', COLLECTION_KEYS, lexCommands),
  kindOf('places', GEO_KEYS, geoCommands),
]);
