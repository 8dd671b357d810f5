import { describe, expect, it } from 'vitest';
import { FileError } from '../base/files.ts';
import { MonotoneSaver, type SavedCallback } from './monotone-saver.ts';

/** A saver whose writes end when the test says so. */
function slowSaver() {
  const writes: { value: number; end: SavedCallback }[] = [];
  const events: string[] = [];
  const saver = new MonotoneSaver<number>(
    10,
    (value) => value,
    (value, end) => writes.push({ value, end }),
  );
  const save = (name: string, value: number): void => {
    saver.save(value, (error) => events.push(error === null ? name : `${name}: ${error.code}`));
  };
  return { saver, writes, events, save };
}

describe('MonotoneSaver', () => {
  it('writes one at a time; what is asked for meanwhile shares one write of the highest', () => {
    const { saver, writes, events, save } = slowSaver();
    save('a', 11);
    save('b', 15);
    save('c', 13);
    expect(writes.map((write) => write.value)).toEqual([11]);
    writes[0]?.end(null);
    expect(events).toEqual(['a']);
    expect(saver.durable).toBe(11);
    expect(writes.map((write) => write.value)).toEqual([11, 15]);
    writes[1]?.end(null);
    expect(events).toEqual(['a', 'b', 'c']);
    expect(saver.durable).toBe(15);
  });

  it('never writes a lower value, and says durable only when a value as high is', () => {
    const { writes, events, save } = slowSaver();
    save('old', 9);
    expect(events).toEqual(['old']);
    save('high', 30);
    save('low', 20);
    expect(events).toEqual(['old']);
    writes[0]?.end(null);
    expect(events.sort()).toEqual(['high', 'low', 'old']);
    expect(writes.length).toBe(1);
  });

  it('tells a failure to those it concerns, and tries again when asked again', () => {
    const { saver, writes, events, save } = slowSaver();
    save('a', 11);
    save('b', 12);
    writes[0]?.end(new FileError('ENOSPC', 'full'));
    expect(events).toEqual(['a: ENOSPC']);
    writes[1]?.end(new FileError('EIO', 'broken'));
    expect(events).toEqual(['a: ENOSPC', 'b: EIO']);
    expect(saver.durable).toBe(10);
    save('c', 11);
    writes[2]?.end(null);
    expect(events.at(-1)).toBe('c');
    expect(saver.durable).toBe(11);
  });
});
