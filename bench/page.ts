import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { plotsOf } from './plots.ts';
import type { Results } from './results.ts';
import { resultsText } from './results-text.ts';

const DOCS = fileURLToPath(new URL('../docs', import.meta.url));
const PICTURES = join(DOCS, 'performance');
export const PAGE_FILE = join(DOCS, 'performance.md');
const RESULTS_FILE = join(PICTURES, 'results.json');
const INTRODUCTION_FILE = fileURLToPath(new URL('performance-introduction.md', import.meta.url));
const NOTICE =
  '<!-- Made by npm run bench from bench/performance-introduction.md and docs/performance/results.json. Do not edit. -->';

/** The figures that the page is made of; null before any were recorded. */
export function readResults(): Results | null {
  try {
    return JSON.parse(readFileSync(RESULTS_FILE, 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** docs/performance.md: the part written by hand, then what was measured. */
export function pageText(results: Results | null): string {
  const introduction = readFileSync(INTRODUCTION_FILE, 'utf8').trim();
  const measured = results === null ? 'No figures have been recorded yet.' : resultsText(results, plotsOf(results));
  return `${NOTICE}\n\n${introduction}\n\n${measured.trim()}\n`;
}

/** Writes the page, and with new results the figures and pictures that belong to it. */
export function writePage(fresh: Results | null): void {
  if (fresh !== null) {
    mkdirSync(PICTURES, { recursive: true });
    writeFileSync(RESULTS_FILE, `${JSON.stringify(fresh)}\n`);
  }
  const results = fresh ?? readResults();
  if (results !== null) {
    for (const file of readdirSync(PICTURES)) if (file.endsWith('.svg')) rmSync(join(PICTURES, file));
    for (const { file, svg } of plotsOf(results)) writeFileSync(join(PICTURES, file), svg);
  }
  writeFileSync(PAGE_FILE, pageText(results));
}
