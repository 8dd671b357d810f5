import type { AuditEntry } from '../../base/audit.ts';
import type {
  KeptSetting,
  PeerAnswer,
  PeerQuestion,
  RateDemand,
  RateShare,
  WorkerSeat,
} from '../../proxy/peers/peers.ts';
import type { ClientPort } from '../client-ports.ts';
import type { Configuration, OptionKey } from '../option-table.ts';

/** The places at which a proxy's clients come in; each is answered in its own way. */
export type Door = 'plain' | 'unix' | ClientPort['door'];

/** What a worker is told first. */
export interface WorkerStart {
  readonly config: Configuration;
  readonly given: readonly OptionKey[];
  readonly seat: WorkerSeat;
  /** Of the plain port, as it came to listen; 0: there is none. */
  readonly port: number;
  readonly settings: readonly KeptSetting[];
  /** `ProcessHost.configFile`. */
  readonly configFile: string;
}

export type WorkerQuestion = PeerQuestion | { readonly kind: 'metrics' } | { readonly kind: 'readiness' };

export type WorkerAnswer =
  | PeerAnswer
  /** In Prometheus's text format. */
  | { readonly kind: 'metrics'; readonly text: string }
  /** Why it is not ready; empty: it is. */
  | { readonly kind: 'readiness'; readonly problems: readonly string[] };

/** From the process that has the port to a worker. With `connection` comes the socket's handle. */
export type ToWorker =
  | { readonly kind: 'start'; readonly start: WorkerStart }
  | { readonly kind: 'settings'; readonly settings: readonly KeptSetting[] }
  | { readonly kind: 'connection'; readonly door: Door }
  | { readonly kind: 'question'; readonly id: number; readonly question: WorkerQuestion }
  | { readonly kind: 'answers'; readonly id: number; readonly answers: readonly PeerAnswer[] }
  | { readonly kind: 'monitor'; readonly isAwaited: boolean }
  | { readonly kind: 'lines'; readonly lines: readonly string[] }
  | { readonly kind: 'shares'; readonly shares: readonly RateShare[] }
  | { readonly kind: 'noted'; readonly id: number }
  | { readonly kind: 'reload' }
  | { readonly kind: 'stop' };

/** From a worker to the process that has the port. */
export type FromWorker =
  /** It serves; `keystore`: where its keys come from, for the operator. */
  | { readonly kind: 'ready'; readonly keystore: string }
  /** It cannot start, in words for the operator. */
  | { readonly kind: 'failed'; readonly problem: string }
  /** Connections that it has now, and how many it was given since its start; what was asked of limited rates. */
  | {
      readonly kind: 'report';
      readonly clients: number;
      readonly taken: number;
      readonly demands: readonly RateDemand[];
    }
  | { readonly kind: 'ask'; readonly id: number; readonly question: PeerQuestion }
  /** Null: it has none. */
  | { readonly kind: 'answer'; readonly id: number; readonly answer: WorkerAnswer | null }
  | { readonly kind: 'keep'; readonly setting: KeptSetting }
  | { readonly kind: 'listening'; readonly isListening: boolean }
  | { readonly kind: 'lines'; readonly lines: readonly string[] }
  /** A client asks the proxy to stop. */
  | { readonly kind: 'shutdown' }
  | { readonly kind: 'note'; readonly id: number; readonly entry: AuditEntry };
