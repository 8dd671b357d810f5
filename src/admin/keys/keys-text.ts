import { activeVersionAt, type Keystore, keyRoleAt, keystoreFingerprint } from '../../crypto/keystore.ts';
import { textTable } from '../data-verbs/text-table.ts';
import { bytesText } from '../members/units.ts';
import type { KeyUsePass } from './key-use-pass.ts';

/** The versions of a keystore, a row each. */
export function keyTable(keystore: Keystore, nowMs: number): string {
  const rows = keystore.sealKeys.map(({ keyVersion, createdAtMs, activeFromMs }) => {
    const role = keyRoleAt(keystore, keyVersion, nowMs);
    const state = role === 'active' ? 'seals' : role === 'old' ? 'old' : `seals from ${timeText(activeFromMs ?? 0)} on`;
    return [String(keyVersion), timeText(createdAtMs), state];
  });
  return textTable([['version', 'made', 'state'], ...rows]);
}

export function keystoreJson(path: string, keystore: Keystore, nowMs: number): object {
  return {
    keystore: path,
    fingerprint: keystoreFingerprint(keystore),
    activeVersion: activeVersionAt(keystore, nowMs),
    versions: keystore.sealKeys.map(({ keyVersion, createdAtMs, activeFromMs }) => ({
      keyVersion,
      createdAtMs,
      ...(activeFromMs === undefined ? {} : { activeFromMs }),
      role: keyRoleAt(keystore, keyVersion, nowMs),
    })),
  };
}

/** What each version seals, on all nodes together. */
export function usesTable(pass: KeyUsePass, activeVersion: number): string {
  const sorted = [...pass.uses.values()].sort((a, b) => a.keyVersion - b.keyVersion);
  const rows = sorted.map(({ keyVersion, records, pages, bytes }) => [
    `${keyVersion}${keyVersion === activeVersion ? ' (seals)' : ''}`,
    String(records),
    String(pages),
    bytesText(bytes),
  ]);
  return textTable([['version', 'records', 'pages', 'bytes'], ...rows]);
}

export function usesJson(pass: KeyUsePass): object {
  const uses = [...pass.uses.values()].sort((a, b) => a.keyVersion - b.keyVersion);
  return { uses, unreadable: pass.unreadable };
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
