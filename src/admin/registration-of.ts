import type { Registration } from '../cluster/etcd-registration.ts';
import type { System } from './system.ts';

/** What this process, which serves since now, tells of itself. */
export function registrationOf(
  role: Registration['role'],
  node: number | null,
  addresses: readonly string[],
  system: System,
): Registration {
  return { role, node, addresses, version: system.version, pid: process.pid, startedMs: system.clock.wallMs() };
}
