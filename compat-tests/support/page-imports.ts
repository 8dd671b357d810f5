/** With `node --import`: pages import packages as an application would that has installed them. */
import { registerHooks } from 'node:module';

const SOURCES: Readonly<Record<string, string>> = {
  'junokv-client': 'client.ts',
  'junokv-client/request-id': 'request-id.ts',
};

registerHooks({
  resolve(specifier, context, nextResolve) {
    const source = SOURCES[specifier];
    if (source !== undefined) {
      return nextResolve(new URL(`../../src/juno-ext/client/src/${source}`, import.meta.url).href, context);
    }
    const isPackage = !/^[./]|^\w+:/.test(specifier);
    return nextResolve(specifier, isPackage ? { ...context, parentURL: import.meta.url } : context);
  },
});
