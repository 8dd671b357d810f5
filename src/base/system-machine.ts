import { readFileSync } from 'node:fs';
import { hostname, uptime } from 'node:os';
import type { Machine } from './machine.ts';

/** Boot times read a while apart differ by what the clock was slewed; two boots are further apart. */
const BOOT_TIME_STEP_S = 30;

/** Reads the boot id once (Linux: /proc/sys/kernel/random/boot_id). `wallMs` is the wall clock, for the fallback. */
export function systemMachine(wallMs: number): Machine {
  return { pid: process.pid, bootId: kernelBootId() ?? fallbackBootId(wallMs, uptime()) };
}

function kernelBootId(): string | null {
  try {
    const text = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return text === '' ? null : text;
  } catch {
    return null;
  }
}

/**
 * Where the kernel gives no id: the host's name and the time of its boot, rounded. A change by rounding or by a stepped
 * clock only means that a disk is distrusted without need.
 */
export function fallbackBootId(wallMs: number, uptimeS: number): string {
  const bootTimeS = wallMs / 1000 - uptimeS;
  return `${hostname()}@${Math.round(bootTimeS / BOOT_TIME_STEP_S) * BOOT_TIME_STEP_S}`;
}
