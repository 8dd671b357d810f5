import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { ClusterMap } from '../cluster/map.ts';
import { DEFAULT_GROUP, groupOf, LIMIT_NAMES } from '../cluster/namespace-groups.ts';
import type { ClusterPort } from './cluster-port.ts';
import { NamespaceGate } from './namespace-gate.ts';
import type { RateDemand, RateShare } from './peers/peers.ts';
import type { Session } from './session.ts';

/** What one proxy has done in one namespace group: commands over its keys. */
export interface NamespaceCounters {
  reads: number;
  writes: number;
  /** Answered an error. */
  errors: number;
  /** Refused because of a rate; they are not in the others. */
  refused: number;
  /** Arguments, and about what the replies hold. */
  bytesIn: number;
  bytesOut: number;
}

/** The namespace groups as one proxy serves them: their limits, and what it has counted. */
export class Namespaces {
  readonly #cluster: ClusterPort;
  readonly #clock: Clock;
  /** By group; null for one without limits. */
  #gates: (NamespaceGate | null)[] = [];
  /** By group, for as many as there are. */
  readonly #counters: NamespaceCounters[] = [];
  readonly #workers: number;
  /** By group, as they were told; equal parts where nothing was. */
  readonly #shares = new Map<number, RateShare>();

  /** `workers`: that have the rates together. `follows`: false for a look at the groups as they are now. */
  constructor(cluster: ClusterPort, clock: Clock, workers = 1, follows = true) {
    this.#cluster = cluster;
    this.#clock = clock;
    this.#workers = workers;
    this.#adopt(cluster.map());
    if (follows) cluster.onMap((map) => this.#adopt(map));
  }

  /** The limits of the session's group; null if it has none. */
  gateOf(session: Session): NamespaceGate | null {
    return this.#gates[session.namespaceGroup] ?? null;
  }

  /** For a record that is created without an expiry, milliseconds; 0: none. */
  defaultTtlMs(session: Session): number {
    return this.gateOf(session)?.defaultTtlMs ?? 0;
  }

  nameOf(session: Session): string {
    return this.#cluster.map().namespaceGroups[session.namespaceGroup]?.name ?? DEFAULT_GROUP.name;
  }

  /** The live counters of a group. */
  countersOf(group: number): NamespaceCounters {
    const counters = this.#counters[group];
    assert(counters !== undefined, 'every namespace group has counters');
    return counters;
  }

  /** So many commands over the keys of `namespace` were answered, `failed` of them with an error. */
  count(namespace: number, writes: boolean, calls: number, failed: number, bytesIn: number, bytesOut: number): void {
    const counters = this.countersOf(groupOf(namespace));
    if (writes) counters.writes += calls;
    else counters.reads += calls;
    counters.errors += failed;
    counters.bytesIn += bytesIn;
    counters.bytesOut += bytesOut;
  }

  /** Of the groups that have rates. */
  takeDemands(): RateDemand[] {
    return this.#gates.flatMap((gate, group) => {
      const demand = gate?.takeDemand() ?? null;
      return demand === null ? [] : [{ group, ...demand }];
    });
  }

  /** This worker's parts of the rates. */
  setShares(shares: readonly RateShare[]): void {
    for (const share of shares) {
      this.#shares.set(share.group, share);
      this.#gates[share.group]?.setShares(share.requests, share.bytes);
    }
  }

  /** By group. */
  figures(): readonly NamespaceCounters[] {
    return this.#counters.map((counters) => ({ ...counters }));
  }

  /** Counts what others have counted. */
  add(figures: readonly NamespaceCounters[]): void {
    for (const [group, counted] of figures.entries()) {
      const counters = this.#counters[group];
      // A map that is newer there has more groups.
      if (counters === undefined) return;
      counters.reads += counted.reads;
      counters.writes += counted.writes;
      counters.errors += counted.errors;
      counters.refused += counted.refused;
      counters.bytesIn += counted.bytesIn;
      counters.bytesOut += counted.bytesOut;
    }
  }

  /** CONFIG RESETSTAT. */
  resetCounters(): void {
    for (const counters of this.#counters) Object.assign(counters, noCounts());
  }

  /** Gates of groups that have not changed go on as they are. */
  #adopt(map: ClusterMap): void {
    while (this.#counters.length < map.namespaceGroups.length) this.#counters.push(noCounts());
    this.#gates = map.namespaceGroups.map((group, index) => {
      const before = this.#gates[index] ?? null;
      if (before?.isFor(group) === true) return before;
      const isLimited = LIMIT_NAMES.some((name) => group.limits[name] !== 0);
      if (!isLimited) return null;
      const gate = new NamespaceGate(group, this.#clock, before, 1 / this.#workers);
      const share = this.#shares.get(index);
      if (share !== undefined) gate.setShares(share.requests, share.bytes);
      return gate;
    });
  }
}

function noCounts(): NamespaceCounters {
  return { reads: 0, writes: 0, errors: 0, refused: 0, bytesIn: 0, bytesOut: 0 };
}
