/** Why a backup command ends, in words for the operator; thrown within this folder and caught by its commands. */
export class BackupProblem extends Error {
  override readonly name = 'BackupProblem';
}

/** What was caught, in words. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === '' && 'code' in error ? String(error.code) : error.message;
}
