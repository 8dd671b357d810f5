import { RawClient } from './raw-client.ts';
import { readReply } from './resp-reply.ts';
import type { Ports } from './run-script.ts';

/** Pairs of replies that were compared, by command. */
export class ReplyCounts {
  readonly #byName = new Map<string, number>();

  add(name: string, pairs = 1): void {
    const key = name.toLowerCase();
    this.#byName.set(key, (this.#byName.get(key) ?? 0) + pairs);
  }

  get pairs(): number {
    let sum = 0;
    for (const pairs of this.#byName.values()) sum += pairs;
    return sum;
  }

  /** A line for each group: how many of its commands were compared, in how many pairs of replies. What is in no group is "other". */
  table(groupOf: ReadonlyMap<string, string>): string {
    const groups = new Map<string, { commands: number; pairs: number }>();
    for (const [name, pairs] of this.#byName) {
      const group = groupOf.get(name) ?? 'other';
      const sum = groups.get(group) ?? { commands: 0, pairs: 0 };
      groups.set(group, { commands: sum.commands + 1, pairs: sum.pairs + pairs });
    }
    const lines = [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
    return lines
      .map(([group, { commands, pairs }]) => `${group}: ${commands} commands, ${pairs} pairs of replies`)
      .join('\n');
  }
}

/** The group of each command by its name, as COMMAND DOCS of the redis-server has it. */
export async function groupsOfCommands(ports: Ports): Promise<ReadonlyMap<string, string>> {
  const client = await RawClient.connect(ports.redis);
  if (ports.password !== null) await client.command(['AUTH', ports.password]);
  const docs = readReply(await client.command(['COMMAND', 'DOCS']))?.items ?? [];
  client.close();
  const groups = new Map<string, string>();
  for (let i = 0; i + 1 < docs.length; i += 2) {
    const about = docs[i + 1]?.items ?? [];
    const at = about.findIndex((one, j) => j % 2 === 0 && String(one.bytes) === 'group');
    groups.set(String(docs[i]?.bytes), String(about[at + 1]?.bytes));
  }
  return groups;
}
