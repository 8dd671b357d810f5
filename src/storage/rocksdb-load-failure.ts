/**
 * What to do about a native module that does not load, in words for the operator. `detail` is the loader's message, or
 * how the process ended that tried it.
 */
export function describeLoadFailure(detail: string, platform: string, architecture: string): string {
  const missing = /(lib[\w.+-]+\.so[\w.]*): cannot open shared object file/.exec(detail)?.[1];
  if (missing?.startsWith('libatomic')) {
    return `RocksDB needs ${missing}: install the package libatomic1 (Debian, Ubuntu) or libatomic (Fedora, Alpine).`;
  }
  if (missing !== undefined) return `RocksDB needs ${missing}, which is not installed on this machine.`;
  if (/version `GLIBC(XX)?_[\d.]+' not found/.test(detail)) {
    return `RocksDB needs a newer C or C++ library than this machine has: ${detail}`;
  }
  if (/Cannot find addon|ADDON_NOT_FOUND|No such module|invalid ELF header|wrong architecture/i.test(detail)) {
    return `There is no RocksDB build for ${platform} on ${architecture} here; Linux, macOS and Windows on x64 and arm64 have one. Install the dependencies again on this machine. (${detail})`;
  }
  if (/Cannot find (module|package)/.test(detail)) {
    return `The package rocksdb-native is not installed: run npm ci. (${detail})`;
  }
  if (/SIGILL/.test(detail)) return 'This CPU lacks instructions that the RocksDB build uses.';
  return `RocksDB could not be loaded: ${detail}`;
}
