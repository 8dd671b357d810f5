import { limits } from '../../base/limits.ts';
import type { RateDemand, RateShare } from '../../proxy/peers/peers.ts';

interface Wanted {
  requests: number;
  bytes: number;
}

/** Changes of a share that are not worth telling. */
const SAME = 0.01;

/**
 * Divides the rates of namespaces among the workers of a proxy: a small part to all alike, so that each can begin, the rest where
 * the requests come in. The parts of all workers are 1 together, so that N workers allow what one would.
 */
export class RateShares {
  readonly #workers: number;
  /** By group, by worker: what was wanted lately, older wants at half. */
  readonly #wanted = new Map<number, Wanted[]>();
  readonly #told = new Map<string, RateShare>();

  constructor(workers: number) {
    this.#workers = workers;
  }

  wanted(worker: number, demands: readonly RateDemand[]): void {
    for (const { group, requests, bytes } of demands) {
      const wanted =
        this.#wanted.get(group) ?? Array.from({ length: this.#workers }, () => ({ requests: 0, bytes: 0 }));
      this.#wanted.set(group, wanted);
      const own = wanted[worker];
      if (own === undefined) continue;
      own.requests += requests;
      own.bytes += bytes;
    }
  }

  /** A new worker has equal parts, as it starts. */
  forget(worker: number): void {
    for (const [group, wanted] of this.#wanted) {
      wanted[worker] = { requests: 0, bytes: 0 };
      this.#told.delete(`${worker} ${group}`);
    }
  }

  /** By worker, the shares that have changed; call every limits.workerReportMs. */
  divide(): readonly (readonly RateShare[])[] {
    const changed: RateShare[][] = Array.from({ length: this.#workers }, () => []);
    for (const [group, wanted] of this.#wanted) {
      const requests = parts(wanted.map((own) => own.requests));
      const bytes = parts(wanted.map((own) => own.bytes));
      for (const [worker, own] of wanted.entries()) {
        const share = { group, requests: requests[worker] ?? 0, bytes: bytes[worker] ?? 0 };
        const told = this.#told.get(`${worker} ${group}`);
        if (told === undefined || differs(told, share)) {
          this.#told.set(`${worker} ${group}`, share);
          changed[worker]?.push(share);
        }
        own.requests /= 2;
        own.bytes /= 2;
      }
    }
    return changed;
  }
}

/** Shares of 1, by what each wants. */
function parts(wanted: readonly number[]): number[] {
  const all = wanted.reduce((sum, each) => sum + each, 0);
  // Below one request nobody wants anything any more.
  if (all < 1) return wanted.map(() => 1 / wanted.length);
  const even = limits.rateShareEven / wanted.length;
  return wanted.map((each) => even + ((1 - limits.rateShareEven) * each) / all);
}

function differs(told: RateShare, share: RateShare): boolean {
  return Math.abs(told.requests - share.requests) > SAME || Math.abs(told.bytes - share.bytes) > SAME;
}
