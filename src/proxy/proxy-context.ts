import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { ClientRegistry } from './client-registry.ts';
import type { ClusterPort } from './cluster-port.ts';
import type { CommandTable } from './command-table.ts';
import type { KeyUse } from './key-use.ts';
import type { LatencyMonitor } from './latency-monitor.ts';
import type { MemoryLimit } from './memory/memory-limit.ts';
import type { MonitorHub } from './monitor-hub.ts';
import type { Namespaces } from './namespaces.ts';
import type { ProcessPort } from './process-port.ts';
import type { ProxyInfo } from './proxy-info.ts';
import type { ProxyStats } from './proxy-stats.ts';
import type { RuntimeConfig } from './runtime-config.ts';
import type { SlowLog } from './slow-log.ts';
import type { CommandTracer } from './tracing/command-tracer.ts';
import type { Users } from './users.ts';

/** What all sessions of one proxy share; wired in `proxy.ts`. */
export interface ProxyContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly cluster: ClusterPort;
  readonly table: CommandTable;
  readonly config: RuntimeConfig;
  readonly keyUse: KeyUse;
  readonly memory: MemoryLimit;
  readonly process: ProcessPort;
  readonly stats: ProxyStats;
  readonly clients: ClientRegistry;
  readonly slowLog: SlowLog;
  readonly latency: LatencyMonitor;
  readonly monitors: MonitorHub;
  readonly info: ProxyInfo;
  readonly namespaces: Namespaces;
  readonly users: Users;
  /** Null: no command is traced. */
  readonly tracer: CommandTracer | null;
}
