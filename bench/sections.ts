import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { collectionsText } from './collections-text.ts';
import { connectionsText } from './connections-text.ts';
import { leastText } from './least-text.ts';
import type { CollectionsResult } from './measure-collections.ts';
import type { ConnectionsResult } from './measure-connections.ts';
import type { LeastResult } from './measure-least.ts';
import type { RoomsResult } from './measure-rooms.ts';
import type { ScaleResult } from './measure-scale.ts';
import type { Plot } from './plots.ts';
import { roomsPlots, roomsText } from './rooms-text.ts';
import { scalePlots, scaleText } from './scale-text.ts';

/** A part of docs/performance.md that a command of its own measures. */
export interface Section {
  readonly text: string;
  readonly plots: readonly Plot[];
}

/** What was measured, by the command that did. */
export type Counted =
  | { readonly mode: 'rooms'; readonly result: RoomsResult }
  | { readonly mode: 'least'; readonly result: LeastResult }
  | { readonly mode: 'scale'; readonly result: ScaleResult }
  | { readonly mode: 'connections'; readonly result: ConnectionsResult }
  | { readonly mode: 'collections'; readonly result: CollectionsResult };

const TITLES = {
  rooms: 'Where the time goes',
  least: 'What the limit is',
  scale: 'More nodes',
  connections: 'Many connections',
  collections: 'Large collections',
} as const;

export function sectionOf(counted: Counted): Section {
  const { text, plots } = contentOf(counted);
  const pictures = plots.map(({ file, caption }) => `![${caption}](performance/${file})`);
  const by = `Measured by \`npm run bench -- --${counted.mode} --write-docs\`, apart from the figures above.`;
  return { text: [`## ${TITLES[counted.mode]}`, by, text, ...pictures].join('\n\n'), plots };
}

function contentOf({ mode, result }: Counted): Section {
  switch (mode) {
    case 'rooms':
      return { text: roomsText(result), plots: roomsPlots(result) };
    case 'least':
      return { text: leastText(result), plots: [] };
    case 'scale':
      return { text: scaleText(result), plots: scalePlots(result) };
    case 'connections':
      return { text: connectionsText(result), plots: [] };
    case 'collections':
      return { text: collectionsText(result), plots: [] };
  }
}

/** Keeps the figures for the page. */
export function recordSection(folder: string, { mode, result }: Counted): void {
  writeFileSync(join(folder, `${mode}.json`), `${JSON.stringify(result)}\n`);
}

/** Those that were recorded. */
export function recordedSections(folder: string): Section[] {
  const rooms = recorded<RoomsResult>(folder, 'rooms');
  const least = recorded<LeastResult>(folder, 'least');
  const scale = recorded<ScaleResult>(folder, 'scale');
  const connections = recorded<ConnectionsResult>(folder, 'connections');
  const collections = recorded<CollectionsResult>(folder, 'collections');
  return [
    ...(rooms === null ? [] : [sectionOf({ mode: 'rooms', result: rooms })]),
    ...(least === null ? [] : [sectionOf({ mode: 'least', result: least })]),
    ...(scale === null ? [] : [sectionOf({ mode: 'scale', result: scale })]),
    ...(connections === null ? [] : [sectionOf({ mode: 'connections', result: connections })]),
    ...(collections === null ? [] : [sectionOf({ mode: 'collections', result: collections })]),
  ];
}

/** A file in JSON; null where there is none. */
export function recorded<T>(folder: string, name: string): T | null {
  try {
    const value: T = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
    return value;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
