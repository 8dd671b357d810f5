/**
 * What the clients were told about their writes to one key. Each write is named by a token that no other write has; where a
 * write counts, the token is the number that it wrote.
 */
export class WriteLedger {
  readonly #versions = new Map<string, number>();
  readonly #tokens = new Map<number, string>();
  readonly #refused = new Set<string>();
  readonly #open = new Set<string>();
  readonly #problems: string[] = [];

  /** Answered: it made this version of the record. */
  succeeded(token: string, recordVersion: number): void {
    const other = this.#tokens.get(recordVersion);
    if (other !== undefined) this.#problems.push(`both ${other} and ${token} were told to have made ${recordVersion}`);
    this.#versions.set(token, recordVersion);
    this.#tokens.set(recordVersion, token);
  }

  /** Answered: it did not happen, and will not. */
  refused(token: string): void {
    this.#refused.add(token);
  }

  /** It may have happened. */
  leftOpen(token: string): void {
    this.#open.add(token);
  }

  get successes(): number {
    return this.#versions.size;
  }

  get open(): number {
    return this.#open.size;
  }

  /** For a key that is created with 1 and then only incremented: what is wrong with its last state. */
  checkCounter(value: string, recordVersion: number): string[] {
    const problems = [...this.#problems, ...this.#checkCount('value', Number(value))];
    if (value !== String(recordVersion)) problems.push(`value ${value} in version ${recordVersion}`);
    for (const [number, version] of this.#versions) {
      if (number !== String(version)) problems.push(`who wrote ${number} was told to have made version ${version}`);
    }
    return problems;
  }

  /** For a key that is created empty and to which every write appends its token and a space. */
  checkLog(value: string, recordVersion: number): string[] {
    const problems = [...this.#problems];
    const places = new Map<string, number>();
    const tokens = value === '' ? [] : value.slice(0, -1).split(' ');
    for (const [index, token] of tokens.entries()) {
      if (places.has(token)) problems.push(`${token} was appended twice`);
      places.set(token, index + 2);
      if (this.#refused.has(token)) problems.push(`${token} was refused, and appended`);
      else if (!this.#versions.has(token) && !this.#open.has(token)) problems.push(`${token} is nobody's`);
    }
    for (const [token, version] of this.#versions) {
      const place = places.get(token);
      if (place === undefined) problems.push(`${token} was acknowledged, and is lost`);
      else if (place !== version) problems.push(`${token} was told version ${version}, and made ${place}`);
    }
    if (recordVersion !== tokens.length + 1) problems.push(`${tokens.length} tokens in version ${recordVersion}`);
    return [...problems, ...this.#checkCount('tokens', tokens.length)];
  }

  /** For a key that every write replaces with its token. */
  checkReplaced(value: string, recordVersion: number): string[] {
    const problems = [...this.#problems, ...this.#checkCount('version', recordVersion)];
    const last = this.#tokens.get(recordVersion);
    if (last === undefined ? !this.#open.has(value) : last !== value) {
      problems.push(`version ${recordVersion} is ${value}, and ${last ?? 'nobody'} was told to have made it`);
    }
    return problems;
  }

  #checkCount(what: string, count: number): string[] {
    const most = this.successes + this.open;
    if (count >= this.successes && count <= most) return [];
    return [`${what} ${count}, but ${this.successes} successes and ${this.open} open writes`];
  }
}
