import { limits } from '../base/limits.ts';
import type { CommandInput } from './command-input.ts';
import { EXIT_FAILED, EXIT_OK } from './serve.ts';
import type { System } from './system.ts';
import { passwordHashText } from './users-file.ts';

export type NewPassword =
  | { readonly ok: true; readonly password: Buffer }
  | { readonly ok: false; readonly problem: string };

/** `junokv hash-password`: what is kept of the password on standard input. */
export async function hashPasswordCommand({ system }: CommandInput): Promise<number> {
  const hold = system.hold();
  try {
    const read = await readNewPassword(system);
    if (!read.ok) {
      system.complain(`junokv: ${read.problem}`);
      return EXIT_FAILED;
    }
    system.print(passwordHashText(read.password));
    return EXIT_OK;
  } finally {
    hold.cancel();
  }
}

/** The password on standard input, without the end of its line. */
export async function readNewPassword(system: System): Promise<NewPassword> {
  const input = await system.readInput(limits.passwordFileBytes);
  if (input === null) return { ok: false, problem: `a password has at most ${limits.passwordFileBytes} bytes` };
  const password = withoutLineEnd(input);
  return password.length > 0
    ? { ok: true, password }
    : { ok: false, problem: 'there is no password on standard input' };
}

function withoutLineEnd(input: Buffer): Buffer {
  let end = input.length;
  if (end > 0 && input[end - 1] === 0x0a) end--;
  if (end > 0 && end < input.length && input[end - 1] === 0x0d) end--;
  return input.subarray(0, end);
}
