import { assert } from '../base/assert.ts';
import { type ConfigParameter, configParameters } from './config-parameters.ts';
import { type ConfigValues, defaultConfigValues, type OutputBufferLimits } from './config-values.ts';
import { globMatches } from './glob.ts';

const parametersByName: ReadonlyMap<string, ConfigParameter> = new Map(configParameters.map((p) => [p.name, p]));

function failed(name: string, problem: string): string {
  return `ERR CONFIG SET failed (possibly related to argument '${name}') - ${problem}`;
}

/**
 * The configuration of one proxy that clients see by CONFIG GET and, in part, change by CONFIG SET.
 * Getters are plain field reads: they are used on the data path.
 */
export class RuntimeConfig {
  #values: ConfigValues;
  readonly #changed = new Set<string>();
  /** How often `set` has changed something. */
  revision = 0;
  readonly #seat: { readonly index: number; readonly workers: number };

  /** `seat`: which of how many workers this one is, who share what a proxy may have. */
  constructor(overrides: Partial<ConfigValues> = {}, seat = { index: 0, workers: 1 }) {
    this.#seat = seat;
    this.#values = { ...defaultConfigValues(), ...overrides };
    assert(this.#values.databases > 0, 'there must be a database');
  }

  get bind(): readonly string[] {
    return this.#values.bind;
  }
  get port(): number {
    return this.#values.port;
  }
  get protectedMode(): boolean {
    return this.#values.protectedMode;
  }
  get requirepass(): string {
    return this.#values.requirepass;
  }
  get maxClients(): number {
    return this.#values.maxClients;
  }
  /** This worker's part of `maxClients`; connections go to the worker that has fewest, of those to the first. */
  get maxClientsHere(): number {
    const { index, workers } = this.#seat;
    return Math.floor((this.#values.maxClients + workers - 1 - index) / workers);
  }
  get timeoutSeconds(): number {
    return this.#values.timeoutSeconds;
  }
  get tcpKeepaliveSeconds(): number {
    return this.#values.tcpKeepaliveSeconds;
  }
  get shutdownTimeoutSeconds(): number {
    return this.#values.shutdownTimeoutSeconds;
  }
  get protoMaxBulkBytes(): number {
    return this.#values.protoMaxBulkBytes;
  }
  get clientQueryBufferBytes(): number {
    return this.#values.clientQueryBufferBytes;
  }
  get outputBufferLimits(): Readonly<OutputBufferLimits> {
    return this.#values.outputBufferLimits;
  }
  get databases(): number {
    return this.#values.databases;
  }
  get slowlogLogSlowerThanUs(): number {
    return this.#values.slowlogLogSlowerThanUs;
  }
  get slowlogMaxLen(): number {
    return this.#values.slowlogMaxLen;
  }
  get latencyMonitorThresholdMs(): number {
    return this.#values.latencyMonitorThresholdMs;
  }
  get latencyTracking(): boolean {
    return this.#values.latencyTracking;
  }
  get latencyTrackingPercentiles(): readonly number[] {
    return this.#values.latencyTrackingPercentiles;
  }
  get hashMaxListpackEntries(): number {
    return this.#values.hashMaxListpackEntries;
  }
  get hashMaxListpackValue(): number {
    return this.#values.hashMaxListpackValue;
  }
  get setMaxIntsetEntries(): number {
    return this.#values.setMaxIntsetEntries;
  }
  get listMaxListpackSize(): number {
    return this.#values.listMaxListpackSize;
  }
  get zsetMaxListpackEntries(): number {
    return this.#values.zsetMaxListpackEntries;
  }
  get zsetMaxListpackValue(): number {
    return this.#values.zsetMaxListpackValue;
  }
  get enableDebugCommand(): ConfigValues['enableDebugCommand'] {
    return this.#values.enableDebugCommand;
  }
  get maxmemoryBytes(): number {
    return this.#values.maxmemoryBytes;
  }
  get maxmemorySamples(): number {
    return this.#values.maxmemorySamples;
  }
  get storageEngine(): ConfigValues['storageEngine'] {
    return this.#values.storageEngine;
  }
  /** How many processes share what a proxy may have. */
  get workers(): number {
    return this.#seat.workers;
  }
  get maxmemoryPolicy(): string {
    return this.#values.maxmemoryPolicy;
  }
  /** Whether keys are to be chosen by how often they are used, an LFU policy. */
  get countsUse(): boolean {
    return this.#values.maxmemoryPolicy.endsWith('-lfu');
  }
  get lfuLogFactor(): number {
    return this.#values.lfuLogFactor;
  }
  get lfuDecayMinutes(): number {
    return this.#values.lfuDecayMinutes;
  }
  get clusterEnabled(): boolean {
    return this.#values.clusterEnabled;
  }
  get clusterAnnounceIp(): string {
    return this.#values.clusterAnnounceIp;
  }
  get clusterAnnouncePort(): number {
    return this.#values.clusterAnnouncePort;
  }
  get clusterAnnounceTlsPort(): number {
    return this.#values.clusterAnnounceTlsPort;
  }
  get clusterAnnounceBusPort(): number {
    return this.#values.clusterAnnounceBusPort;
  }
  get clusterAnnounceHostname(): string {
    return this.#values.clusterAnnounceHostname;
  }
  get clusterPreferredEndpointType(): ConfigValues['clusterPreferredEndpointType'] {
    return this.#values.clusterPreferredEndpointType;
  }
  get appendfsync(): ConfigValues['appendfsync'] {
    return this.#values.appendfsync;
  }

  /** Takes what was checked before: by another worker of the proxy, or with its options. */
  adopt(pair: readonly [string, string]): void {
    const { storageEngine } = this.#values;
    this.#values.storageEngine = 'memory';
    this.set([pair]);
    this.#values.storageEngine = storageEngine;
  }

  /** What the storage nodes say of themselves. */
  noteEngine(engine: 'memory' | 'rocksdb'): void {
    this.#values.storageEngine = engine;
  }

  /** The port in use, once the listener has it (port 0 at start means any free one). */
  listeningOn(port: number): void {
    this.#values.port = port;
  }

  /**
   * CONFIG GET: [name, value] of every parameter that one of the patterns matches, each once. Case does not matter; a
   * name asked for without wildcards comes back as it was written.
   */
  get(patterns: readonly Buffer[]): readonly (readonly [string, string])[] {
    const found: [string, string][] = [];
    for (const parameter of configParameters) {
      const name = Buffer.from(parameter.name);
      const pattern = patterns.find((candidate) => globMatches(candidate, name, true));
      if (pattern === undefined) continue;
      const asked = pattern.toString('latin1');
      found.push([/[*?[]/.test(asked) ? parameter.name : asked, parameter.read(this.#values)]);
    }
    return found;
  }

  /** These parameters were changed by a client. */
  noteChanged(names: readonly string[]): void {
    for (const name of names) this.#changed.add(name.toLowerCase());
  }

  /** The parameters that clients have changed, and what they are now. */
  changed(): ReadonlyMap<string, string> {
    const values = new Map<string, string>();
    for (const name of this.#changed) {
      const parameter = parametersByName.get(name);
      if (parameter?.change === 'mutable') values.set(name, parameter.read(this.#values));
    }
    return values;
  }

  /** CONFIG SET: changes all of the [name, value] pairs or none. Returns null, or the whole error line in Redis's words. */
  set(pairs: readonly (readonly [string, string])[]): string | null {
    const parameters: ConfigParameter[] = [];
    for (const [name] of pairs) {
      const parameter = parametersByName.get(name.toLowerCase());
      if (parameter === undefined) return `ERR Unknown option or number of arguments for CONFIG SET - '${name}'`;
      if (parameter.change === 'immutable') return failed(name, "can't set immutable config");
      if (parameters.includes(parameter)) return failed(name, 'duplicate parameter');
      parameters.push(parameter);
    }
    const next = { ...this.#values };
    for (const [index, parameter] of parameters.entries()) {
      const [name, value] = pairs[index] ?? ['', ''];
      if (parameter.change === 'mutable') {
        const problem = parameter.parse(value, next);
        if (problem !== null) return failed(name, problem);
      } else if (value.toLowerCase() !== parameter.read(next)) {
        return failed(name, `this is always '${parameter.read(next)}' here`);
      }
    }
    this.#values = next;
    this.revision++;
    return null;
  }
}
