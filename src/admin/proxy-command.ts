import type { Assembly } from './assembly.ts';
import type { CommandInput } from './command-input.ts';
import { addressesOf, placesText } from './listening-places.ts';
import { openProxy } from './open-proxy.ts';
import { registrationOf } from './registration-of.ts';
import type { ProcessParts, StartResult } from './running.ts';
import { serve } from './serve.ts';
import { startServer } from './server-parts.ts';

/** `junokv proxy`: serves Redis clients from storage nodes that run elsewhere. */
export function proxyCommand(input: CommandInput, assembly: Assembly): Promise<number> {
  return serve(input.system, () =>
    startServer(input, 'proxy', async (parts) => {
      if (input.config.workers === 1) return start(input, assembly, parts);
      // Loaded when needed: mostly one process is enough.
      return (await import('./workers/start-workers.ts')).startWorkers(input, parts);
    }),
  );
}

async function start(input: CommandInput, assembly: Assembly, parts: ProcessParts): Promise<StartResult> {
  const { system } = input;
  const opened = await openProxy(input, assembly, parts);
  if (!opened.ok) return opened;
  const { running, shared, keystore } = opened;
  const announced = shared.announce(registrationOf('proxy', null, addressesOf(running.listening), system));
  return {
    ok: true,
    running: {
      ...running,
      async stop() {
        await Promise.all([announced.stop(), running.stop()]);
        shared.store.close();
      },
    },
    summary: `junokv ${system.version} proxy is ready\n\n  clients  ${placesText(running.listening)}\n  cluster  ${shared.place}\n  key      ${keystore}\n`,
  };
}
