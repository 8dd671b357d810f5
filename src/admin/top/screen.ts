export type Style = 'bold' | 'dim' | 'bad';

export interface Span {
  readonly text: string;
  readonly style?: Style;
  /** Left out where there is no room for all of it: half a number is a wrong one. */
  readonly whole?: boolean;
}

export type Line = readonly Span[];

export interface Column<Row> {
  readonly title: string;
  /** Default: to the right, as numbers stand. */
  readonly left?: boolean;
  cell(row: Row): Span;
}

const ANSI: Readonly<Record<Style, string>> = { bold: '\u001b[1m', dim: '\u001b[2m', bad: '\u001b[31m' };
const PLAIN = '\u001b[0m';
const GAP = '  ';

/** A heading and a line for each row, columns two blanks apart. */
export function tableLines<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): Line[] {
  const cells = rows.map((row) => columns.map((column) => column.cell(row)));
  const widths = columns.map((column, index) =>
    cells.reduce((width, line) => Math.max(width, line[index]?.text.length ?? 0), column.title.length),
  );
  const placed = (span: Span, index: number): Span => {
    const width = widths[index] ?? 0;
    const text = columns[index]?.left === true ? span.text.padEnd(width) : span.text.padStart(width);
    return { ...span, whole: index > 0, text: index === 0 ? text : `${GAP}${text}` };
  };
  const heading = columns.map(({ title }, index) => placed({ text: title, style: 'dim' }, index));
  return [heading, ...cells.map((line) => line.map(placed))];
}

/** The line as text: no wider than so many columns, without what would only end it with blanks. */
export function fitted(line: Line, columns: number, colour: boolean): string {
  let text = '';
  let left = columns;
  const whole = line.reduce((width, span) => width + span.text.length, 0);
  for (const span of line) {
    if (left <= 0 || (span.whole === true && span.text.length > left)) break;
    // Nothing that a proxy tells may move the cursor.
    let shown = printable(span.text).slice(0, left);
    if (whole > columns && span.text.length >= left) shown = `${shown.slice(0, Math.max(0, left - 1))}>`;
    left -= shown.length;
    text += colour && span.style !== undefined ? `${ANSI[span.style]}${shown}${PLAIN}` : shown;
  }
  return colour ? text : text.trimEnd();
}

function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}
