/** What became of what somebody did. */
export type AuditOutcome =
  /** It was begun: another entry tells how it ended. */
  | 'started'
  | 'done'
  /** Not allowed to who asked for it. */
  | 'denied'
  | 'failed';

/** Something done to users, limits, keys, members or the configuration. Holds no secrets, no keys and no values. */
export interface AuditEntry {
  /** Who: a user's name. */
  readonly user: string;
  /** From where: a client's address, or `local`. */
  readonly address: string;
  /** Such as `CONFIG SET` or `junokv keys rotate`. */
  readonly action: string;
  readonly arguments: readonly string[];
  readonly outcome: AuditOutcome;
  /** Why it failed; absent if there is nothing to say. */
  readonly detail?: string;
}

/** Where it is kept who has done what. */
export interface Audit {
  /** Resolves when the entry is on the disk, or lost for a reason that the log tells; to be waited for where that costs nobody else. */
  note(entry: AuditEntry): Promise<void>;
}
