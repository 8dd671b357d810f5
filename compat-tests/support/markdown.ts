import { readFileSync } from 'node:fs';

/** A page below docs/. */
export function readPage(path: string): string {
  return readFileSync(new URL(`../../docs/${path}`, import.meta.url), 'utf8');
}

/** The rows of the first table after a heading, each cell trimmed; without the rows of titles and dashes. */
export function tableAfter(page: string, heading: string): string[][] {
  const start = page.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`no heading ${heading}`);
  const lines = page.slice(start + heading.length + 2).split('\n');
  const first = lines.findIndex((line) => line.startsWith('|'));
  const length = lines.slice(first).findIndex((line) => !line.startsWith('|'));
  return lines.slice(first + 2, first + length).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** What stands in backquotes, without them. */
export function codesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
}

export interface RunnableBlock {
  readonly code: string;
  /** What the page says that it prints. */
  readonly output: string;
}

/** The blocks marked `ts runnable`, each with the `text` block that follows. */
export function runnableBlocks(page: string): RunnableBlock[] {
  const pattern = /^```ts runnable\n(.*?)^```\n\n(?:[^\n]+\n\n)?```text\n(.*?)^```$/gms;
  const blocks = [...page.matchAll(pattern)].map(([, code = '', output = '']) => ({ code, output }));
  const marked = page.split('```ts runnable\n').length - 1;
  if (blocks.length !== marked) throw new Error(`${marked - blocks.length} runnable blocks lack their output`);
  return blocks;
}
