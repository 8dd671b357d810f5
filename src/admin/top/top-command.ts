import type { Timer } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { readClientTls } from '../client-tls.ts';
import type { CommandInput } from '../command-input.ts';
import { readPassword } from '../data-verbs/client-config.ts';
import { EXIT_FAILED, EXIT_OK } from '../serve.ts';
import { topFrame } from './frame.ts';
import { ProxyLink } from './proxy-link.ts';
import { openTerminal, type Terminal } from './terminal.ts';
import { type TopView, topView } from './view.ts';

/** Of what is printed where there is no terminal. */
const PRINTED = { columns: 160, rows: 1_000 };
const CONTROL_C = '\u0003';

/** `junokv top`: what the proxies of --target tell, once a second, until `q`, Ctrl-C or a signal; once with --once. */
export async function topCommand(input: CommandInput, open: () => Terminal | null = openTerminal): Promise<number> {
  const { config, system } = input;
  const password = readPassword(config);
  const tls = readClientTls(config);
  const problem = !password.ok ? password.problem : tls.ok ? null : tls.problem;
  if (!password.ok || !tls.ok) {
    system.complain(`junokv: ${problem}`);
    return EXIT_FAILED;
  }
  const login = { username: config.username, password: password.password, tls: tls.tls };
  const links = config.target.map((target) => new ProxyLink(target, login, system.clock));
  const hold = system.hold();
  try {
    const terminal = config.once || config.json ? null : open();
    return terminal === null ? await printOnce(input, links) : await showAlways(input, links, terminal);
  } finally {
    for (const link of links) link.close();
    hold.cancel();
  }
}

async function look(links: readonly ProxyLink[]): Promise<TopView> {
  return topView(await Promise.all(links.map((link) => link.read())));
}

/** Rates are of the second between two looks. */
async function printOnce({ config, system }: CommandInput, links: readonly ProxyLink[]): Promise<number> {
  const first = await look(links);
  const isReached = first.proxies.some((proxy) => proxy.problem === null);
  if (isReached) await new Promise<void>((resolve) => system.clock.after(limits.topIntervalMs, resolve));
  const view = isReached ? await look(links) : first;
  if (config.json) system.print(JSON.stringify({ ok: isReached, ...view }));
  else system.print(topFrame(view, PRINTED, false).join('\n'));
  return isReached ? EXIT_OK : EXIT_FAILED;
}

/** Draws until it is asked to end; a slow proxy makes it slower, and never asks it twice at a time. */
function showAlways({ system }: CommandInput, links: readonly ProxyLink[], terminal: Terminal): Promise<number> {
  return new Promise((resolve, reject) => {
    let view: TopView | null = null;
    let timer: Timer | null = null;
    let isOver = false;
    const end = (settle: () => void): void => {
      if (isOver) return;
      isOver = true;
      timer?.cancel();
      terminal.close();
      settle();
    };
    const draw = (): void => {
      if (isOver || view === null) return;
      terminal.show(topFrame(view, { columns: terminal.columns, rows: terminal.rows }, true));
    };
    const step = async (): Promise<void> => {
      view = await look(links);
      if (isOver) return;
      draw();
      timer = system.clock.after(limits.topIntervalMs, () => {
        step().catch((error: unknown) => end(() => reject(error)));
      });
    };
    terminal.onKey((key) => {
      if (key === 'q' || key === 'Q' || key === CONTROL_C) end(() => resolve(EXIT_OK));
    });
    terminal.onResize(draw);
    system.onStopSignal(() => end(() => resolve(EXIT_OK)));
    step().catch((error: unknown) => end(() => reject(error)));
  });
}
