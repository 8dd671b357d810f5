import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
  | { readonly mode: 'scale'; readonly result: ScaleResult };

export function sectionOf(counted: Counted): Section {
  const { mode } = counted;
  const title = mode === 'rooms' ? 'Where the time goes' : 'More nodes';
  const text = counted.mode === 'rooms' ? roomsText(counted.result) : scaleText(counted.result);
  const plots = counted.mode === 'rooms' ? roomsPlots(counted.result) : scalePlots(counted.result);
  const pictures = plots.map(({ file, caption }) => `![${caption}](performance/${file})`);
  const by = `Measured by \`npm run bench -- --${mode} --write-docs\`, apart from the figures above.`;
  return { text: [`## ${title}`, by, text, ...pictures].join('\n\n'), plots };
}

/** Keeps the figures for the page. */
export function recordSection(folder: string, { mode, result }: Counted): void {
  writeFileSync(join(folder, `${mode}.json`), `${JSON.stringify(result)}\n`);
}

/** Those that were recorded. */
export function recordedSections(folder: string): Section[] {
  const rooms = recorded<RoomsResult>(folder, 'rooms');
  const scale = recorded<ScaleResult>(folder, 'scale');
  return [
    ...(rooms === null ? [] : [sectionOf({ mode: 'rooms', result: rooms })]),
    ...(scale === null ? [] : [sectionOf({ mode: 'scale', result: scale })]),
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
