import { SLOT_COUNT } from './slot.ts';

/** Takes typed fields out of an object of unknown shape and notes what is wrong; a wrong field reads as empty. */
export class Fields {
  readonly #fields: Map<string, unknown>;
  readonly #where: string;
  readonly #problems: string[];
  readonly #known = new Set<string>();

  constructor(json: unknown, where: string, problems: string[]) {
    this.#where = where;
    this.#problems = problems;
    const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
    if (!isObject) problems.push(`${where} is not an object`);
    this.#fields = new Map(isObject ? Object.entries(json) : []);
  }

  text(name: string): string {
    const value = this.#take(name);
    if (typeof value === 'string') return value;
    this.#problems.push(`${this.#where}: ${name} must be a text`);
    return '';
  }

  integer(name: string): number {
    const value = this.#take(name);
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
    this.#problems.push(`${this.#where}: ${name} must be an integer`);
    return 0;
  }

  flag(name: string): boolean {
    const value = this.#take(name);
    if (typeof value === 'boolean') return value;
    this.#problems.push(`${this.#where}: ${name} must be true or false`);
    return false;
  }

  list(name: string): readonly unknown[] {
    const value = this.#take(name);
    if (Array.isArray(value)) return value;
    this.#problems.push(`${this.#where}: ${name} must be a list`);
    return [];
  }

  runs(name: string): number[] {
    const numbers = decodeRuns(this.#take(name));
    if (numbers !== null) return numbers;
    this.#problems.push(
      `${this.#where}: ${name} must be runs of numbers such as "1*512 2*512", at most ${SLOT_COUNT} in all`,
    );
    return [];
  }

  /** Whether the field is there at all. */
  has(name: string): boolean {
    return this.#fields.has(name);
  }

  /** A field of whatever shape. */
  value(name: string): unknown {
    return this.#take(name);
  }

  refuseOthers(): void {
    for (const name of this.#fields.keys()) {
      if (!this.#known.has(name)) this.#problems.push(`${this.#where}: unknown field ${name}`);
    }
  }

  #take(name: string): unknown {
    this.#known.add(name);
    return this.#fields.get(name);
  }
}

/** [1, 1, 2] as "1*2 2". */
export function encodeRuns(numbers: readonly number[]): string {
  const runs: string[] = [];
  for (let from = 0; from < numbers.length; ) {
    let to = from + 1;
    while (to < numbers.length && numbers[to] === numbers[from]) to++;
    runs.push(to - from === 1 ? `${numbers[from]}` : `${numbers[from]}*${to - from}`);
    from = to;
  }
  return runs.join(' ');
}

/** Reads what `encodeRuns` wrote, in that form only; null for anything else. */
export function decodeRuns(text: unknown): number[] | null {
  if (typeof text !== 'string') return null;
  const numbers: number[] = [];
  if (text === '') return numbers;
  for (const run of text.split(' ')) {
    const match = /^(0|[1-9]\d{0,15})(?:\*([1-9]\d{0,5}))?$/.exec(run);
    if (match === null) return null;
    const value = Number(match[1]);
    const count = Number(match[2] ?? 1);
    if (!Number.isSafeInteger(value) || numbers.length + count > SLOT_COUNT) return null;
    for (let i = 0; i < count; i++) numbers.push(value);
  }
  return encodeRuns(numbers) === text ? numbers : null;
}
