import type { Place } from './place.ts';
import { RawClient } from './raw-client.ts';
import { type ReplyNode, readReply } from './resp-reply.ts';

/** An argument as COMMAND DOCS describes it: https://redis.io/docs/latest/commands/command-docs/ */
export interface DocumentedArgument {
  readonly name: string;
  readonly type: string;
  /** Stands before the value, or is all of it; null for none. */
  readonly token: string | null;
  readonly isOptional: boolean;
  readonly isMultiple: boolean;
  /** The token is said again for each value. */
  readonly repeatsToken: boolean;
  /** Of a block: all of them; of a oneof: one of them. */
  readonly parts: readonly DocumentedArgument[];
}

export interface DocumentedCommand {
  /** As COMMAND LIST has it: `get`, `object|encoding`. */
  readonly name: string;
  readonly group: string;
  readonly parts: readonly DocumentedArgument[];
  readonly hasSubcommands: boolean;
}

/** What COMMAND DOCS of that server says of every command and subcommand, by name. */
export async function readCommandDocs(place: Place, password: string | null = null) {
  const client = await RawClient.connect(place);
  if (password !== null) await client.command(['AUTH', password]);
  const reply = readReply(await client.command(['COMMAND', 'DOCS']));
  client.close();
  const commands = new Map<string, DocumentedCommand>();
  addCommands(reply, commands);
  return commands;
}

function addCommands(list: ReplyNode | null | undefined, commands: Map<string, DocumentedCommand>): void {
  for (const [name, node] of pairsOf(list)) {
    const about = new Map(pairsOf(node));
    commands.set(name, {
      name,
      group: textOf(about.get('group')),
      parts: (about.get('arguments')?.items ?? []).map(argumentOf),
      hasSubcommands: about.has('subcommands'),
    });
    addCommands(about.get('subcommands'), commands);
  }
}

function argumentOf(node: ReplyNode): DocumentedArgument {
  const about = new Map(pairsOf(node));
  const flags = (about.get('flags')?.items ?? []).map(textOf);
  return {
    name: textOf(about.get('name')),
    type: textOf(about.get('type')),
    token: about.has('token') ? textOf(about.get('token')) : null,
    isOptional: flags.includes('optional'),
    isMultiple: flags.includes('multiple'),
    repeatsToken: flags.includes('multiple_token'),
    parts: (about.get('arguments')?.items ?? []).map(argumentOf),
  };
}

/** All arguments, the parts of others too. */
export function allArguments(parts: readonly DocumentedArgument[]): DocumentedArgument[] {
  return parts.flatMap((part) => [part, ...allArguments(part.parts)]);
}

function pairsOf(node: ReplyNode | null | undefined): [string, ReplyNode][] {
  const items = node?.items ?? [];
  return items.flatMap((item, i): [string, ReplyNode][] => {
    const value = items[i + 1];
    return i % 2 === 0 && value !== undefined ? [[textOf(item), value]] : [];
  });
}

function textOf(node: ReplyNode | undefined): string {
  return node?.bytes?.toString('latin1') ?? '';
}
