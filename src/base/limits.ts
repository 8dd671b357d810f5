/**
 * Every bound of the system, with its reason. Going over one is a clear error to the one who caused it, never a silent
 * drop and never a crash. Grouped by room; a configurable bound has its default here.
 */
export const limits = {
  // --- protocol (protocol.md §2, §4) ---
  /** A command's time from arrival to answer. Two round trips and a retry fit many times over; a user's own time-out is longer. */
  deadlineMs: 2_000,
  /** ... of one whose proxy stood still meanwhile, or whose nodes are connected and say nothing: far within what purgeAfterMs allows. */
  deadlineWhenLateMs: 6_000,
  /** A chain (next ballot promised with the last COMMIT) lives so long after its last write. */
  chainLifeMs: 1_000,
  /** How far the clocks of proxies and nodes may differ. NTP keeps them within a few milliseconds. */
  maxClockSkewMs: 500,
  /** A tombstone is kept at least so long. Must exceed 2 x (longest deadline + chain life) + 2 x skew. */
  purgeAfterMs: 60_000,
  /** A proposer follows a single node's clock or floor only so far above its own. */
  clockFollowMs: 10_000,
  /** Each refusal puts a proposer's next ballot so much further ahead of its clock, a little more than the clock's resolution ... */
  ballotAheadUs: 1_100,
  /** ... up to this: well within the clocks' skew. */
  ballotAheadMaxUs: 50_000,
  /** A node raises its ceiling to own clock + this, at half the distance. */
  ceilingAheadMs: 5_000,
  /** ... or to the highest ballot + this, whichever is more. */
  ceilingAboveBallotMs: 100,
  /**
   * Origins remembered per record: all of the last lineageSpanMs and one older, for that is how far back a command that is
   * still waiting for its answer can have to look; at most so many. A record that is seldom written keeps two. Twice the
   * deadline, and clockFollowMs: ballots jump ahead of the clocks by so much where they follow a node's floor.
   */
  lineageSpanMs: 14_000,
  lineageLength: 64,
  /** Ask another node when one has not answered for so long (start value; the observed latency moves it). */
  hedgeDelayMs: 20,
  /** Send again what was not answered for so long: a lost frame must not cost the deadline. */
  resendDelayMs: 250,
  /** First wait before preparing again after a refusal; doubles, with jitter. */
  retryBackoffMs: 2,
  retryBackoffMaxMs: 200,
  /** ... up to this while the fate of a refused COMMIT is open: lineageLength writes of another proxy take not much longer. */
  retryInDoubtMaxMs: 16,
  /** Retries without a wait while the fate of a refused COMMIT is open: enough to get a word in between two writes of another proxy. */
  hurriedRetries: 8,
  /** A highest ballot younger than this is probably a write in flight: read once more before repairing. */
  writeInFlightMs: 1_000,
  /** Operations that may wait for one record in one proxy, and for all records. Over it: -BUSY. */
  queuedOperationsPerRecord: 65_536,
  queuedOperationsTotal: 1_048_576,
  /** Operations that share one COMMIT: bounds the work of one retry. */
  operationsPerRound: 1_024,
  /** Promises kept by a node; the lowest is evicted into the floor. 1 M entries are about 150 MB. */
  promisesPerNode: 1_000_000,
  /** Places of promises that are covered, kept for the next ones of their records, which are not put into the table anew then: 20 MB. */
  coveredPromisesPerNode: 131_072,
  // --- resp ---
  /** An inline command, or the line that announces a length: Redis's PROTO_INLINE_MAX_SIZE. */
  requestLineBytes: 65_536,
  /** Arguments of one command. Redis up to 6.2 has this bound; a command of more is a mistake or an attack. */
  requestArguments: 1_048_576,
  /** Before authentication, as in Redis: enough for AUTH and HELLO. */
  unauthenticatedArguments: 10,
  unauthenticatedArgumentBytes: 16_384,
  /** Counted for each argument of a half-received command beside its bytes: the Buffer object and its slot. */
  argumentOverheadBytes: 128,
  /** A bulk string from here on is handed to the socket by reference; below, copying is cheaper than one more piece. */
  replyReferenceBytes: 16_384,
  /** First and largest block that replies of one connection and turn are gathered in; an idle connection has none. */
  replyBlockBytes: 16_384,
  replyBlockMaxBytes: 65_536,
  /** First blocks kept for the next turn: as many connections as mostly have replies in the same one. */
  replyBlocksKept: 256,
  /** A line of a reply that our own decoder takes: MONITOR shows a whole command in one. */
  replyLineBytes: 16_777_216,
  /** Items of an aggregate that it takes; memory is only taken as they arrive. */
  replyItems: 2_147_483_647,
  /** Nesting that it follows; Redis's replies stay below ten. */
  replyDepth: 64,
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
  /** A leaf of a collection's tree: one element changes one, so the smaller it is the cheaper are changes here and there. */
  treeLeafBytes: 4_096,
  /** An inner page of it: large, so that a million elements have two levels of pages. */
  treePageBytes: 8_192,
  /** A tree's root lies in the record, and travels with every change. */
  treeRootBytes: 4_096,
  /** A longer value of an element gets pages of its own, so that a leaf holds at least two elements. */
  treeBigValueBytes: 1_024,
  /** The longest key in a tree, likewise. */
  treeKeyBytes: 512,
  /** A collection that Redis would keep in a hash table goes into a tree above this. */
  inlineTableBytes: 8_192,
  /** One whose order of insertion counts (listpack, intset) stays in the record up to this: what Redis's defaults allow at most. */
  inlineListBytes: 73_728,
  /** Redis's proto-max-bulk-len, also the largest string. */
  maxStringBytes: 536_870_912,
  // --- rpc ---
  /** Requests of one proxy worker that wait for one node's responses; over it: a 'busy' fault. As many as may be queued. */
  requestsPerNode: 1_048_576,
  /** Largest frame; a peer that announces more is cut off. Holds a maximal message and its header. */
  frameBytes: 16_777_216,
  /** Largest message; a larger request or response becomes a fault. 64 pages of 64 KiB are half of it. */
  messageBytes: 8_388_608,
  /** A frame that has grown so long leaves at once, not at the end of the turn: the peer can begin. */
  frameTargetBytes: 1_048_576,
  /** Largest frame before the handshake is done: HELLO and its answer. */
  handshakeFrameBytes: 4_096,
  /** From connecting to the end of the handshake. Over it the connection is dropped. */
  handshakeTimeMs: 2_000,
  /** Connections that have not proved the cluster secret yet, per storage node; more are closed at once. */
  unauthenticatedPeers: 64,
  /** Connections per storage node: one per proxy worker. */
  peersPerNode: 4_096,
  /** Unanswered calls of one peer, and their bytes: above either the node stops reading from it until half are answered. */
  callsPerPeer: 65_536,
  callBytesPerPeer: 67_108_864,
  /** Responses that a peer has not taken yet: above it the node stops reading from it. */
  responseBytesPerPeer: 8_388_608,
  /** ... and above this, which only a peer that has stopped reading reaches, it is cut off. */
  responseBytesPerPeerMax: 268_435_456,
  /** Requests on their way to one node that it has not taken yet; over it: a 'busy' fault. */
  requestBytesPerNode: 134_217_728,
  /** First wait before connecting to a node again; doubles, with jitter, up to the second: a node is taken back soon. */
  reconnectMs: 20,
  reconnectMaxMs: 250,
  /** ... and after it has refused us: only a new cluster map or an operator can change that. */
  reconnectRefusedMs: 1_000,
  /** A node with unanswered requests that is silent for so long is probed, and after twice as long given up. */
  peerSilenceMs: 2_500,
  /** Idle time after which TCP itself asks whether the peer is still there. */
  tcpKeepAliveMs: 5_000,
  /** Time between two log lines on peers that did not prove the cluster secret, or speak another protocol. */
  peerFailureLogMs: 1_000,
  /** A closing server lets its last responses leave for so long. */
  peerCloseMs: 500,
  // --- TLS ---
  /** A certificate, key or CA file: thousands of certificates. */
  tlsFileBytes: 4_194_304,
  /** How often these files are read to see whether they are others: they are small. */
  tlsPollMs: 2_000,
  /** From accepting a client's connection to the end of its TLS handshake: some round trips round the world, and many before it. */
  tlsHandshakeMs: 10_000,
  /** TLS handshakes of clients under way on one port: a slow core does a hundred a second. Further connections are closed at once. */
  tlsHandshakesAtOnce: 512,
  /** Time between two log lines on handshakes that failed at one port. */
  tlsFailureLogMs: 1_000,
  /** A certificate that ends so soon is warned of, every day. */
  tlsExpiryNoticeMs: 1_209_600_000,
  // --- users ---
  /** The users file: tens of thousands of users. */
  usersFileBytes: 4_194_304,
  /** All users in a config store: etcd takes no more in one value. */
  storedUsersBytes: 1_000_000,
  /** How often a proxy looks whether they have changed. */
  userPollMs: 2_000,
  /** A user's name is printed in CLIENT LIST. */
  userNameChars: 128,
  // --- proxy: serving ---
  /** What one read from a client's socket may bring: as in Node. */
  clientReadBytes: 65_536,
  /** So much of one read gets memory of its own: a quarter of a microsecond more, and mostly one value, which is then not copied again. */
  clientOwnReadBytes: 4_096,
  /** Samples that a rate of INFO is averaged over, as in Redis. */
  rateSamples: 16,
  /** Time between two samples. */
  rateSampleMs: 100,
  /** Different first words of error replies that INFO errorstats counts; scripts may make up their own. */
  errorPrefixes: 128,
  /** A client's name, library name and library version: they are printed in CLIENT LIST. */
  clientNameBytes: 512,
  /** The longest timer set for the end of a CLIENT PAUSE; a timer of the system must not be longer than 24 days. */
  pauseTimerMs: 3_600_000,
  /** Commands of one connection under way at once; more wait in the socket. A deeper pipeline gains nothing. */
  commandsInFlight: 1_024,
  /** Argument bytes of one connection's commands under way, beyond its last one. */
  connectionInFlightBytes: 8_388_608,
  /** Replies that a connection may hold unread before no more of its requests are parsed. */
  connectionOutputBytes: 1_048_576,
  /** Replies that all connections may hold unread before each may hold only crowdedOutputBytes. */
  allOutputBytes: 1_073_741_824,
  crowdedOutputBytes: 65_536,
  /** A reply of a large collection is streamed from here on, as estimated; a smaller one is made as a whole. */
  streamedReplyBytes: 1_048_576,
  /** So much of a streamed reply is made at once, and as much ahead of it; less where all streams together would hold more than this. */
  streamWindowBytes: 262_144,
  streamWindowMinBytes: 16_384,
  allStreamsBytes: 134_217_728,
  /** A part that needs more pages than this is made smaller, down to one element; 8 MB of the largest pages. */
  streamPagesAtOnce: 128,
  /** The pages of such a part are asked for again for so long, and then the connection is closed. */
  streamPageWaitMs: 10_000,
  streamRetryMs: 50,
  streamRetryMaxMs: 1_000,
  /** A client that takes nothing of a streamed reply for so long is disconnected, and one that is not done after so long. */
  streamStallMs: 300_000,
  streamLifeMs: 3_600_000,
  /** First guess of a reply's size: so a connection starts with few commands under way until its replies prove small. */
  firstReplyGuessBytes: 65_536,
  /** Requests not yet answered, of all connections together; over it the connection that holds the most is closed. */
  allQueryBytes: 1_073_741_824,
  /** How far below allQueryBytes closing brings it, as a part of it: so that one arrival does not close one client each. */
  queryBudgetSlack: 1 / 16,
  /** A connection that waits for the budget of requests looks again after so long. */
  queryBudgetRetryMs: 20,
  /** A connection that holds less than this part of the budget, 64 KiB of 1 GiB, is never closed or paused for others. */
  smallQueryShare: 1 / 16_384,
  /** After our last reply to a connection that we close, its input is read and dropped so long, lest a reset loses the reply. */
  lingerMs: 1_000,
  /** Connections that linger at once; further ones are closed at once. They have to fit into reservedFileDescriptors. */
  lingeringConnections: 128,
  /** Connections that are closed in one go, some milliseconds of work, and the pause before the next. */
  closesAtOnce: 64,
  closePauseMs: 1,
  /** Time between two looks at idle clients and output limits, as Redis's clientsCron. */
  clientsCheckMs: 1_000,
  /** A client that has been idle for so long gives its parser and its place for replies back, as Redis its query buffer. */
  idleTrimMs: 2_000,
  /** Descriptors that maxclients leaves to others: files of the storage engine, the cluster's connections, the log. */
  reservedFileDescriptors: 256,
  /** ... and in one process with storage nodes, for each; a third of all at most. Files of 64 GB of records, opened once. */
  reservedFilesPerDisk: 1_024,
  /** The longest path of a Unix socket, bytes: what the system's addresses hold. */
  unixSocketPathBytes: 107,
  /** How often a stop looks whether all connections are done. */
  drainPollMs: 10,
  /** Connections that the kernel keeps for us before they are accepted, if it may: all clients of a proxy that has come back. */
  tcpBacklog: 4_096,
  // --- turns of the event loop ---
  /** What the end of a turn leads to runs in that turn for so long; the rest after connections were looked at. Hundreds of plain commands take less. */
  turnMs: 10,
  // --- memory of a process ---
  /**
   * What a server may grow by between two collections of its whole heap, V8's and buffers together. Each looks at all records that
   * are remembered, some 300 ms over 100,000 values of 10 KB: with 64 MB, as V8 has it for buffers, there were two a second.
   */
  collectionStepBytes: 402_653_184,
  /** ... and at most this part of the memory that it may use, of which several processes may have to live. */
  collectionStepShare: 16,
  /** ... within these percents of what it has: V8 knows nothing but a percentage. */
  collectionGrowthMinPercent: 10,
  collectionGrowthMaxPercent: 130,
  // --- quorum: express lane ---
  /** A piece of memory that small things share which stay, values and sealed records: one of them keeps all of it. */
  keptSlabBytes: 16_384,
  /** What a proxy remembers of the records that it served lately: values, and some 600 bytes for each; likewise less. */
  recordTableBytes: 268_435_456,
  /** Larger values are not remembered in their clear form: what they cost to open is little beside their size. */
  openedValueBytes: 16_384,
  /** Longer keys take the long way, so that remembering names stays cheap. */
  expressKeyBytes: 256,
  /** Operations on one record that go on one after the other; more than these share a round. */
  expressFollowers: 1,
  /** Records in one message. */
  expressItems: 1_024,
  /** States in one response about many records: half of the largest message. */
  manyStatesBytes: 4_194_304,
  // --- proxy: workers ---
  /** Workers of one proxy: each is a process, a connection to every storage node, and a slot of the state directory. */
  proxyWorkers: 32,
  /** What is not answered by another worker within this is left out of a reply. */
  peerAnswerMs: 1_000,
  /** Questions of workers to each other under way; over it nobody is asked. */
  peerQuestions: 1_024,
  /** Connections on their way to one worker; over it they are refused. As many as wait to be accepted. */
  handoverBacklog: 511,
  /** Pause before a worker that ended is replaced, at first; it doubles up to the longest. */
  workerRestartMs: 100,
  workerRestartMaxMs: 10_000,
  /** A worker that served for so long is replaced after the first pause again. */
  workerSteadyMs: 60_000,
  /** How often a worker tells how many clients it has and what they ask for, and gets its part of the rates. */
  workerReportMs: 200,
  /** So much before a stop would be given up, workers that have not ended are ended. */
  stopMarginMs: 1_000,
  /** The part of a namespace's rates that is given to all workers alike; the rest goes where the requests are. */
  rateShareEven: 0.1,
  /** Lines for MONITOR at other workers that wait to be sent; over it they are dropped. */
  monitorRelayLines: 10_000,
  // --- record ---
  /** Request ids remembered per record (49 bytes each): as many clients may have a write on one key under way. */
  requestIdsPerRecord: 64,
  /** How long a deleted record remembers request ids: longer than any client goes on repeating a request. */
  requestReachMs: 600_000,
  // --- proxy: server commands ---
  /** Slow log entries kept whatever slowlog-max-len says: at most 4 KB each. */
  slowLogEntries: 16_384,
  /** Entries that SLOWLOG GET shows unless told, as Redis does. */
  slowLogGetDefault: 10,
  /** Arguments kept of one slow command, and bytes of each, as Redis does. */
  slowLogArguments: 32,
  slowLogArgumentBytes: 128,
  /** Samples kept per event of the latency monitor, as Redis does. */
  latencySamplesPerEvent: 160,
  /** Different events; ours are few, so this only guards against a mistake. */
  latencyEvents: 64,
  /** INFO keyspace is counted again after so long: counting scans every record. */
  keyspaceCountAgeMs: 5_000,
  /** And at the earliest after so many times as long as the last count took. */
  keyspaceCountRest: 20,
  /** Shards of which keys are counted at once: some of each node's reads wait for the disk meanwhile. */
  countShardsAtOnce: 16,
  /** The first INFO keyspace waits at most so long for its count. */
  keyspaceCountWaitMs: 200,
  /** Records that one step of KEYS looks at. */
  keysScanBatch: 1_000,
  /** Keys, with some overhead each, that one KEYS answers: above it the reply would crowd out other clients; SCAN has no such bound. */
  keysReplyBytes: 536_870_912,
  /** A backup that a proxy makes for a client gives way to the others: calls at a time, and bytes a second. */
  proxyBackupCallsAtOnce: 4,
  proxyBackupBytesPerSecond: 67_108_864,
  /** DEBUG SLEEP holds a connection up for so long at most: longer than any client waits. */
  debugSleepMs: 3_600_000,
  /** Keys whose last use a proxy knows, by their hash, for OBJECT IDLETIME and FREQ: 8 bytes each. */
  keyUseSlots: 131_072,
  /** Records that one SCAN looks at, whatever its COUNT. */
  scanCount: 100_000,
  // --- cluster ---
  /** Characters of a cluster map's text: 16384 shards of five zones in the worst order are about 2 M. */
  clusterMapChars: 4_194_304,
  /** Namespace groups of a cluster: with 16 numbers each, the map and the tables of a proxy stay small. */
  namespaceGroupsMax: 256,
  /** Letters of a namespace's name. */
  namespaceNameChars: 64,
  /** How long a change of the cluster-map file waits for others on this machine; each takes milliseconds. */
  configLockWaitMs: 10_000,
  /** Longest pause between two tries for that lock. */
  configLockRetryMs: 20,
  /** Pause before asking the config store for a proposer id again. */
  proposerRetryMs: 1_000,
  /** A stop that takes longer is given up: what was acknowledged is safe without it. */
  stopMs: 10_000,
  /** A start that takes longer has hung (RocksDB recovers some 100 MB of log a second). */
  startMs: 120_000,
  /** How often the cluster-map file is looked at for changes by other processes. */
  configPollMs: 250,
  /** One call of etcd, all tries on all of its members included: it elects a leader in one or two seconds. */
  etcdCallMs: 5_000,
  /** One try on one member, so that one that hangs leaves time for the others. */
  etcdTryMs: 2_000,
  /** Pause before the members are tried again within one call. */
  etcdRetryMs: 100,
  /** How often the map in etcd is read although no watch said that it changed: watches can die unseen. */
  etcdPollMs: 5_000,
  /** The same, and the pause before a watch is opened anew, while etcd does not answer. */
  etcdDownPollMs: 1_000,
  /** A silent connection to etcd is asked for a sign of life after so long (etcd allows no less than 5 s) ... */
  etcdPingMs: 10_000,
  /** ... and given up when there is none for so long. */
  etcdPingAnswerMs: 3_000,
  /** etcd's own bound on a request is 1.5 MiB by default; the rest of it is small. */
  etcdMapBytes: 1_500_000,
  /** Addresses of etcd that one process is given: members of a cluster are 3 to 7. */
  etcdUrls: 16,
  /** A process that is gone vanishes from the list of registered ones so long after. */
  etcdLeaseSeconds: 15,
  /** Processes that `cluster status` lists. */
  etcdRegistrations: 10_000,
  /** Proposer ids kept for restarts while etcd is down: one each. */
  proposerReserve: 16,
  /** Ids left out where a cluster goes on from a file: what was given out since it was written, or to others. */
  proposerIdGap: 1_000_000,
  /** Processes that share one state directory. */
  stateSlots: 64,
  // --- quorum ---
  /** How often open rounds are looked at for hedges, resends and deadlines: half of the shortest hedge delay. */
  roundTickMs: 5,
  /** A tick that comes so late says that this process stood still. */
  stoodStillMs: 50,
  /** The moving hedge delay never exceeds this: a tenth of the deadline. */
  hedgeDelayMaxMs: 200,
  /** At most one latency sample in so long: reading the clock for each response costs more than it tells. */
  latencySampleMs: 1,
  /** A node whose answers take so much longer than those of the others, and several times as long, is asked last. */
  slowNodeMs: 10,
  /** Pause between two probes of a node that failed or was slow; doubles, with jitter, up to the second. */
  probePauseMs: 50,
  probePauseMaxMs: 1_000,
  /** A probe counts as unanswered after so long: well above a slow answer. */
  probeTimeoutMs: 1_000,
  /** A node that fails so soon after it was taken back has to show twice as many quick answers. */
  suspectRelapseMs: 10_000,
  /** A node that failed or was slow is mostly taken back within so long when it is well again. */
  suspectMs: 1_000,
  /** Records whose last write a proxy remembers, so that the next one can be chained. */
  recentRecords: 16_384,
  /** Bytes of pages in one request, and requests of a transfer under way to one node. */
  pageTransferBytes: 1_048_576,
  pageTransferWindow: 4,
  /** A node that takes no page for so long is left behind; the COMMIT finds it stale and it catches up. */
  pageStallMs: 500,
  /** A write brings stale nodes up so often, all of them together: one that stays stale is left to the next write. */
  pageCatchUpsPerWrite: 15,
  /** Writes of a large value, and values, of which this process remembers which pages they added: what a node that missed them needs. */
  manifestsPerRecord: 64,
  manifestRecords: 1_024,
  /** Nodes that were given all pages of a value, with the lists of these: 0.5 MB for one of 10,000 pages. */
  wholesBehind: 32,
  /** Pages that a node is brought up by; with more, all of the value's are listed. */
  manifestPages: 1_024,
  /** How often a catching-up node looks for one that has acknowledged the write. */
  pageCatchUpTries: 200,
  /** Pages of all commands in one proxy at once: two of the largest strings. */
  pagesInMemoryBytes: 1_073_741_824,
  /** Pages that a proxy keeps for commands to come: the upper levels of thousands of trees. Less on a small machine. */
  pageCacheBytes: 67_108_864,
  /** A larger page is not kept there: those of long strings, which are read as a whole. */
  cachedPageBytes: 8_192,
  /** Of commands that load more pages at once than this, each, none is kept: who reads everything would drive out all others. */
  cachedPagesPerLoad: 64,
  /** How often a proxy says which pages it still reads: well below the shortest purgeAfter. */
  pagePinEveryMs: 3_000,
  /** FLUSHDB waits so long for a quorum of zones to adopt the new map. */
  flushDeadlineMs: 5_000,
  /** Keys of one command that are under way at once; more wait for their turn, and a command with more is a barrier. */
  keysInFlight: 1_024,
  /** Operations that one proxy works on at once: some tens of milliseconds of work, far within their deadline. */
  operationsUnderWay: 4_096,
  /** An operation that was not let in for so long is refused: its client will soon give up, too. */
  intakeWaitMs: 5_000,
  /** The queue of those that wait stands when its last would wait half of the deadline ... */
  intakeLongWaitMs: 1_000,
  /** ... for so long, at every look: a burst is done within it. */
  intakeStandingMs: 500,
  /** So many of the deepest pipelines may wait, however slow it goes. */
  intakePipelines: 16,
  /** JUNO.INSPECT waits so long for a replica: well above a slow disk, and people look at the answer. */
  inspectTimeoutMs: 1_000,
  /** A node that has not answered a scan for so long, a page of 1 MB at a slow disk, is not waited for. */
  scanHedgeMs: 250,
  /** Pairs of an old node and a learner that a proposer keeps numbers for: those of a map, and of rounds under older ones. */
  jointPairs: 4_096,
  /** A proposer that is behind asks a storage node for its map when the config store has not helped for so long. */
  mapStorePatienceMs: 30,
  /** The same node is handed a map, or asked for one, at most so often. */
  mapCallPauseMs: 50,
  /** Records of one transaction: each takes its own rounds, all within one deadline. */
  transactionRecords: 2_048,
  /** What a client may queue between MULTI and EXEC. */
  transactionCommands: 65_536,
  transactionBytes: 64 * 1_048_576,
  /** What holding one argument of a queued command costs beside its bytes: those of the object around them. */
  queuedArgumentBytes: 128,
  /** Replies of one transaction, which are in memory together: the largest value that GET can answer fits. */
  transactionReplyBytes: 640 * 1_048_576,
  /** Keys that one connection may watch, all of them records of its transaction, and their bytes together. */
  watchedKeys: 2_048,
  watchedBytes: 4 * 1_048_576,
  /** What each record adds to the deadline of its transaction: 2,000 of them are some 20,000 messages. */
  transactionRecordMs: 2,
  /** Each intent names all records of its transaction up to so many, so that whoever meets it can end all of it. */
  intentListRecords: 64,
  /** A transaction that is undecided for so long may be aborted by whoever waits for it (protocol §9.4). */
  transactionAbortAgeMs: 500,
  /** Whoever waits for one looks at it again after so long. */
  transactionLookMs: 5,
  /** What is left of a transaction that is older than this, a sweep ends. */
  transactionSweepAgeMs: 10_000,
  /** Transactions of others that one process ends at once: more are left to the next who meets them. */
  transactionsSettling: 1_024,
  /** Transactions that one proxy runs at once, and that wait behind others with the same records. */
  transactionsAtOnce: 1_024,
  transactionsQueued: 16_384,
  /** Rounds of reading several records before they are taken by intents instead. */
  snapshotTries: 4,
  /** A proxy holds its own commands on a transaction's records back, until that is resolved, for so long after its answer at most. */
  transactionHoldMs: 200,
  /** Records that one storage process repairs at once, each two round trips; and that wait for it. */
  repairsAtOnce: 64,
  repairsQueued: 16_384,
  /** The same of one proxy, to end its transactions: what waits its turn here holds up whoever comes next to those records. */
  transactionRepairsAtOnce: 1_024,
  // --- changing keys ---
  /** Records that one call seals anew at most, and how many of them at once: clients' commands come between. */
  resealsPerCall: 256,
  resealsAtOnce: 32,
  /** With more operations under way than this the proxy is busy, and sealing anew waits so long at most, looking so often. */
  resealOperations: 256,
  resealWaitMs: 500,
  resealPauseMs: 5,
  /** A node that reads a megabyte in more time than this does not answer. */
  keyUseCallMs: 10_000,
  // --- storage node ---
  /** Recent records of all storage nodes of one process, decoded: collecting garbage among more of them would hold clients up. Less on a small machine. */
  recordCacheBytes: 536_870_912,
  /** One engine read of a scan: small enough that others get their turn. */
  scanStepRecords: 512,
  scanStepBytes: 1_048_576,
  /** A SCAN that has not found enough keys by then answers with what it has. */
  scanCommandMs: 40,
  /** A scan request returns after so many records looked at, found or not. */
  scanExaminedRecords: 8_192,
  /** Corrupt records remembered, so that each is counted and logged once; above it they are forgotten. */
  corruptRecordsPerNode: 65_536,
  /** Pages remembered as durable here; a COMMIT that lists forgotten ones costs a round trip more. */
  knownPagesPerNode: 262_144,
  /** Where a shard has no key of a kind, so many shards behind it are looked at together: as many as a cluster has by default. */
  emptyPrefixesAhead: 1_024,
  /** Whether so many pages are here is found by reading them, 2 MiB at most; for more, all of the value are listed. */
  pagesLookedUp: 32,
  /** Kept free on a storage node's disk: room for the journal, RocksDB's memory tables with their logs, and a merge of these. */
  diskReserveBytes: 536_870_912,
  /** How often the free space is looked at: at 500 MB/s of writes, three times over, a quarter of the reserve goes by in between. */
  diskCheckMs: 100,
  /** On a full disk the engine is asked to reclaim room at most so often, if there is a reason ... */
  reclaimPauseMs: 3_000,
  /** ... and so often without one: it reads and writes everything. */
  reclaimAnywayMs: 600_000,
  /** A proxy takes a storage node that said its disk is full at its word for so long. */
  diskFullMemoryMs: 1_000,
  /** Key versions that one answer about their use counts: there are rarely more than two at a time. */
  keyUsesPerCall: 64,
  // --- storage node: sweep ---
  /** A range whose digests are compared at once: read in some milliseconds. */
  sweepRangeRecords: 1_024,
  sweepRangeBytes: 1_048_576,
  /** A differing range is compared again in parts of so many records, and what of them differs is listed. */
  sweepPartRecords: 128,
  /** Records that are listed at once, and lists of one part: a replica that lags far behind is brought up by many passes. */
  sweepListRecords: 512,
  sweepLists: 16,
  /** Records that a digest covers: far more than the asker has in the range, so that the two differ anyway. */
  digestRecords: 8_192,
  digestBytes: 16_777_216,
  /** Records whose highest ballot is younger may be written right now. */
  sweepRepairAgeMs: 5_000,
  /** A replica that takes longer has not answered, and the range is swept without it. */
  sweepTimeoutMs: 2_000,
  /** Pause between two steps of a sweep, and that as a part of the step's time: clients come first. */
  sweepPauseMs: 2,
  sweepPauseShare: 1,
  /** A node reads no more than this for its sweep, a second: a tenth of what a disk gives. */
  sweepBytesPerSecond: 33_554_432,
  /** All shards are not swept faster than this: an idle cluster stays idle. */
  sweepPassMs: 10_000,
  /**
   * A replica whose shard nobody has swept for so long, or for three of its own passes, sweeps it in the place of the first,
   * which is up. Well above sweepCalmPassMs: two that sweep and purge one shard find differences that they make themselves.
   */
  sweepTakeoverMs: 900_000,
  /** Shards swept side by side while more than this part of the records is due to be killed or purged and a pass takes long. */
  sweepLanes: 4,
  sweepDueShare: 0.05,
  /** ... of so many shards one, so that small clusters do with one lane; and changed no more often than this. */
  sweepShardsPerLane: 8,
  sweepAdjustMs: 250,
  /** How often the place of the sweep is written down. */
  sweepSaveMs: 30_000,
  /** ... which takes so long at most: many repairs, each within its deadline. */
  sweepCallMs: 20_000,
  /** All shards are looked through for pages that are in use no more in so long. */
  pageSweepPassMs: 60_000,
  /** Pages of a record that a proxy still reads stay for so long after it last said so; also how long a node that has just started deletes none. */
  pagePinMs: 30_000,
  /** Records whose pages are kept so, on one node; above it some are not. */
  pinnedRecords: 65_536,
  /** Marks, or pages, that are looked at in one turn: some milliseconds of work. */
  pageSweepEntries: 2_048,
  /** Records whose pages are listed in one turn. */
  pageSweepRecordsAtOnce: 64,
  /** Pages of writes that never came to an end are looked for in one of so many passes: all pages' keys are read for it. */
  unfinishedPagePasses: 8,
  /** A page that no state lists was made by a write that failed, if it is so old: the largest value is sent in less. */
  unfinishedPageAgeMs: 600_000,
  /** A request to sweep now is answered after so many ranges. */
  sweepRangesPerRequest: 64,
  /** Where a pass finds next to nothing to do, records are read no faster than this by each node, and ... */
  sweepCalmRecordsPerSecond: 2_000,
  /** ... as fast as it takes to look at everything within this: what the queues of expiry have missed waits no longer. */
  sweepCalmPassMs: 300_000,
  /** Part of the records that may differ or be due for a pass to count as one with next to nothing to do. */
  sweepCalmShare: 0.02,
  // --- storage node: expiry ---
  /** Memory for notes of what expires when, of each node: 18 bytes a record, a million and a half; more is left to the sweep. */
  expiryNotesBytes: 33_554_432,
  /** What expires within so long is due at once: fine enough to spread the work, coarse enough for few buckets. */
  expiryBucketMs: 250,
  /** What expires later is left to the sweep: by then it has mostly been written again. */
  expiryHorizonMs: 600_000,
  /** Expired records are killed so long after their time: clients' own writes and clocks that differ are not raced needlessly. */
  expiryGraceMs: 250,
  /** How often it is looked whether something is due; and when something is, which is spread over so many looks. */
  expiryIdleTickMs: 100,
  expiryTickMs: 25,
  expirySpreadTicks: 8,
  /** Records that are killed in one message: a few milliseconds of work, no client waits longer. Least and most. */
  expiryBatchRecordsMin: 32,
  expiryBatchRecords: 256,
  /** Such messages under way at once: ten times what one process's clients can write. */
  expiryBatchesAtOnce: 8,
  /** Memory for notes of tombstones that all replicas hold, of each node: 28 bytes a record, two million. */
  purgeNotesBytes: 67_108_864,
  /** Each shard's tombstones are purged in one message so often: many to a message. */
  purgeRoundMs: 8_000,
  /** How often it is looked for shards with some that are due. */
  purgeTickMs: 100,
  /** So much later than purgeAfter: no replica's clock finds them too young, for then it would have to be purged again. */
  purgeGraceMs: 750,
  /** Messages under way at once, and tombstones in each; between two of a shard as long a pause as the message took. */
  purgesAtOnce: 8,
  purgeRecords: 512,
  /** Memory for the ballots of tombstones that nodes wrote, of each node, some fifty bytes each: purging others takes a read. */
  tombstoneTableBytes: 67_108_864,
  /** Notes are kept in pieces of so many bytes; so many, or as many as are in use, are kept for reuse. */
  noteChunkBytes: 2_048,
  noteChunksIdle: 64,
  // --- proxy: keys and strings ---
  /** The largest expiry kept, Number.MAX_SAFE_INTEGER: the year 287396. A later one becomes this. */
  maxExpiresAtMs: 9_007_199_254_740_991,
  /** Elements that one HRANDFIELD or SRANDMEMBER picks where it may pick one several times: their replies have no other bound. */
  randomPicks: 1_048_576,
  /** Expired fields that a command removes from a large hash, beside two for each field that it changes: so they never pile up. */
  reapedFields: 8,
  /** So much of a client's own argument is repeated in an error reply. */
  quotedArgumentBytes: 1_024,
  // --- proxy: maxmemory ---
  /** A node that does not tell in this time what it holds is left out of a look at all of them. */
  memoryLookTimeoutMs: 250,
  /** Over maxmemory, or since the last look, a proxy lets through this part of the limit, within these bounds, before commands wait for a look. */
  memorySlack: 1 / 64,
  memorySlackMinBytes: 65_536,
  memorySlackMaxBytes: 16_777_216,
  /** What each argument of a command may cost on a node beside its bytes: a record's overhead, shared by key and value. */
  memoryArgumentBytes: 160,
  /** A command waits so long at most for evictions to make room, as long as it would wait for the nodes, and then goes on. */
  memoryWaitMs: 2_000,
  /** Keys that are evicted side by side, and how many are looked at for them; a key is the best of so many at most. */
  evictionRecords: 256,
  evictionCandidates: 1_280,
  evictionSamples: 64,
  /** After so many samples without a key for the policy, where a node has too many for a look at all, it counts as having none. */
  evictionEmptySamples: 8,
  /** First guess of what a key takes. */
  evictionUsualBytes: 1_024,
  /** Shards of which a sample is taken at once where few records are found, and records that are asked for of each, at least. */
  evictionShardsAtOnce: 32,
  evictionShardRecords: 16,
  /** After a round that could delete nothing. */
  evictionRetryMs: 100,
  /** After a search that found nothing to evict a pause is so many times as long as the search, up to the time after which it pays again. */
  evictionEmptyPace: 10,
  evictionEmptyRetryMs: 5_000,
  // --- learning (protocol §8) ---
  /** Moves that one learner begins at once: a change of the map for many shards, and little to begin anew after a crash. */
  movesAtOncePerLearner: 64,
  /** Shards for which a learner asks at once whether enough others have them; they are emptied together. */
  learnProbesAtOnce: 64,
  /** Shards that a learner copies at once: while one waits for answers, others go on. */
  learnShardsAtOnce: 4,
  /** Records in one range: an answer of some hundred kilobytes. */
  learnRangeRecords: 512,
  /** What a learner takes in by itself: a disk and a network have more, clients need the rest. */
  learnBytesPerSecond: 33_554_432,
  /** Records of one range that are repaired at once, and tries for each before its range is begun anew. */
  /** A range that takes so long tells of nodes that are busy ... */
  learnBusyMs: 100,
  /** ... and is followed by a pause of so many times that; others by one as long as they took. */
  learnBusyPauses: 4,
  learnPauseMaxMs: 4_000,
  learnRepairsAtOnce: 16,
  learnRepairTries: 5,
  /** An old voter is waited for so long: it may have to read a range from its disk. */
  learnCallMs: 5_000,
  /** Wait after something failed; doubles up to the second. */
  learnRetryMs: 100,
  learnRetryMaxMs: 2_000,
  /** Shards that are learned wait so long for others, so that many become one change of the map. */
  learnFinishMs: 200,
  /** So many records found corrupt since the start are no accident of one: the node learns all of its shards anew. */
  corruptRecordsToRelearn: 16,
  /** How often a node looks at its moves and goals. */
  moveManagerMs: 500,
  /** A learner that has not answered the old node for so long loses the move. */
  learnerSilentMs: 10_000,
  /** ... and is asked so often. */
  learnerPingMs: 1_000,
  // --- storage engine ---
  /** Replaying a log of some 100 MB takes seconds; a disk that hangs must not hang the start for ever. */
  engineOpenMs: 120_000,
  /** Closing writes out the memory table, 64 MB; an orchestrator kills after 30 s. */
  engineCloseMs: 20_000,
  /** How old the reported size of an engine may be: finding it looks at every file. */
  engineSizeRefreshMs: 10_000,
  /** RocksDB's memory table; two of them, and their logs, are kept. */
  engineWriteBufferBytes: 67_108_864,
  /** Table files that RocksDB keeps open at once. */
  engineOpenFiles: 4_096,
  /** Idle native read batches kept for reuse; more at once are made and thrown away. */
  engineIdleReadBatches: 64,
  /** Entries that one native call of a scan fetches: the call costs as much as some hundred entries. */
  engineIteratorEntries: 512,
  /** ... and at least so many when entries are large. */
  engineIteratorEntriesMin: 8,
  /** What waits to be written is closed as a batch beyond this: well within a journal's segment, for longer ones go round it. */
  writeBatchBytes: 1_048_576,
  /** A node whose disk is behind by so much takes no more COMMITs for now: the others have them, and repairs bring it up. */
  writeBacklogBytes: 67_108_864,
  /** A part of the journal, settled at a time: RocksDB takes some 25,000 small records in order at half the cost. */
  journalSegmentBytes: 8_388_608,
  /** Parts of the journal, in memory and on the disk: what is overwritten within 64 MB of writes costs RocksDB nothing ... */
  journalSegments: 8,
  /** ... and at least so many where memory is short: one to write to, one that is settled, one between. */
  journalSegmentsMin: 3,
  /** A longer entry is written by another thread: to go there and back costs as much as copying so much. */
  journalWriteNowBytes: 65_536,
  /** Changes and bytes that one batch takes from the journal into RocksDB: about half a millisecond of work. */
  settleChanges: 512,
  settleBytes: 262_144,
  /** Changes whose index is dropped in one turn, about as long. */
  settleForgets: 4_096,
  /** The memory engine forgets deleted keys of those that begin alike when there are so many, and as many as others ... */
  memoryDeletedKeys: 1_024,
  /** ... and before a scan puts new ones in their places, and takes deleted ones out, one by one where they are fewer than one in so many. */
  memoryInsertFactor: 64,
  /** ... and no more than so many: each moves all that is behind it, and to go through all keys once takes as long as about these. */
  memoryInsertedKeys: 1_024,
  /** identity.json and run.json hold a few short fields. */
  nodeFileBytes: 65_536,
  /** The loading of the native module is tried in a child process for so long. */
  rocksdbSelfTestMs: 10_000,
  // --- crypto ---
  /** Key versions in a keystore: one rotation a day for more than ten years. */
  keyVersions: 4_096,
  /** A keystore file: twice what so many versions take. */
  keystoreFileBytes: 1_048_576,
  /** How often a keystore file is looked at: a rotation is taken up as soon. */
  keystoreCheckMs: 1_000,
  /** A keystore command is run so often, and on SIGHUP: key management systems charge for calls, and refuse many. */
  keystoreCommandEveryMs: 60_000,
  /** It may take so long. */
  keystoreCommandMs: 30_000,
  /** A new key version does not seal sooner than this, so that every proxy has it by then. */
  keyActivationMinMs: 3_000,
  /** An old key version can be retired when another has sealed for so long: longer than any command is under way. */
  keyRetireAfterMs: 15_000,
  /** `keys rotate` waits so much longer than --activate-after for proxies to seal with the new version. */
  keyTakenUpMs: 15_000,
  /** A shorter cluster secret could be guessed from a recorded handshake. */
  clusterSecretMinBytes: 16,
  // --- audit ---
  /** Of a command's arguments so much is entered: enough for names and limits. */
  auditArguments: 32,
  auditArgumentBytes: 256,
  /** Entries that wait for a disk that does not take them; then they are lost, and counted. */
  auditQueueEntries: 10_000,
  auditRetryMs: 1_000,
  /** Refused passwords that are entered one by one; more are counted: who guesses must not fill the disk. */
  auditRefusedLoginsPerSecond: 2,
  // --- command line ---
  /** A command waits so long for who reads what it printed, then ends all the same. */
  exitFlushMs: 10_000,
  /** An answer is waited for so long at most: whoever asks for more wants to repeat the call. */
  cliDeadlineMaxMs: 3_600_000,
  /** The connections of a command that has its answer may take so long to close. */
  cliCloseMs: 500,
  /** A password file has one line. */
  passwordFileBytes: 4_096,
  // --- traces ---
  /** Commands that are traced at the same time; while there are more, none is chosen. */
  tracesOpen: 64,
  /** Records of one command, and requests to storage nodes in all, that its trace shows. */
  traceRecords: 8,
  traceCalls: 96,
  /** Spans that wait for a slow collector, some megabytes at most; beyond that they are dropped and counted. */
  traceSpansWaiting: 8_192,
  /** Spans of one message to the collector, and the longest wait for more of them. */
  traceSpansPerExport: 512,
  traceExportDelayMs: 2_000,
  /** The collector must have answered by then. */
  traceExportTimeMs: 10_000,
  /** What is left of traces at the end is given so long. */
  traceFlushMs: 2_000,
  // --- seeing ---
  /** Connections to the HTTP port: some collectors and health checks. */
  httpConnections: 64,
  /** A request has arrived whole within this, with its headers in so many bytes. */
  httpRequestMs: 5_000,
  httpHeaderBytes: 8_192,
  /** An idle connection of a collector is kept between two of its rounds. */
  httpIdleMs: 65_000,
  /** `junokv top` looks so often, and waits so long for a proxy to connect and to answer. */
  topIntervalMs: 1_000,
  topAnswerMs: 2_000,
  /** Lines that /readyz answers. */
  readyzProblems: 16,
  /** What an engine does not tell of itself within this is left out. */
  metricsEngineMs: 1_000,
  /** Between two looks at how late the event loop is: often enough to see a tenth of a second, too rarely to cost. */
  metricsLagSampleMs: 20,
  /** A message is written so often in a window, and counted beyond that. */
  logLinesPerWindow: 10,
  logWindowMs: 10_000,
  /** Messages that are counted: more than the code has. */
  logMessages: 512,

  // --- members ---
  /** Nodes that one change of members names: all of five zones of 64. */
  membersPerChange: 320,
  /** A storage node that has not answered the operator's command after so long is shown as one that does not answer. */
  memberAnswerMs: 3_000,
  /** How often the progress of a change is drawn on a terminal; a line of its own elsewhere. */
  memberProgressMs: 250,
  memberProgressLineMs: 5_000,
  /** A change that has not got on for so long is looked into: nodes that move a shard in that time are slow, but not stuck. */
  memberStalledMs: 15_000,
  /** The rate of moves that the time left is told by is that of so long. */
  memberRateWindowMs: 30_000,
  // --- backup ---
  /** Records of one listing, and states of one call; it stops early where they come to more than so many bytes. */
  backupListRecords: 1_024,
  backupReadRecords: 256,
  backupReadBytes: 4_194_304,
  /** Pages of one call: 1 MiB. */
  backupPagesPerCall: 16,
  /** A large value is restored in pieces of so many bytes, each a write of its own. */
  backupPieceBytes: 1_048_576,
  /** A collection, whose elements cost a proxy more, in pieces of so many bytes: some ten milliseconds. */
  backupElementsBytes: 131_072,
  /** A file of a backup ends with the record that makes it longer: what an interrupted backup has to do again. */
  backupFileBytes: 67_108_864,
  /** The longest frame of a backup's file: the longest message, in which a state came from a node, and a little. */
  backupFrameBytes: 16_777_216,
  /** A manifest: some 300 bytes for each of its files. */
  backupManifestBytes: 268_435_456,
  /** Backups of a chain: a full one and what was added to it. Each is one open file while it is read. */
  backupChain: 366,
  /** Shards whose records are fetched at once, and calls of a restore under way at once. */
  backupShardsAtOnce: 16,
  backupCallsAtOnce: 64,
  /** Bytes of the records that a restore has under way at once. */
  backupBytesAtOnce: 33_554_432,
  /** A call is tried again after so long, and given up when nothing has been answered for so long. */
  backupRetryMs: 100,
  backupUnreachableMs: 60_000,
  /** A value that changes too fast to be copied is tried so often. */
  backupValueTries: 20,
  /** Problems that a check of a backup prints; the others are counted. */
  backupProblemsShown: 20,
  // --- DUMP, RESTORE, import and export ---
  /** Items of a collection in one DUMP payload, two for each field of a hash: each costs some hundred bytes while it is decoded. */
  rdbItems: 4_194_304,
  /** A collection that DUMP and RESTORE take: about a second of a proxy's work, and several times as much of its memory. */
  dumpCollectionBytes: 67_108_864,
  /** A larger collection is imported in parts of this, by commands, and not as one payload: a proxy makes one in some milliseconds. */
  importPartBytes: 1_048_576,
  /** Keys that an import has under way at once, and their bytes; a larger one goes alone. */
  importKeysAtOnce: 512,
  importBytesAtOnce: 33_554_432,
  /** Connections to the target for one database. */
  importConnections: 8,
  /** A server that has not answered for so long is given up: it may be busy with a large value. */
  importSilenceMs: 60_000,
  /** Different things that were not taken, and names of keys that are shown of each. */
  importKindsCounted: 64,
  importNamesShown: 10,
  /** Databases of which the keys are counted at once, each over a connection of its own. */
  importCountsAtOnce: 16,
  /** Keys of one SCAN of the source: DUMP of so many is answered in some milliseconds. */
  importScanKeys: 256,
  /** Keys that a comparison looks at again at its end: they may have been written just then. */
  importSuspects: 10_000,
  /** A file of the command stream that an import follows. */
  importSpoolPartBytes: 67_108_864,
  /** Connections for one database over which commands of several keys go, each at most one at a time; two cores gain nothing by more. */
  importLanes: 16,
  /** A proxy goes on at most so long with what a lost connection asked for: the deadline of a transaction of as many records as there may be. */
  importLingerMs: 7_000,
  /** Commands of the stream under way at once, of a transaction, and the bytes of one; a longer one is carried out in pieces. */
  importCommandsAtOnce: 512,
  importTransactionCommands: 4_096,
  importTransactionBytes: 8_388_608,
  /**
   * Keys whose content at the target is not sure and is asked for anew, some 300 bytes each: what a source used while an import
   * was further behind than keys live is asked for when it has caught up. So many are asked for at once.
   */
  importUnsureKeys: 1_000_000,
  importRepairKeys: 32,
  /** Commands of so many bytes may be under way beyond what was noted of them: their keys are looked at again after a crash. */
  importAheadBytes: 1_048_576,
  /** ... that many times as much for each of these keys that are not sure: all are noted each time. */
  importAheadKeys: 10_000,
  /** A live import waits so long for the first keys of its source, and after a lost connection, and looks for news so often. */
  importSyncMs: 600_000,
  importSourceAwayMs: 600_000,
  /** Who has answered before is waited for so long: a cluster under load may not confirm writes for a while. */
  importAnswersMs: 600_000,
  importReconnectMs: 500,
  importIdleMs: 100,
  /** How often an import notes how far it is, and the share of the time that this may take. */
  importStateMs: 1_000,
  importStateShare: 0.05,
  /** SYNC: keys of one scan, values that are read at once, bytes that are handed to the client at once, and in a second. */
  syncScanKeys: 256,
  syncKeysAtOnce: 16,
  syncPieceBytes: 1_048_576,
  syncBytesPerSecond: 33_554_432,
  /** How often it is looked whether the client has taken them. */
  syncLookMs: 10,
  // --- load generator ---
  /** Its connections; a proxy serves as many by default. */
  loadConnections: 10_000,
  /** Connections that are being opened at once: fewer than servers keep in their backlog. */
  loadConnectsAtOnce: 128,
  /** From connecting to the answers of AUTH and the like. */
  loadConnectMs: 5_000,
  /** A lost connection is opened again after so long. */
  loadReconnectMs: 100,
  /** A run without any connection, or a preload without any answer, is given up after so long. */
  loadUnreachableMs: 30_000,
  /** Keys; their numbers have twelve digits. */
  loadKeys: 1_000_000_000_000,
  loadRequests: 1_000_000_000_000,
  /** Largest value; all values are parts of one stretch of random bytes that is a little longer. */
  loadValueBytes: 67_108_864,
  /** Bytes of requests that can be under way at once. */
  loadRequestBytes: 1_073_741_824,
  /** Requests of an open loop that are under way at once: some seconds of a high rate. What is due then waits. */
  loadOpenRequests: 262_144,
  /** Requests of an open loop that are sent before answers are looked at again. */
  loadRequestsPerTurn: 1_024,
  /** Requests under way while preloading, together and of one connection: enough to be fast, few enough to be answered in time. */
  loadPreloadRequests: 1_024,
  loadPreloadDepth: 64,
  /** Keys that preloading writes again after an error that may pass, such as -BUSY. */
  loadPreloadRetries: 100_000,
  /** Wait before that, lest a busy server gets busier. */
  loadPreloadRetryMs: 50,
  /** A run that ends by the number of its requests ends after so long at the latest. */
  loadRequestsMaxMs: 3_600_000,
  /** The last answers are waited for so long: longer than any deadline of a server. */
  loadDrainMs: 5_000,
  /** Points of the results over time; longer runs have longer intervals. */
  loadSeriesPoints: 4_096,
  /** Different first words of errors that are counted by themselves, and their length. */
  loadErrorWords: 64,
  loadErrorWordChars: 40,
  /** How often the progress is drawn on a terminal, and written elsewhere. */
  loadStatusLineMs: 250,
  loadProgressMs: 5_000,
} as const;
