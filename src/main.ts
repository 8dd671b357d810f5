import { assembly } from './admin/assemble.ts';
import { runCommandLine } from './admin/cli.ts';
import { createSystem } from './admin/system.ts';

/** Runs one command and ends the process with its exit code: 0 fine, 1 it failed, 2 it was asked for wrongly. */
export async function main(args: readonly string[]): Promise<void> {
  const system = createSystem();
  const exitCode = await runCommandLine(args, system, assembly);
  system.exit(exitCode);
}
