import { readFileSync } from 'node:fs';

/** Descriptors that this process may have open (`ulimit -n`; Node raises the soft limit to the hard one); null if the system does not tell. */
export function openFileLimit(): number | null {
  try {
    const match = /^Max open files\s+(\d+)\s/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return match === null ? null : Number(match[1]);
  } catch {
    return null;
  }
}
