import { EngineError, type EngineFailureKind } from './engine.ts';

/**
 * The binding gives RocksDB's text without its status: "While appending to file: ...: No space left on device",
 * "checksum mismatch", "bad record length". I/O errors begin with what was tried, or end with the system's words.
 */
const DISK_FULL = /No space left on device|Disk quota exceeded|ENOSPC|EDQUOT/;
const MISSING_DATA = /No such file or directory.*|While .*: No such file or directory/;
const DATABASE_FILE = /\d+\.(sst|log|blob)|MANIFEST-\d+|CURRENT/;
const DAMAGE = /corrupt|checksum|mismatch|bad record|bad block|truncated|fragmented record|magic number/i;
const LOCKED = /\bLOCK: |lock hold by current process/;
const SYSTEM_WORDS =
  /: (Input\/output error|Permission denied|Not a directory|Is a directory|No such file or directory|Read-only file system|Too many open files|File too large|Resource temporarily unavailable|Cannot allocate memory|Interrupted system call|File name too long)$/;

/** A failure to open. What is neither a lock nor an error of the system is taken for damage: never opened silently. */
export function openError(directory: string, cause: unknown): EngineError {
  const text = textOf(cause);
  if (LOCKED.test(text)) {
    return new EngineError('io', `${directory} is in use by another process: stop that one first (${text})`);
  }
  const kind = kindOf(cause, text);
  if (kind === 'full') return new EngineError(kind, `${directory} cannot be opened, the disk is full: ${text}`);
  const known = kind === 'corrupt' || SYSTEM_WORDS.test(text) || /^While /.test(text) || systemCode(cause);
  if (kind === 'io' && known) return new EngineError(kind, `${directory} cannot be opened: ${text}`);
  return new EngineError('corrupt', `${directory} is damaged and was not opened: ${text}`);
}

/** A failure of a call on an open database. */
export function runningError(cause: unknown): EngineError {
  const text = textOf(cause);
  return new EngineError(kindOf(cause, text), text);
}

export function closedError(): EngineError {
  return new EngineError('closed', 'the engine is closed');
}

function kindOf(cause: unknown, text: string): EngineFailureKind {
  if (DISK_FULL.test(text) || codeOf(cause) === 'ENOSPC') return 'full';
  if (MISSING_DATA.test(text) && DATABASE_FILE.test(text)) return 'corrupt';
  if (/^While /.test(text) || SYSTEM_WORDS.test(text)) return 'io';
  return DAMAGE.test(text) ? 'corrupt' : 'io';
}

/** The binding's own errors carry EIO whatever happened; ours of `Files` carry what the system said. */
function systemCode(cause: unknown): boolean {
  return cause instanceof Error && cause.name === 'FileError';
}

function codeOf(cause: unknown): string | null {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  return inner instanceof Error && 'code' in inner && typeof inner.code === 'string' ? inner.code : null;
}

function textOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? cause.cause.message : cause.message;
}
