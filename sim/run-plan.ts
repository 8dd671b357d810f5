import { limits } from '../src/base/limits.ts';
import { MessageType, type Request, type Response } from '../src/rpc/messages.ts';
import { checkIntents, checkPages, checkPurged, checkReplicas, checkStrays } from './check-replicas.ts';
import { checkRequests } from './check-requests.ts';
import { checkTogether } from './check-transactions.ts';
import type { HistoryOp } from './checker.ts';
import { isLong } from './long-values.ts';
import { verdicts } from './pair-checker.ts';
import type { Plan } from './plan.ts';
import { START_US } from './sim-clock.ts';
import { RandomNetwork, scheduleFaults } from './sim-faults.ts';
import { setLimits } from './sim-limits.ts';
import { membersAtRest } from './sim-members.ts';
import type { NetworkWatcher } from './sim-network.ts';
import { formatArrival } from './trace-text.ts';
import { Workload } from './workload.ts';
import { type Parts, World } from './world.ts';

/** A run that is not over by then has hung. */
const LONGEST_RUN_US = 120_000_000;
/** Between the last fault and the last reads: all that was late has come, all connections stand. */
const SETTLE_US = 6_000_000;
/** Deadlines are looked at every few milliseconds. */
const DEADLINE_SLACK_US = 20_000;
const STEP_US = 20_000;
/** In peace a change of members is through by then. */
const LONGEST_CHANGE_US = 60_000_000;
/** In peace all replicas are the same by then; where clocks differ, some purge a tombstone before the others, and it is written anew. */
const LONGEST_AGREEMENT_US = 60_000_000;
/** Passes of the sweep in which all that differs is found and repaired, or purged. */
const SWEEPS = 4;

/** What an acceptor answered, counted. */
export const NODE_ANSWERS: readonly [keyof typeof MessageType, string][] = [
  ['state', 'node-state'],
  ['promise', 'node-promise'],
  ['ack', 'node-ack'],
  ['reject', 'node-reject'],
  ['clock', 'node-clock'],
  ['stale', 'node-stale'],
  ['epoch', 'node-epoch'],
  ['fault', 'node-fault'],
];

export interface RunResult {
  /** What must never be; empty if all went well. */
  readonly problems: readonly string[];
  /** Keys that could not be checked within the bound of the search. */
  readonly undecided: number;
  readonly history: readonly HistoryOp[];
  readonly operations: number;
  readonly faults: number;
  readonly events: number;
  readonly branches: ReadonlyMap<string, number>;
  /** Equal runs have equal hashes. */
  readonly hash: string;
  /** What arrived and happened, if asked for. */
  readonly trace: readonly string[];
}

/** Folds what happens into one number, and keeps it as text if wanted. */
class Recorder implements NetworkWatcher {
  readonly answers = new Map<string, number>();
  readonly trace: string[] = [];
  readonly #keep: boolean;
  #hash = 0x811c9dc5;
  nowUs: () => number = () => 0;

  constructor(keep: boolean) {
    this.#keep = keep;
  }

  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  onArrival(from: string, to: string, request: Request, response: Response | null): void {
    this.#mix(this.nowUs());
    this.#mix(from.charCodeAt(0) * 64 + from.charCodeAt(1));
    this.#mix(to.charCodeAt(1));
    this.#mix(response === null ? request.type : response.type);
    if (request.type === MessageType.prepare || request.type === MessageType.commit) this.#mix(request.ballot.time);
    if (response !== null) {
      this.answers.set(String(response.type), (this.answers.get(String(response.type)) ?? 0) + 1);
      if (response.type === MessageType.state || response.type === MessageType.promise)
        this.#mix(response.accepted.time);
    }
    if (this.#keep) this.trace.push(`${this.#stamp()} ${formatArrival(from, to, request, response)}`);
  }

  event(text: () => string): void {
    const words = text();
    for (let i = 0; i < words.length; i++) this.#mix(words.charCodeAt(i));
    if (this.#keep) this.trace.push(`${this.#stamp()} ${words}`);
  }

  #stamp(): string {
    return (this.nowUs() / 1000).toFixed(3).padStart(10);
  }

  #mix(value: number): void {
    this.#hash = Math.imul(this.#hash ^ (value | 0), 0x01000193);
    this.#hash ^= this.#hash >>> 15;
  }
}

/** Outside promises (`outsidePromises`). */
export function runPlan(plan: Plan, parts: Parts, keepTrace: boolean): RunResult {
  const restore = setLimits(plan.setup.limits);
  try {
    return runWithin(plan, parts, keepTrace);
  } finally {
    restore();
  }
}

function runWithin(plan: Plan, parts: Parts, keepTrace: boolean): RunResult {
  const recorder = new Recorder(keepTrace);
  const network = new RandomNetwork(plan.setup.seed, plan.links);
  const world = new World(plan.setup, parts, network, recorder);
  const { scheduler } = world;
  recorder.nowUs = () => scheduler.nowUs;
  const workload = new Workload(world, (text) => recorder.event(text));
  const problems: string[] = [];
  scheduleFaults(world, network, plan.faults, () => workload.noteClocks());
  for (const client of plan.clients) workload.start(client, plan.keys);
  try {
    drive(plan, world, network, workload, problems);
  } catch (error) {
    problems.push(`exception: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  problems.push(...workload.problems);
  checkDeadlines(plan, workload.history, problems);
  const undecided = checkHistory(plan.keys, workload.history, problems);
  problems.push(...checkTogether(workload.history));
  problems.push(...checkRequests(plan.faults, workload.history));
  const branches = world.branches();
  for (const [type, name] of NODE_ANSWERS) branches.set(name, recorder.answers.get(String(MessageType[type])) ?? 0);
  return {
    problems,
    undecided,
    history: workload.history,
    operations: workload.history.length,
    faults: plan.faults.length - world.skippedFaults,
    events: scheduler.events,
    branches,
    hash: recorder.hash,
    trace: recorder.trace,
  };
}

/** Clients and faults until both are through, then peace: all must come together, and every proxy read every key. */
function drive(plan: Plan, world: World, network: RandomNetwork, workload: Workload, problems: string[]): void {
  const { scheduler } = world;
  const faultsEndUs = plan.faults.reduce(
    (latest, fault) => Math.max(latest, fault.atUs + ('forUs' in fault ? fault.forUs : 0)),
    0,
  );
  while (!workload.finished && scheduler.nowUs < LONGEST_RUN_US) scheduler.runUntil(scheduler.nowUs + STEP_US);
  if (!workload.finished) problems.push('the clients did not come to an end');
  scheduler.runUntil(Math.max(scheduler.nowUs, faultsEndUs + STEP_US));
  network.calm();
  world.config.cutOff.clear();
  for (const { disk } of world.nodes) disk.profile = { ...disk.profile, writeErrorChance: 0, stallChance: 0 };
  for (const node of world.nodes) if (world.isMember(node)) world.startNode(node);
  for (const proxy of world.proxies) world.startProxy(proxy);
  scheduler.runUntil(scheduler.nowUs + SETTLE_US);
  waitForMembers(world, problems);
  readAll(plan, world, workload, problems);
  if (hasLostNode(plan)) return;
  problems.push(...agreement(world));
  const peaceUs = START_US + scheduler.nowUs;
  const longestMs = limits.purgeAfterMs + Math.max(limits.requestReachMs, limits.unfinishedPageAgeMs);
  scheduler.runUntil(scheduler.nowUs + 1000 * (longestMs + SWEEPS * (limits.sweepPassMs + limits.pageSweepPassMs)));
  problems.push(...agreement(world), ...checkPurged(world, peaceUs), ...checkStrays(world), ...checkPages(world));
  problems.push(...checkIntents(world));
  readAll(plan, world, workload, problems);
  for (const entry of workload.running) problems.push(`operation ${entry.id} was never answered`);
}

/** Where the replicas differ still after some passes of the sweep; ballots of a clock that was ahead are let alone for as long. */
function agreement(world: World): string[] {
  const { scheduler } = world;
  const endUs = scheduler.nowUs + LONGEST_AGREEMENT_US;
  for (;;) {
    scheduler.runUntil(scheduler.nowUs + 1000 * (limits.sweepRepairAgeMs + SWEEPS * limits.sweepPassMs));
    const differences = checkReplicas(world);
    if (differences.length === 0 || scheduler.nowUs > endUs) return differences;
  }
}

/** A node that was an hour ahead promises nothing for an hour, so it takes no repairs either. */
function hasLostNode({ faults, setup }: Plan): boolean {
  const nodes = setup.zones * (setup.nodesPerZone + setup.sparesPerZone);
  return faults.some((fault) => fault.kind === 'wild-clock' && fault.machine < nodes);
}

/** All members that are to change have changed. */
function waitForMembers(world: World, problems: string[]): void {
  const { scheduler, config } = world;
  const endUs = scheduler.nowUs + LONGEST_CHANGE_US;
  while (!membersAtRest(config.map) && scheduler.nowUs < endUs) scheduler.runUntil(scheduler.nowUs + STEP_US);
  if (!membersAtRest(config.map)) {
    const { moves, goals } = config.map;
    problems.push(`a change of members does not end: ${moves.length} moves, ${goals.length} goals`);
  }
}

function readAll(plan: Plan, world: World, workload: Workload, problems: string[]): void {
  const { scheduler } = world;
  const before = workload.history.length;
  for (const key of plan.keys) {
    for (const proxy of world.proxies) workload.send(proxy, `last ${proxy.name}`, key, { kind: 'get' }, () => {});
  }
  scheduler.runUntil(scheduler.nowUs + limits.deadlineMs * 1000 + DEADLINE_SLACK_US);
  for (const entry of workload.history.slice(before)) {
    if (entry.outcome.kind !== 'reply') problems.push(`${entry.key} cannot be read after all has healed`);
  }
}

function checkDeadlines(plan: Plan, history: readonly HistoryOp[], problems: string[]): void {
  // So long nodes are waited for that are connected, as those behind a partition are here.
  let allowedUs = limits.deadlineWhenLateMs * 1000 + DEADLINE_SLACK_US;
  // A proxy that stands still answers nothing, and pages on their way move the deadline along.
  for (const fault of plan.faults) if (fault.kind === 'pause-proxy') allowedUs += fault.forUs;
  if (history.some(({ op }) => 'value' in op && isLong(op.value))) return;
  for (const entry of history) {
    if (entry.op.kind === 'flush' || entry.op.kind === 'swap') continue;
    if (entry.returnedUs - entry.invokedUs > allowedUs && Number.isFinite(entry.returnedUs)) {
      problems.push(`operation ${entry.id} took ${Math.round((entry.returnedUs - entry.invokedUs) / 1000)} ms`);
    }
  }
}

/** Returns how many keys could not be decided. */
function checkHistory(keys: readonly string[], history: readonly HistoryOp[], problems: string[]): number {
  let undecided = 0;
  for (const [key, verdict] of verdicts(keys, history)) {
    if (verdict.kind === 'undecided') undecided++;
    if (verdict.kind === 'violation') {
      problems.push(`${key} is not linearizable: stuck at ${verdict.stuck.map((id) => `#${id}`).join(' ')}`);
    }
  }
  return undecided;
}
