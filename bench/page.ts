import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { plotsOf } from './plots.ts';
import type { Results } from './results.ts';
import { resultsText } from './results-text.ts';
import { type Counted, recorded, recordedSections, recordSection } from './sections.ts';

const DOCS = fileURLToPath(new URL('../docs', import.meta.url));
const PICTURES = join(DOCS, 'performance');
export const PAGE_FILE = join(DOCS, 'performance.md');
const RESULTS_FILE = join(PICTURES, 'results.json');
const INTRODUCTION_FILE = fileURLToPath(new URL('performance-introduction.md', import.meta.url));
const NOTICE =
  '<!-- Made by npm run bench from bench/performance-introduction.md and docs/performance/*.json. Do not edit. -->';

/** The figures that the page is made of; null before any were recorded. */
export function readResults(): Results | null {
  return recorded<Results>(PICTURES, 'results');
}

/** docs/performance.md: the part written by hand, then what was measured. */
export function pageText(results: Results | null): string {
  const introduction = readFileSync(INTRODUCTION_FILE, 'utf8').trim();
  const measured = results === null ? 'No figures have been recorded yet.' : resultsText(results, plotsOf(results));
  const sections = recordedSections(PICTURES).map(({ text }) => text);
  return `${[NOTICE, introduction, measured.trim(), ...sections].join('\n\n')}\n`;
}

/** Writes the page with a new section on what operations cost. */
export function writeSection(counted: Counted): void {
  mkdirSync(PICTURES, { recursive: true });
  recordSection(PICTURES, counted);
  writePage(null);
}

/** Writes the page, and with new results the figures and pictures that belong to it. */
export function writePage(fresh: Results | null): void {
  if (fresh !== null) {
    mkdirSync(PICTURES, { recursive: true });
    writeFileSync(RESULTS_FILE, `${JSON.stringify(fresh)}\n`);
  }
  const results = fresh ?? readResults();
  const sections = recordedSections(PICTURES).flatMap(({ plots }) => plots);
  const plots = [...(results === null ? [] : plotsOf(results)), ...sections];
  if (plots.length > 0) {
    for (const file of readdirSync(PICTURES)) if (file.endsWith('.svg')) rmSync(join(PICTURES, file));
    for (const { file, svg } of plots) writeFileSync(join(PICTURES, file), svg);
  }
  writeFileSync(PAGE_FILE, pageText(results));
}
