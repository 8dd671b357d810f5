import { assert } from '../../base/assert.ts';
import { genericKeyCommands } from '../../proxy/commands/generic-commands.ts';
import { stringCommands } from '../../proxy/commands/string-commands.ts';
import { CommandRunner, type PlainReply, plain } from '../../proxy/testing/run-command.ts';
import type { Reply } from '../../resp/reply.ts';
import { MapReply } from '../../resp/reply.ts';
import { junoCommands } from '../juno-commands.ts';

/** A reply map by its names, as tests like to look at it. */
export type Fields = Record<string, PlainReply>;

/** The entries of a map; anything else is the test's failure. */
export function fieldsOf(reply: Reply): Fields {
  assert(reply instanceof MapReply, `a map, not ${JSON.stringify(plain(reply))}`);
  return Object.fromEntries(reply.entries.map(([name, value]) => [String(name), plain(value)]));
}

/** A UUID of version 7, 4 or another without a time; `serial` makes it unique. */
export function uuid(version: number, timeMs: number, serial: number): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(timeMs, 0, 6);
  bytes[6] = version << 4;
  bytes[8] = 0x80;
  bytes.writeUInt32BE(serial, 12);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Juno's commands, and Redis's beside them, on a cluster in memory. */
export class JunoRunner extends CommandRunner {
  #serial = 0;

  constructor() {
    super([...stringCommands, ...genericKeyCommands, ...junoCommands]);
  }

  get nowMs(): number {
    return this.clock.wallMs();
  }

  /** A new request id of that version, made now. */
  newId(version = 7): string {
    return uuid(version, this.nowMs, ++this.#serial);
  }

  /** The map that a command line answers. */
  fields(line: string): Fields {
    return fieldsOf(this.reply(...line.split(' ')));
  }
}
