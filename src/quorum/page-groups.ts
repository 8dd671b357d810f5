import { limits } from '../base/limits.ts';

/** Told of each step of a transfer: as long as it progresses, the deadline of the command moves along. */
export type Progress = () => void;

const PAGES_PER_REQUEST = Math.max(1, Math.floor(limits.pageTransferBytes / limits.pageBytes));

/** As many pages as one message may have. */
export function inGroups<T>(items: readonly T[]): T[][] {
  const groups: T[][] = [];
  for (let i = 0; i < items.length; i += PAGES_PER_REQUEST) groups.push(items.slice(i, i + PAGES_PER_REQUEST));
  return groups;
}

/** Runs `step` over all groups, a few at a time; `done(false)` at the first that fails. */
export function windowed<T>(
  groups: readonly T[],
  step: (group: T, done: (ok: boolean) => void) => void,
  progress: Progress,
  done: (ok: boolean) => void,
): void {
  let next = 0;
  let open = 0;
  let failed = false;
  const more = (): void => {
    while (!failed && open < limits.pageTransferWindow) {
      const group = groups[next];
      if (group === undefined) break;
      next++;
      open++;
      step(group, (ok) => {
        open--;
        if (failed) return;
        if (!ok) {
          failed = true;
          done(false);
          return;
        }
        progress();
        more();
      });
    }
    if (!failed && open === 0 && next === groups.length) {
      failed = true;
      done(true);
    }
  };
  more();
}
