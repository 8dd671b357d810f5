/**
 * Every bound of the system, with its reason. Going over one is a clear error to the one who caused it, never a silent
 * drop and never a crash. Grouped by room; a configurable bound has its default here.
 */
export const limits = {
  // --- protocol (protocol.md §2, §4) ---
  /** A command's time from arrival to answer. Two round trips and a retry fit many times over; a user's own time-out is longer. */
  deadlineMs: 2_000,
  /** A chain (next ballot promised with the last COMMIT) lives so long after its last write. */
  chainLifeMs: 1_000,
  /** How far the clocks of proxies and nodes may differ. NTP keeps them within a few milliseconds. */
  maxClockSkewMs: 500,
  /** A tombstone is kept at least so long. Must exceed 2 x (deadline + chain life) + 2 x skew. */
  purgeAfterMs: 60_000,
  /** A proposer follows a single node's clock or floor only so far above its own. */
  clockFollowMs: 10_000,
  /** A node raises its ceiling to own clock + this, at half the distance. */
  ceilingAheadMs: 5_000,
  /** ... or to the highest ballot + this, whichever is more. */
  ceilingAboveBallotMs: 100,
  /** Origins remembered per record: how many later writes a retry may look past. */
  lineageLength: 8,
  /** Ask another node when one has not answered for so long (start value; the observed latency moves it). */
  hedgeDelayMs: 20,
  /** Send again what was not answered for so long: a lost frame must not cost the deadline. */
  resendDelayMs: 250,
  /** First wait before preparing again after a refusal; doubles, with jitter. */
  retryBackoffMs: 2,
  retryBackoffMaxMs: 200,
  /** A highest ballot younger than this is probably a write in flight: read once more before repairing. */
  writeInFlightMs: 1_000,
  /** Operations that may wait for one record in one proxy, and for all records. Over it: -BUSY. */
  queuedOperationsPerRecord: 65_536,
  queuedOperationsTotal: 1_048_576,
  /** Operations that share one COMMIT: bounds the work of one retry. */
  operationsPerRound: 1_024,
  /** Promises kept by a node; the lowest is evicted into the floor. 1 M entries are about 150 MB. */
  promisesPerNode: 1_000_000,
  // --- values (architecture 2) ---
  /** A larger inline value is sealed apart from its metadata, so that a blind write need not fetch it. */
  embeddedValueBytes: 512,
  /** A string above this is stored in pages. */
  inlineValueBytes: 32_768,
  /** Leaf size of a paged string. */
  pageBytes: 65_536,
  /** Page ids in one inner page. */
  pageFanout: 256,
  /** Page ids in a record's root. */
  rootFanout: 64,
  /** Redis's proto-max-bulk-len, also the largest string. */
  maxStringBytes: 536_870_912,
  // --- rpc ---
  /** Requests of one proxy worker that wait for one node's responses; over it: a 'busy' fault. As many as may be queued. */
  requestsPerNode: 1_048_576,
  // --- proxy: serving ---
  /** Samples that a rate of INFO is averaged over, as in Redis. */
  rateSamples: 16,
  /** Time between two samples. */
  rateSampleMs: 100,
  /** Different first words of error replies that INFO errorstats counts; scripts may make up their own. */
  errorPrefixes: 128,
  // --- record ---
  /** Request ids remembered per record: Juno's clients repeat only their last few requests. */
  requestIdsPerRecord: 16,
  // --- proxy: server commands ---
  /** Slow log entries kept whatever slowlog-max-len says: at most 4 KB each. */
  slowLogEntries: 16_384,
  /** Arguments kept of one slow command, and bytes of each, as Redis does. */
  slowLogArguments: 32,
  slowLogArgumentBytes: 128,
  /** Samples kept per event of the latency monitor, as Redis does. */
  latencySamplesPerEvent: 160,
  /** Different events; ours are few, so this only guards against a mistake. */
  latencyEvents: 64,
  /** INFO keyspace is counted again after so long: counting scans every record. */
  keyspaceCountAgeMs: 5_000,
  /** The first INFO keyspace waits at most so long for its count. */
  keyspaceCountWaitMs: 200,
  /** Records that one step of KEYS looks at. */
  keysScanBatch: 1_000,
  /** Keys that one KEYS answers: above it the reply would hold the proxy up; SCAN has no such bound. */
  keysReplyKeys: 5_000_000,
  // --- cluster ---
  /** Characters of a cluster map's text: 16384 shards of five zones in the worst order are about 2 M. */
  clusterMapChars: 4_194_304,
  /** How long a change of the cluster-map file waits for others on this machine; each takes milliseconds. */
  configLockWaitMs: 10_000,
  /** Longest pause between two tries for that lock. */
  configLockRetryMs: 20,
  /** How often the cluster-map file is looked at for changes by other processes. */
  configPollMs: 250,
  // --- storage node ---
  /** One engine read of a scan: small enough that others get their turn. */
  scanStepRecords: 512,
  scanStepBytes: 1_048_576,
  /** A scan request returns after so many records looked at, found or not. */
  scanExaminedRecords: 8_192,
  /** Pages remembered as durable here; a COMMIT that lists forgotten ones costs a round trip more. */
  knownPagesPerNode: 65_536,
  // --- proxy: keys and strings ---
  /** The largest expiry kept, Number.MAX_SAFE_INTEGER: the year 287396. A later one becomes this. */
  maxExpiresAtMs: 9_007_199_254_740_991,
} as const;
