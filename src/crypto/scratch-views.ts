/** Longer views are made for the occasion. */
export const SCRATCH_BYTES = 2_048;

/** One piece of memory for what is needed for a moment, with a view for each length: a view costs more than a small copy. */
export class ScratchViews {
  readonly #bytes = Buffer.alloc(SCRATCH_BYTES);
  readonly #views: (Buffer | undefined)[] = new Array<Buffer | undefined>(SCRATCH_BYTES + 1).fill(undefined);

  /** So many bytes with anything in them, good until the next call. */
  view(length: number): Buffer {
    if (length > SCRATCH_BYTES) return Buffer.allocUnsafe(length);
    const view = this.#views[length] ?? this.#bytes.subarray(0, length);
    this.#views[length] = view;
    return view;
  }
}
