/** The three numbers of client-output-buffer-limit for one class of clients; 0 means no limit. */
export interface OutputBufferLimit {
  readonly hardBytes: number;
  readonly softBytes: number;
  readonly softSeconds: number;
}

/** The classes of client-output-buffer-limit, in the order in which Redis prints them. */
export interface OutputBufferLimits {
  normal: OutputBufferLimit;
  slave: OutputBufferLimit;
  pubsub: OutputBufferLimit;
}

/** What CONFIG GET shows of TLS; decided where a proxy is started. */
export interface TlsConfigTexts {
  readonly 'tls-port': string;
  readonly 'tls-cert-file': string;
  readonly 'tls-key-file': string;
  readonly 'tls-ca-cert-file': string;
  readonly 'tls-auth-clients': string;
  readonly 'tls-auth-clients-user': string;
  readonly 'tls-protocols': string;
}

/** What a proxy's configuration holds, as it is used. CONFIG GET's text forms are in `config-parameters.ts`. */
export interface ConfigValues {
  bind: readonly string[];
  port: number;
  /** Path; empty: none. */
  unixsocket: string;
  /** As for chmod; 0: left to the umask. */
  unixsocketMode: number;
  tls: TlsConfigTexts;
  protectedMode: boolean;
  /** Empty: no password is asked for. */
  requirepass: string;
  maxClients: number;
  /** What the system's limit on descriptors leaves for clients. */
  maxClientsPossible: number;
  /** Idle clients are closed after so many seconds; 0 never. */
  timeoutSeconds: number;
  tcpKeepaliveSeconds: number;
  /** A stop waits so long for commands under way, at most. */
  shutdownTimeoutSeconds: number;
  protoMaxBulkBytes: number;
  clientQueryBufferBytes: number;
  outputBufferLimits: OutputBufferLimits;
  databases: number;
  /** Negative: the slow log is off. 0: every command is logged. */
  slowlogLogSlowerThanUs: number;
  slowlogMaxLen: number;
  /** 0: the latency monitor is off. */
  latencyMonitorThresholdMs: number;
  latencyTracking: boolean;
  latencyTrackingPercentiles: readonly number[];
  /** Up to so many fields, and up to so long ones, a hash is a listpack. */
  hashMaxListpackEntries: number;
  hashMaxListpackValue: number;
  /** Up to so many integers a set is an intset. */
  setMaxIntsetEntries: number;
  /** Up to so many elements, or by -1 to -5 up to 4 to 64 KiB, a list is small. */
  listMaxListpackSize: number;
  /** Only shown: nothing is compressed. */
  listCompressDepth: number;
  /** Up to so many members, and up to so long ones, a sorted set is a listpack. */
  zsetMaxListpackEntries: number;
  zsetMaxListpackValue: number;
  /** Who may use DEBUG; decided where a proxy is started. */
  enableDebugCommand: 'no' | 'yes' | 'local';
  /** What each storage node may hold of live values in memory; 0: no limit. */
  maxmemoryBytes: number;
  /** How keys to evict are chosen; it also decides which of OBJECT IDLETIME and FREQ is answered. */
  maxmemoryPolicy: string;
  /** Out of so many keys one is evicted. */
  maxmemorySamples: number;
  /** What the storage nodes keep records in: `rocksdb` if any of them has a disk. */
  storageEngine: 'unknown' | 'memory' | 'rocksdb';
  lfuLogFactor: number;
  lfuDecayMinutes: number;
  clusterEnabled: boolean;
  /** Empty: the address at which the client reached this proxy. */
  clusterAnnounceIp: string;
  /** 0: the listener's own port. */
  clusterAnnouncePort: number;
  /** The same for clients over TLS. */
  clusterAnnounceTlsPort: number;
  /** 0: port + 10000, as Redis does; nothing listens there. */
  clusterAnnounceBusPort: number;
  clusterAnnounceHostname: string;
  clusterPreferredEndpointType: 'ip' | 'hostname' | 'unknown-endpoint';
  /** How the storage nodes write their log; decided where they are started, shown here. */
  appendfsync: 'always' | 'everysec' | 'no';
}

/** Redis 7.0's defaults, apart from the output buffers of normal clients, which are bounded here. */
export function defaultConfigValues(): ConfigValues {
  return {
    bind: ['127.0.0.1'],
    port: 6379,
    unixsocket: '',
    unixsocketMode: 0,
    tls: {
      'tls-port': '0',
      'tls-cert-file': '',
      'tls-key-file': '',
      'tls-ca-cert-file': '',
      'tls-auth-clients': 'yes',
      'tls-auth-clients-user': 'off',
      'tls-protocols': '',
    },
    protectedMode: true,
    requirepass: '',
    maxClients: 10_000,
    maxClientsPossible: Number.MAX_SAFE_INTEGER,
    timeoutSeconds: 0,
    tcpKeepaliveSeconds: 300,
    shutdownTimeoutSeconds: 10,
    protoMaxBulkBytes: 536_870_912,
    clientQueryBufferBytes: 1_073_741_824,
    outputBufferLimits: {
      normal: { hardBytes: 1_073_741_824, softBytes: 0, softSeconds: 0 },
      slave: { hardBytes: 268_435_456, softBytes: 67_108_864, softSeconds: 60 },
      pubsub: { hardBytes: 33_554_432, softBytes: 8_388_608, softSeconds: 60 },
    },
    databases: 16,
    slowlogLogSlowerThanUs: 10_000,
    slowlogMaxLen: 128,
    latencyMonitorThresholdMs: 0,
    latencyTracking: true,
    latencyTrackingPercentiles: [50, 99, 99.9],
    hashMaxListpackEntries: 512,
    hashMaxListpackValue: 64,
    setMaxIntsetEntries: 512,
    listMaxListpackSize: -2,
    listCompressDepth: 0,
    zsetMaxListpackEntries: 128,
    zsetMaxListpackValue: 64,
    enableDebugCommand: 'no',
    maxmemoryBytes: 0,
    maxmemoryPolicy: 'noeviction',
    maxmemorySamples: 5,
    storageEngine: 'unknown',
    lfuLogFactor: 10,
    lfuDecayMinutes: 1,
    clusterEnabled: false,
    clusterAnnounceIp: '',
    clusterAnnouncePort: 0,
    clusterAnnounceTlsPort: 0,
    clusterAnnounceBusPort: 0,
    clusterAnnounceHostname: '',
    clusterPreferredEndpointType: 'ip',
    appendfsync: 'everysec',
  };
}
