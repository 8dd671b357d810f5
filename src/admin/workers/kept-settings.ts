import type { KeptSetting } from '../../proxy/peers/peers.ts';
import type { ProxyContext } from '../../proxy/proxy-context.ts';
import type { RuntimeConfig } from '../../proxy/runtime-config.ts';

/** What was changed while the workers of a proxy ran, for those that start later. */
export class KeptSettings {
  /** By parameter. */
  readonly #config = new Map<string, string>();
  #pause: KeptSetting = { kind: 'pause', pause: null };

  keep(setting: KeptSetting): void {
    if (setting.kind === 'pause') this.#pause = setting;
    else for (const [name, value] of setting.pairs) this.#config.set(name, value);
  }

  /** The value that CONFIG SET gave a parameter; undefined: none. */
  config(name: string): string | undefined {
    return this.#config.get(name);
  }

  /** To be applied in this order. */
  all(): readonly KeptSetting[] {
    return [{ kind: 'config', pairs: [...this.#config] }, this.#pause];
  }
}

/** In a worker that has just started, or was just starting while something was set. */
export function applySettings(settings: readonly KeptSetting[], { config, clients, clock }: SettingsTarget): void {
  for (const setting of settings) {
    if (setting.kind === 'config') {
      // They were accepted by another worker; one by one, as they were not set together.
      for (const pair of setting.pairs) config.adopt(pair);
    } else if (setting.pause !== null && setting.pause.untilMs > clock.wallMs()) {
      const { mode, untilMs } = setting.pause;
      clients.pause(mode, clock.monotonicMs() + (untilMs - clock.wallMs()));
    }
  }
}

type SettingsTarget = Pick<ProxyContext, 'clients' | 'clock'> & { readonly config: RuntimeConfig };
