import { limits } from '../../base/limits.ts';
import type { Step } from '../../quorum/operation.ts';
import type { Reply } from '../../resp/reply.ts';
import type { NodeId } from '../../rpc/transport.ts';
import type { ClusterPort } from '../cluster-port.ts';
import type { ProxyStats } from '../proxy-stats.ts';
import type { RuntimeConfig } from '../runtime-config.ts';
import type { Candidate, MemoryPort } from './memory-port.ts';
import { choiceOf, chooseVictims, type Judge } from './victims.ts';

const EVICTED = { reply: 1, change: { kind: 'delete' } } as const;
const KEPT = { reply: 0, change: null } as const;

/** Deletes the key, whatever it is by now. */
const EVICT: Step<Reply> = { access: 'write', needs: 'meta', run: (record) => (record === null ? KEPT : EVICTED) };
/** Leaves it if its expiry was taken away meanwhile. */
const EVICT_EXPIRING: Step<Reply> = {
  access: 'write',
  needs: 'meta',
  run: (record) => (record === null || record.expiresAtMs === 0 ? KEPT : EVICTED),
};

export interface EvictorParts extends Judge {
  readonly config: RuntimeConfig;
  readonly cluster: Pick<ClusterPort, 'submit'>;
  readonly port: MemoryPort;
  readonly stats: Pick<ProxyStats, 'evictedKeys'>;
}

/**
 * Makes room on one storage node: takes a sample of what it has, and deletes what the policy likes least by the protocol, as DEL
 * does, so that all replicas forget it. A key that a client writes at the same time is either deleted before or after that.
 */
export class Evictor {
  readonly #parts: EvictorParts;
  /** Samples in a row that had nothing for the policy. */
  #emptySamples = 0;
  /** What a key took that was looked at in the last round, on average. */
  #usualBytes: number = limits.evictionUsualBytes;

  constructor(parts: EvictorParts) {
    this.#parts = parts;
  }

  /**
   * One round: at most limits.evictionRecords keys. A number: how many bytes went, about; 'nothing': the policy finds none on the
   * node; 'failed': none could be deleted now or is there any more, or the node does not answer. To go on at once helps nobody.
   */
  async round(node: NodeId, bytes: number): Promise<number | 'nothing' | 'failed'> {
    const { config, clock, port } = this.#parts;
    const choice = choiceOf(config.maxmemoryPolicy);
    if (choice === null) return 'nothing';
    const samples = choice.by === 'random' ? 1 : Math.min(limits.evictionSamples, config.maxmemorySamples);
    const needed = Math.min(limits.evictionRecords, Math.ceil(bytes / this.#usualBytes));
    const wanted = Math.min(limits.evictionCandidates, samples * needed);
    const { candidates, complete } = await port.gather(node, wanted, choice.expiring);
    if (candidates.length === 0) {
      this.#emptySamples++;
      return complete || this.#emptySamples >= limits.evictionEmptySamples ? 'nothing' : 'failed';
    }
    this.#emptySamples = 0;
    this.#usualBytes = candidates.reduce((sum, each) => sum + each.bytes, 0) / candidates.length;
    // What has expired is no key any more, and the node is about to forget it: nothing is to be deleted there.
    const wallMs = clock.wallMs();
    const keys = candidates.filter(({ expiresAtMs }) => expiresAtMs === 0 || expiresAtMs > wallMs);
    const most = Math.ceil(keys.length / samples);
    const victims = chooseVictims(keys, choice.by, most, bytes, this.#parts);
    const freed = await Promise.all(victims.map((victim) => this.#evict(victim, choice.expiring)));
    const sum = freed.reduce<number>((total, each) => total + (each ?? 0), 0);
    return sum === 0 ? 'failed' : sum;
  }

  /** The bytes that went; null: it could not be deleted now. */
  #evict({ namespace, key, bytes }: Candidate, expiring: boolean): Promise<number | null> {
    const { cluster, stats } = this.#parts;
    return new Promise((resolve) => {
      cluster.submit({
        namespace,
        key,
        step: expiring ? EVICT_EXPIRING : EVICT,
        done: (outcome) => {
          const isEvicted = outcome.ok && outcome.reply === 1;
          if (isEvicted) stats.evictedKeys += 1;
          resolve(!outcome.ok ? null : isEvicted ? bytes : 0);
        },
      });
    });
  }
}
