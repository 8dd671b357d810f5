import { assert } from '../src/base/assert.ts';
import { KeyScan } from '../src/quorum/key-scan.ts';
import { isNoBallot, sameBallot } from '../src/record/ballot.ts';
import { recordKey } from '../src/record/record-id.ts';
import { decodeStored, type StoredRecord } from '../src/record/state-codec.ts';
import { checkTogether } from './check-transactions.ts';
import type { HistoryOp } from './checker.ts';
import type { SimNode, SimProxy } from './machines.ts';
import { verdicts } from './pair-checker.ts';
import { outsidePromises } from './promises.ts';
import { Pattern, ScriptedNetwork } from './scenario-network.ts';
import { parseCluster, parseOp, parseTxn, type ScenarioCluster } from './scenario-words.ts';
import { commandStep, short } from './sim-commands.ts';
import { setLimits } from './sim-limits.ts';
import { withLearner } from './sim-members.ts';
import { SimSeal, simIds } from './sim-seal.ts';
import { Workload } from './workload.ts';
import { type Parts, World } from './world.ts';

const simSeal = new SimSeal();

/** Runs the steps of one scenario; each gives lines of output. */
class ScenarioRun {
  readonly #network = new ScriptedNetwork();
  readonly #world: World;
  readonly #workload: Workload;

  constructor(given: ScenarioCluster, parts: Parts) {
    this.#world = new World(
      {
        seed: 1,
        ...given,
        clockOffsetsUs: [],
        clockDriftPpm: [],
        disk: { meanUs: 1, stallChance: 0, stallUs: 0, writeErrorChance: 0, synchronousReads: 1 },
        cacheBytes: 1_000_000,
        express: false,
        encoded: true,
        framed: false,
      },
      parts,
      this.#network,
      this.#network,
    );
    this.#workload = new Workload(this.#world, () => {});
    this.#advance(10);
  }

  /** Outside promises. */
  step(line: string): string[] {
    const words = line.split(' ');
    const [verb = '', ...rest] = words;
    const { output } = this.#network;
    if (/^P\d+$/.test(verb)) this.#submit(this.#proxy(verb), rest);
    else this.#control(verb, rest);
    this.#world.scheduler.flushTurn();
    return output.splice(0);
  }

  #control(verb: string, rest: readonly string[]): void {
    const network = this.#network;
    const text = rest.join(' ');
    switch (verb) {
      case 'run':
        this.#advance(Number(rest[0]));
        break;
      case 'hold':
        network.holding.push(new Pattern(text));
        break;
      case 'drop':
        network.dropping.push(new Pattern(text));
        break;
      case 'show':
        network.showing.push(new Pattern(text));
        break;
      case 'let':
        for (const rules of [network.holding, network.dropping]) {
          const index = rules.findIndex((pattern) => pattern.text === text);
          if (index >= 0) rules.splice(index, 1);
        }
        break;
      case 'deliver':
        this.#deliver(new Pattern(text));
        break;
      case 'discard':
        network.output.push(`${network.take(new Pattern(text)).length} discarded`);
        break;
      case 'clock':
        this.#machine(rest[0] ?? '').machine.offsetUs = Number(rest[1]) * 1000;
        break;
      case 'map':
        this.#world.changeMap(text === '' ? null : this.#node(text), null);
        break;
      case 'join':
        this.#world.config.set(withLearner(this.#world, this.#node(text)));
        break;
      case 'hear':
        for (const name of rest) this.#hear(name);
        break;
      case 'cut':
        this.#world.config.cutOff.add(text);
        break;
      case 'mend':
        this.#world.config.cutOff.delete(text);
        break;
      case 'crash':
      case 'power':
      case 'wipe':
      case 'start':
        this.#turn(verb, rest[0] ?? '');
        break;
      case 'sync': {
        const { disk } = this.#node(text);
        disk.synced(disk.written);
        break;
      }
      case 'disk':
        this.#showDisk(rest[0] ?? '', rest[1] ?? '');
        break;
      case 'check':
        this.#check();
        break;
      default:
        throw new Error(`no such step: ${verb} ${text}`);
    }
  }

  /** `P1 name: incr k` */
  #submit(proxy: SimProxy, rest: readonly string[]): void {
    const [label = '', ...words] = rest;
    if (words[0] === 'scan') {
      this.#scan(proxy, label, words[1] ?? '', Number(words[2]));
      return;
    }
    const answered = (entries: readonly HistoryOp[]): void => {
      const answers = entries.map(({ outcome }) =>
        outcome.kind === 'reply' ? short(String(outcome.reply)) : outcome.kind,
      );
      this.#network.output.push(`${label} ${words.join(' ')} -> ${answers.join(' ')}`);
    };
    const txn = parseTxn(words);
    if (txn !== null) {
      if (txn.mode === 'look') {
        const keys = txn.parts.map(({ key }) => key);
        this.#workload.look(proxy, label, keys, answered);
      } else {
        this.#workload.transact(proxy, label, { mode: txn.mode, parts: txn.parts }, answered);
      }
      this.#world.scheduler.flushTurn();
      return;
    }
    const { key, op } = parseOp(words);
    const done = (entry: HistoryOp): void => answered([entry]);
    if (op.kind === 'flush') {
      this.#workload.flush(proxy, label, this.#keys(), done);
    } else if (op.kind === 'swap') {
      this.#workload.swap(proxy, label, this.#keys(), done);
    } else {
      this.#workload.send(proxy, label, key, op, done);
    }
    this.#world.scheduler.flushTurn();
  }

  /** One step of a scan: keys behind `after` (`-`: from the start). */
  #scan(proxy: SimProxy, label: string, after: string, limit: number): void {
    const { coordinator } = proxy;
    assert(coordinator !== null, 'a proxy that runs');
    const scan = new KeyScan(coordinator, commandStep(['get', 'any']), (reply) => reply !== null);
    const afterId = after === '-' ? '' : simIds.recordId(0, 1, Buffer.from(after));
    scan.scanShard(0, 0, afterId, limit).then((result) => {
      const found = result.ok
        ? `${result.keys.map(({ key }) => key.toString()).join(' ')}, ${result.exhausted ? 'end' : `up to ${result.lastId.split('/')[0]}`}`
        : result.failure.kind;
      this.#network.output.push(`${label} scan ${after} ${limit} -> ${found}`);
    });
    this.#world.scheduler.flushTurn();
  }

  #advance(ms: number): void {
    this.#world.scheduler.runUntil(this.#world.scheduler.nowUs + ms * 1000);
  }

  #deliver(pattern: Pattern): void {
    const taken = this.#network.take(pattern);
    if (taken.length === 0) this.#network.output.push('nothing is held');
    for (const message of taken) {
      message.deliver();
      this.#world.scheduler.flushTurn();
    }
  }

  /** A node or a proxy learns of the newest map. */
  #hear(name: string): void {
    const { map } = this.#world.config;
    if (name.startsWith('P')) this.#proxy(name).map?.adopt(map);
    else this.#node(name).node?.adoptMap(map);
  }

  #turn(verb: string, name: string): void {
    const world = this.#world;
    if (name.startsWith('P')) {
      if (verb === 'crash') world.crashProxy(this.#proxy(name));
      else world.startProxy(this.#proxy(name));
    } else if (verb === 'crash') {
      world.crashNode(this.#node(name), null);
    } else if (verb === 'power') {
      world.losePower(this.#node(name), 'nothing');
    } else if (verb === 'wipe') {
      world.wipeNode(this.#node(name));
    } else {
      world.startNode(this.#node(name));
    }
  }

  #showDisk(name: string, key: string): void {
    const generation = this.#world.config.map.namespaces[0]?.generation ?? 1;
    const id = simIds.recordId(0, generation, Buffer.from(key));
    this.#node(name).disk.records.getMany([recordKey(0, id)], (_error, values) => {
      const bytes = values?.[0] ?? null;
      const stored = bytes === null ? null : decodeStored(bytes);
      this.#network.output.push(`${name} ${key}: ${stored === null ? 'absent' : storedText(id, stored)}`);
    });
  }

  /** All that were spoken of so far. */
  #keys(): readonly string[] {
    return [...new Set(this.#workload.history.map((entry) => entry.key))];
  }

  #check(): void {
    const { history, problems, running } = this.#workload;
    this.#network.output.push(...problems);
    for (const entry of running) this.#network.output.push(`${entry.client} is not answered`);
    for (const [key, verdict] of verdicts(this.#keys(), history)) {
      this.#network.output.push(`${key} ${verdict.kind === 'violation' ? 'is not linearizable' : verdict.kind}`);
    }
    if (history.every(({ txn }) => txn === undefined)) return;
    const together = checkTogether(history);
    for (const problem of together) this.#network.output.push(`transactions are not serializable: ${problem}`);
    if (together.length === 0) this.#network.output.push('transactions serializable');
  }

  #proxy(name: string): SimProxy {
    const proxy = this.#world.proxies.find((other) => other.name === name);
    assert(proxy !== undefined, `no proxy ${name}`);
    return proxy;
  }

  #node(name: string): SimNode {
    const node = this.#world.nodes[Number(name.slice(1)) - 1];
    assert(node !== undefined, `no node ${name}`);
    return node;
  }

  #machine(name: string): SimNode | SimProxy {
    return name.startsWith('P') ? this.#proxy(name) : this.#node(name);
  }
}

/** Value and history without times, which any change of pace would change. */
function storedText(id: string, { accepted, state }: StoredRecord): string {
  const content = simSeal.open(id, state)?.content;
  const value = content?.value ?? null;
  const text = value === null ? 'dead' : value.paged ? 'paged' : short(value.bytes?.toString('latin1') ?? '');
  const { origin } = state.header;
  const maker = isNoBallot(origin) ? 'from absent' : `by proposer ${origin.proposer}`;
  const repaired = sameBallot(accepted, origin) ? '' : `, written back by proposer ${accepted.proposer}`;
  const intent = state.intent === undefined ? '' : ', with an intent';
  return `${text} ${maker}${repaired}${intent}`;
}

/**
 * Runs a scenario: lines of steps, `#` comments, and behind each `----` the expected output of the steps before it, up to
 * an empty line. Returns the same text with what really came out; a scenario passes if that equals its own text.
 */
export function runScenario(text: string, parts: Parts): Promise<string> {
  return outsidePromises(() => {
    const lines = text.trimEnd().split('\n');
    const cluster = parseCluster(lines.find((line) => line.startsWith('cluster ')) ?? '');
    const restore = setLimits(cluster.limits);
    try {
      return runLines(lines, new ScenarioRun(cluster, parts));
    } finally {
      restore();
    }
  });
}

function runLines(lines: readonly string[], run: ScenarioRun): string {
  const result: string[] = [];
  let output: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? '';
    result.push(line);
    const step = line.split('#')[0]?.trim() ?? '';
    if (step === '----') {
      result.push(...output);
      output = [];
      while (i + 1 < lines.length && lines[i + 1] !== '') i++;
    } else if (step !== '' && !step.startsWith('cluster ')) {
      output.push(...run.step(step));
    }
  }
  if (output.length > 0) result.push('----', ...output);
  return `${result.join('\n')}\n`;
}
