/** A person's terminal, taken over as a whole until `close`. */
export interface Terminal {
  readonly columns: number;
  readonly rows: number;
  /** Puts these lines in the place of everything that is shown. */
  show(lines: readonly string[]): void;
  onKey(listener: (key: string) => void): void;
  onResize(listener: () => void): void;
  /** As it was before. */
  close(): void;
}

const OTHER_SCREEN = '\u001b[?1049h\u001b[?25l';
const OWN_SCREEN = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE_END = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
const COLUMNS = 80;
const ROWS = 24;

/** The lines as bytes that a terminal shows from its first line on; no newline after the last, which would scroll. */
export function screenText(lines: readonly string[]): string {
  return `${HOME}${lines.map((line) => `${line}${CLEAR_LINE_END}`).join('\r\n')}${CLEAR_BELOW}`;
}

/** The process's terminal; null where standard output is none. */
export function openTerminal(): Terminal | null {
  const { stdin, stdout } = process;
  if (stdout.isTTY !== true) return null;
  const listeners: (() => void)[] = [];
  const restore = (): void => {
    stdout.write(OWN_SCREEN);
    if (stdin.isTTY === true) stdin.setRawMode(false);
  };
  stdout.write(OTHER_SCREEN);
  // Also where the process ends by a defect.
  process.on('exit', restore);
  return {
    get columns() {
      return stdout.columns || COLUMNS;
    },
    get rows() {
      return stdout.rows || ROWS;
    },
    show: (lines) => stdout.write(screenText(lines)),
    onKey(listener) {
      if (stdin.isTTY !== true) return;
      stdin.setRawMode(true);
      stdin.setEncoding('utf8');
      stdin.on('data', listener);
    },
    onResize(listener) {
      stdout.on('resize', listener);
      listeners.push(listener);
    },
    close() {
      process.off('exit', restore);
      for (const listener of listeners) stdout.off('resize', listener);
      stdin.removeAllListeners('data');
      stdin.pause();
      restore();
    },
  };
}
