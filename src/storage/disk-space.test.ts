import { beforeEach, describe, expect, it } from 'vitest';
import { FileError } from '../base/files.ts';
import { limits } from '../base/limits.ts';
import { silentLog } from '../base/log.ts';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { DiskSpace } from './disk-space.ts';

const RESERVE = 1_000;

describe('disk space', () => {
  let clock: ManualClock;
  let freeBytes: number | null;
  let space: DiskSpace;
  let isReady: boolean;
  beforeEach(() => {
    clock = new ManualClock();
    isReady = false;
  });

  function start(first: number | null): void {
    freeBytes = first;
    const free = {
      freeBytes: (callback: (error: FileError | null, result: number | undefined) => void) =>
        clock.endOfTurn(() => {
          if (freeBytes === null) callback(new FileError('EIO', 'gone'), undefined);
          else callback(null, freeBytes);
        }),
    };
    space = new DiskSpace({ free, reserveBytes: RESERVE, clock, log: silentLog });
    space.start(() => {
      isReady = true;
    });
    clock.flushTurn();
  }

  function look(next: number | null): boolean {
    freeBytes = next;
    clock.advance(limits.diskCheckMs);
    clock.flushTurn();
    return space.isFull;
  }

  it('is known before the node answers', () => {
    start(RESERVE - 1);
    expect([isReady, space.isFull]).toEqual([true, true]);
  });

  it('is full below the reserve, and has room again a little above it', () => {
    start(RESERVE);
    expect(space.isFull).toBe(false);
    expect(look(RESERVE - 1)).toBe(true);
    expect(look(RESERVE)).toBe(true);
    expect(look(RESERVE * 1.2)).toBe(false);
  });

  it('stays what it was while it cannot be told', () => {
    start(null);
    expect([isReady, space.isFull]).toEqual([true, false]);
    expect(look(0)).toBe(true);
    expect(look(null)).toBe(true);
    expect(look(2 * RESERVE)).toBe(false);
  });

  it('is full when a write has failed for it, until the next look', () => {
    start(2 * RESERVE);
    space.noteFull();
    expect(space.isFull).toBe(true);
    expect(look(2 * RESERVE)).toBe(false);
  });

  it('is not looked at any more after the stop', () => {
    start(2 * RESERVE);
    space.stop();
    expect(look(0)).toBe(false);
  });
});
