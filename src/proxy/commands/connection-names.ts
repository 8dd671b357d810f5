import { limits } from '../../base/limits.ts';
import { ErrorReply, OK, type Reply } from '../../resp/reply.ts';
import type { Session } from '../session.ts';
import { argument, optionName } from './keyed-row.ts';

const BAD_NAME = new ErrorReply('ERR Client names cannot contain spaces, newlines or special characters.');

/** An argument inside an error line: cut short, without line ends. */
export function printable(value: Buffer): string {
  return value.toString('utf8', 0, 128).replaceAll(/[\r\n]/g, ' ');
}

/** Only `!` to `~`: the value is printed in the space-separated lines of CLIENT LIST. */
function isPlainWord(value: Buffer): boolean {
  for (const byte of value) if (byte < 0x21 || byte > 0x7e) return false;
  return true;
}

function tooLong(what: string): ErrorReply {
  return new ErrorReply(`ERR ${what} cannot be longer than ${limits.clientNameBytes} bytes`);
}

/** CLIENT SETNAME and HELLO ... SETNAME; an empty name takes the name away. Null, or the error to answer. */
export function setClientName(session: Session, name: Buffer): ErrorReply | null {
  if (name.length > limits.clientNameBytes) return tooLong('Client names');
  if (!isPlainWord(name)) return BAD_NAME;
  session.name = name.toString('latin1');
  return null;
}

/** https://redis.io/docs/latest/commands/client-setinfo/ */
export function runSetInfo(session: Session, args: readonly Buffer[]): Reply {
  const attribute = optionName(argument(args, 2));
  const shown = printable(argument(args, 2));
  const value = argument(args, 3);
  if (attribute !== 'lib-name' && attribute !== 'lib-ver') return new ErrorReply(`ERR Unrecognized option '${shown}'`);
  if (value.length > limits.clientNameBytes) return tooLong(shown);
  if (!isPlainWord(value)) {
    return new ErrorReply(`ERR ${shown} cannot contain spaces, newlines or special characters.`);
  }
  if (attribute === 'lib-name') session.libName = value.toString('latin1');
  else session.libVersion = value.toString('latin1');
  return OK;
}
