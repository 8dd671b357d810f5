import { AccessLevel } from './access.ts';
import type { CommandEntry } from './command-table.ts';
import type { Session } from './session.ts';
import type { TransactionState } from './transaction-state.ts';

/** What a client has said of itself and chosen, as a new connection has it (`Session`). */
export class SessionState {
  database = 0;
  namespaceGroup = 0;
  namespaceBound = false;
  access: AccessLevel = AccessLevel.none;
  protocol: 2 | 3 = 2;
  name = '';
  libName = '';
  libVersion = '';
  user = '';
  replyMode: Session['replyMode'] = 'on';
  noEvict = false;
  noTouch = false;
  monitoring = false;
  transaction: TransactionState | null = null;

  /** What RESET takes back, beside the user. */
  protected forgetChoices(): void {
    this.database = 0;
    this.protocol = 2;
    this.name = '';
    this.replyMode = 'on';
    this.noEvict = false;
    this.noTouch = false;
    this.transaction = null;
  }

  /** Whether it may change records: EXEC does what is queued. */
  protected willWrite({ writes, row }: CommandEntry): boolean {
    return writes || (row.name === 'exec' && this.transaction?.writes === true);
  }

  /** Bytes of what is queued, which EXEC takes along. */
  protected queuedFor({ row }: CommandEntry): number {
    return this.transaction !== null && row.name === 'exec' ? this.transaction.heldBytes : 0;
  }

  /** Whether the reply of the command that runs is not to be written (CLIENT REPLY). */
  protected takeSilence(): boolean {
    if (this.replyMode === 'on' || this.replyMode === 'skip-next') return false;
    if (this.replyMode === 'skip-this') this.replyMode = 'on';
    return true;
  }
}
