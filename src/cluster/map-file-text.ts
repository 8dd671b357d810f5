import { limits } from '../base/limits.ts';
import { clusterMapFromJson, clusterMapToJson } from './cluster-map-text.ts';
import type { StoreResult } from './config-store.ts';
import type { ClusterMap } from './map.ts';

/** What a cluster-map file holds. */
export interface MapFileContents {
  readonly lastProposerId: number;
  readonly map: ClusterMap | null;
}

/** JSON that a person can read. */
export function mapFileText(contents: MapFileContents): string {
  const map = contents.map === null ? null : clusterMapToJson(contents.map);
  return `${JSON.stringify({ lastProposerId: contents.lastProposerId, map }, null, 2)}\n`;
}

/** What stands in a cluster-map file whose cluster lives elsewhere now; whoever reads it is told where. */
export function movedFileText(movedTo: string): string {
  return `${JSON.stringify({ movedTo }, null, 2)}\n`;
}

/** Reads what `mapFileText` wrote. */
export function mapFileContents(text: string): StoreResult<MapFileContents> {
  if (text.length > limits.clusterMapChars) return { ok: false, problem: `longer than ${limits.clusterMapChars}` };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { ok: false, problem: `not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  if (typeof json === 'object' && json !== null && 'movedTo' in json) {
    return { ok: false, problem: `the cluster has moved to ${String(json.movedTo)}` };
  }
  if (typeof json !== 'object' || json === null || !('lastProposerId' in json) || !('map' in json)) {
    return { ok: false, problem: 'is not a cluster-map file (it must hold lastProposerId and map)' };
  }
  const { lastProposerId } = json;
  if (typeof lastProposerId !== 'number' || !Number.isInteger(lastProposerId) || lastProposerId < 0) {
    return { ok: false, problem: 'lastProposerId is not a number of proposers' };
  }
  if (json.map === null) return { ok: true, value: { lastProposerId, map: null } };
  const decoded = clusterMapFromJson(json.map);
  if (!decoded.ok) return { ok: false, problem: decoded.problems.join('; ') };
  return { ok: true, value: { lastProposerId, map: decoded.map } };
}
