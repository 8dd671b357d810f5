import { limits } from '../base/limits.ts';
import type { CommandInput } from './command-input.ts';
import { EXIT_FAILED, EXIT_OK } from './serve.ts';
import { passwordHashText } from './users-file.ts';

/** `junokv hash-password`: what the users file keeps of the password on standard input. */
export async function hashPasswordCommand({ system }: CommandInput): Promise<number> {
  const hold = system.hold();
  try {
    const input = await system.readInput(limits.passwordFileBytes);
    const problem = input === null ? `a password has at most ${limits.passwordFileBytes} bytes` : null;
    const password = input === null ? Buffer.alloc(0) : withoutLineEnd(input);
    if (problem !== null || password.length === 0) {
      system.complain(`junokv: ${problem ?? 'there is no password on standard input'}`);
      return EXIT_FAILED;
    }
    system.print(passwordHashText(password));
    return EXIT_OK;
  } finally {
    hold.cancel();
  }
}

function withoutLineEnd(input: Buffer): Buffer {
  let end = input.length;
  if (end > 0 && input[end - 1] === 0x0a) end--;
  if (end > 0 && end < input.length && input[end - 1] === 0x0d) end--;
  return input.subarray(0, end);
}
