import type { StoreResult } from '../config-store.ts';
import type { CellText, UserCell } from '../user-store.ts';

/** A cell that can be taken away. */
export class MemoryUserCell implements UserCell {
  readonly place = 'the list of users in memory';
  isAway = false;
  /** Swaps are done, and their answers are that they were not, as after a lost answer and another try. */
  losesAnswers = false;
  text: string | null = null;
  #changes = 0;

  async read(): Promise<StoreResult<CellText>> {
    if (this.isAway) return { ok: false, problem: 'away' };
    return { ok: true, value: { text: this.text, token: `${this.#changes}` } };
  }

  async swap(before: CellText, text: string): Promise<StoreResult<boolean>> {
    if (this.isAway) return { ok: false, problem: 'away' };
    if (before.token !== `${this.#changes}`) return { ok: true, value: false };
    this.text = text;
    this.#changes += 1;
    return { ok: true, value: !this.losesAnswers };
  }
}
