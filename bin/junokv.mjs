#!/usr/bin/env node
// Plain JavaScript that any Node can read: first the version, then the program itself.
import { existsSync } from 'node:fs';
import { enableCompileCache, flushCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

const NEEDED = 24;
const major = Number(process.versions.node.split('.')[0]);
if (major < NEEDED) {
  console.error(`junokv needs Node ${NEEDED} or newer; this is ${process.version} (${process.execPath}).`);
  console.error('In a clone, npm ci brings its own: use npm start, or put node_modules/.bin first on the PATH.');
  process.exit(2);
}
// All RocksDB databases of a process share libuv's pool, whose size is read when it is first used: now is early enough.
process.env.UV_THREADPOOL_SIZE ??= '16';

// What Node has made of the sources is kept beside the packages, per version of Node and user: the next start takes half as long.
// Workers find it by the variable. Where it cannot be written, nothing is kept. Servers are killed, too, so it is not left to the end.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../node_modules/.cache/junokv', import.meta.url));
enableCompileCache(process.env.NODE_COMPILE_CACHE);
setTimeout(flushCompileCache, 5_000).unref();

// A clone runs its source; the package ships only compiled files.
const source = new URL('../src/main.ts', import.meta.url);
const compiled = new URL('../dist/main.js', import.meta.url);
const { main } = await import((existsSync(source) ? source : compiled).href);
await main(process.argv.slice(2));
