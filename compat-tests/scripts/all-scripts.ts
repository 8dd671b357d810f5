import type { Script } from '../support/script.ts';
import { bitmapScripts } from './bitmaps.ts';
import { clusterScripts } from './cluster.ts';
import { connectionScripts } from './connection.ts';
import { errorScripts } from './errors.ts';
import { genericScripts } from './generic.ts';
import { geoScripts } from './geo.ts';
import { hashScripts } from './hashes.ts';
import { hyperloglogScripts } from './hyperloglogs.ts';
import { listScripts } from './lists.ts';
import { maxmemoryScripts } from './maxmemory.ts';
import { numberScripts } from './numbers.ts';
import { serverScripts } from './server.ts';
import { setScripts } from './sets.ts';
import { severalSetsScripts } from './sets-several.ts';
import { severalKeysScripts } from './several-keys.ts';
import { sortScripts } from './sort.ts';
import { stringScripts } from './strings.ts';
import { swapdbScripts } from './swapdb.ts';
import { zsetScripts } from './zsets.ts';
import { severalZsetsScripts } from './zsets-several.ts';

export const allScripts: readonly Script[] = [
  ...stringScripts,
  ...bitmapScripts,
  ...hyperloglogScripts,
  ...numberScripts,
  ...hashScripts,
  ...listScripts,
  ...setScripts,
  ...severalSetsScripts,
  ...zsetScripts,
  ...severalZsetsScripts,
  ...geoScripts,
  ...genericScripts,
  ...sortScripts,
  ...severalKeysScripts,
  ...swapdbScripts,
  ...connectionScripts,
  ...serverScripts,
  ...clusterScripts,
  ...maxmemoryScripts,
  ...errorScripts,
];
