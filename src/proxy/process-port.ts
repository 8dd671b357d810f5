/** What has become of the backups that a proxy was told to make. */
export interface BackupKeeper {
  readonly isSaving: boolean;
  /** Wall clock of the last one that succeeded; until then of the start. */
  readonly lastSaveMs: number;
  /** What went wrong with the last one; null: nothing. */
  readonly lastProblem: string | null;
  /** Makes a backup of the whole cluster; one at a time. Resolves to what went wrong, null if nothing did. */
  save(): Promise<string | null>;
}

/** What only the process around a proxy can do; null where it cannot. */
export interface ProcessPort {
  readonly backups: BackupKeeper | null;
  /** Asks the process to stop as a signal would: in order, with the clients answered. */
  readonly stop: (() => void) | null;
  /** Puts parameters of CONFIG SET into the file that the process was started with. Returns what went wrong, null if nothing did. */
  readonly rewriteConfig: ((changed: ReadonlyMap<string, string>) => string | null) | null;
}

export const NO_PROCESS: ProcessPort = { backups: null, stop: null, rewriteConfig: null };
