import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { limits } from '../../base/limits.ts';
import { junoCommands } from '../../juno-ext/juno-commands.ts';
import { AccessLevel } from '../../proxy/access.ts';
import { ClusterFailure } from '../../proxy/cluster-port.ts';
import type { CommandRow } from '../../proxy/command.ts';
import { VisitingSession } from '../../proxy/peers/visiting-session.ts';
import type { BackupKeeper } from '../../proxy/process-port.ts';
import type { ProxyContext } from '../../proxy/proxy-context.ts';
import type { Session } from '../../proxy/session.ts';
import { ErrorReply, type Reply } from '../../resp/reply.ts';
import { type Argument, type BackupSource, pause } from './backup-link.ts';
import { BackupProblem, messageOf } from './backup-problem.ts';
import { type BackupHost, runBackup } from './backup-run.ts';
import { ClusterRecords } from './cluster-records.ts';

const RUN_ID_CHARS = 8;
const backupRows: ReadonlyMap<string, CommandRow> = new Map(
  junoCommands.flatMap((row) => row.subcommands ?? []).map((row) => [row.name, row]),
);

/** The backups that clients of a proxy ask it for (SAVE, BGSAVE): each a full one in a directory of its own, one at a time. */
export class ProxyBackups implements BackupKeeper {
  readonly #dir: string;
  readonly #context: () => ProxyContext;
  readonly #host: BackupHost;
  #source: OwnRecords | null = null;
  #lastSaveMs: number | null = null;
  lastProblem: string | null = null;

  /** `dir`: where the directories of backups are made. `context`: of the proxy, once it is there. */
  constructor(dir: string, context: () => ProxyContext, host: BackupHost) {
    this.#dir = dir;
    this.#context = context;
    this.#host = host;
  }

  get isSaving(): boolean {
    return this.#source !== null;
  }

  get lastSaveMs(): number {
    return this.#lastSaveMs ?? this.#context().info.identity.startedAtMs;
  }

  async save(): Promise<string | null> {
    if (this.#source !== null) return 'another backup is under way';
    const context = this.#context();
    const source = new OwnRecords(context);
    this.#source = source;
    const startedMs = this.#host.clock.wallMs();
    const at = new Date(startedMs).toISOString().replaceAll(/[-:]/g, '');
    const dir = join(this.#dir, `backup-${at}-${context.info.runId.slice(0, RUN_ID_CHARS)}`);
    try {
      const request = { dir, since: '', bytesPerSecond: limits.proxyBackupBytesPerSecond };
      const { stored, tookMs } = await runBackup(request, new ClusterRecords(source), this.#host);
      this.#lastSaveMs = startedMs;
      this.lastProblem = null;
      context.log.info(
        { dir, records: stored, tookMs: Math.round(tookMs) },
        'a backup that a client asked for is complete',
      );
    } catch (error) {
      if (!(error instanceof BackupProblem)) throw error;
      this.lastProblem = error.message;
      // Nobody will go on with it. What cannot be removed is not worth a second problem.
      await rm(dir, { recursive: true, force: true }).catch(() => {});
    } finally {
      this.#source = null;
    }
    return this.lastProblem;
  }

  /** A backup that is under way fails. */
  stop(): void {
    this.#source?.close();
  }
}

/** JUNO.BACKUP of the proxy's own process, a few calls at a time. */
class OwnRecords implements BackupSource {
  readonly #context: ProxyContext;
  readonly #session: Session;
  readonly #waiting: (() => void)[] = [];
  #free = limits.proxyBackupCallsAtOnce;
  #isClosed = false;

  constructor(context: ProxyContext) {
    this.#context = context;
    this.#session = new VisitingSession(context, {
      id: 0,
      createdAtMs: context.clock.wallMs(),
      remoteAddress: '',
      localAddress: '',
      encrypted: false,
      clusterEnabled: false,
      database: 0,
      namespaceGroup: 0,
      namespaceBound: false,
      access: AccessLevel.admin,
      protocol: 2,
      name: '',
      user: '',
    });
  }

  async backup(...args: readonly Argument[]): Promise<unknown> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await this.#untilAnswered(args.map((arg) => (Buffer.isBuffer(arg) ? arg : Buffer.from(String(arg)))));
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }

  close(): void {
    this.#isClosed = true;
  }

  /** Tries again while no quorum answers, for limits.backupUnreachableMs. */
  async #untilAnswered(args: readonly Buffer[]): Promise<unknown> {
    const { clock } = this.#context;
    const startedMs = clock.monotonicMs();
    const handler = backupRows.get(`juno.backup|${String(args[0]).toLowerCase()}`)?.handler;
    if (handler?.kind !== 'waiting') throw new BackupProblem('there is no such part of JUNO.BACKUP');
    for (;;) {
      if (this.#isClosed) throw new BackupProblem('the proxy stops');
      try {
        const reply = await handler.run(this.#session, [Buffer.from('JUNO.BACKUP'), ...args]);
        if (reply instanceof ErrorReply) throw new BackupProblem(reply.text);
        return asReceived(reply);
      } catch (error) {
        if (!(error instanceof ClusterFailure)) throw error;
        if (clock.monotonicMs() - startedMs > limits.backupUnreachableMs) {
          throw new BackupProblem(`the cluster does not answer: ${messageOf(error)}`);
        }
        await pause(clock, limits.backupRetryMs);
      }
    }
  }
}

/** As a client would get it. */
function asReceived(reply: Reply): unknown {
  return typeof reply === 'string' ? Buffer.from(reply) : reply;
}
