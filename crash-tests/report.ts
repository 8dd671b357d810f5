/** Counts checks and prints them as they come. */
export class Report {
  #passed = 0;
  #failed = 0;

  /** One thing that had to hold; `details` are shown where it does not. */
  check(name: string, problems: readonly string[]): void {
    if (problems.length === 0) {
      this.#passed += 1;
      console.log(`  passed  ${name}`);
      return;
    }
    this.#failed += 1;
    console.log(`  FAILED  ${name}`);
    for (const problem of problems.slice(0, 10)) console.log(`            ${problem}`);
    if (problems.length > 10) console.log(`            and ${problems.length - 10} more`);
  }

  get failed(): number {
    return this.#failed;
  }

  get summary(): string {
    return `${this.#passed} passed, ${this.#failed} failed`;
  }
}

/** Rows of equal columns, the first one the heading; numbers to the right. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => String(row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const width = widths[column] ?? 0;
          return typeof cell === 'number' ? String(cell).padStart(width) : cell.padEnd(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `  ${line}`)
    .join('\n');
}
