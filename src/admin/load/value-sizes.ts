import { limits } from '../../base/limits.ts';
import type { Random } from '../../base/random.ts';
import type { ParsedValue } from '../option.ts';
import { WeightedChoice } from './weighted-choice.ts';

/** Sizes from min to max, each as likely; drawn in proportion to the weight. */
export interface SizeRange {
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly weight: number;
}

const ITEM = /^(\d{1,9})(?:-(\d{1,9}))?(?::(\d{1,6}(?:\.\d{1,6})?))?$/;

/** `100`, `100-1000`, or several of them with weights: `100:80,10000:20`. */
export function parseValueSizes(text: string): ParsedValue<readonly SizeRange[]> {
  const ranges: SizeRange[] = [];
  for (const item of text.split(',')) {
    const match = ITEM.exec(item.trim());
    if (match === null) return { ok: false };
    const minBytes = Number(match[1]);
    const maxBytes = match[2] === undefined ? minBytes : Number(match[2]);
    const weight = match[3] === undefined ? 1 : Number(match[3]);
    if (maxBytes < minBytes || maxBytes > limits.loadValueBytes || weight <= 0) return { ok: false };
    ranges.push({ minBytes, maxBytes, weight });
  }
  return { ok: true, value: ranges };
}

export function largestSize(ranges: readonly SizeRange[]): number {
  return Math.max(...ranges.map(({ maxBytes }) => maxBytes));
}

export class SizeChooser {
  readonly #ranges: readonly SizeRange[];
  readonly #choice: WeightedChoice;
  readonly #random: Random;

  constructor(ranges: readonly SizeRange[], random: Random) {
    this.#ranges = ranges;
    this.#choice = new WeightedChoice(ranges.map(({ weight }) => weight));
    this.#random = random;
  }

  /** The next value's size in bytes. */
  next(): number {
    const range = this.#ranges[this.#choice.draw(this.#random)];
    if (range === undefined) return 0;
    const span = range.maxBytes - range.minBytes;
    return span === 0 ? range.minBytes : range.minBytes + this.#random.below(span + 1);
  }
}
