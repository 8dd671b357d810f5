import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAst } from 'vitest/node';

const ROOT = resolve(import.meta.dirname, '..');
const FILE_LINES = 400;
const FUNCTION_LINES = 70;

/** Which rooms a room may import, beside itself. What is not listed here is a wrong arrow. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  record: ['base'],
  resp: ['base'],
  cluster: ['base'],
  crypto: ['record', 'base'],
  rpc: ['crypto', 'cluster', 'record', 'base'],
  // A package of its own, that applications install without the server.
  client: [],
  quorum: ['resp', 'cluster', 'rpc', 'record', 'crypto', 'base'],
  storage: ['quorum', 'resp', 'cluster', 'rpc', 'record', 'crypto', 'base'],
  proxy: ['quorum', 'resp', 'cluster', 'rpc', 'record', 'crypto', 'base'],
  'juno-ext': ['client', 'proxy', 'storage', 'quorum', 'resp', 'cluster', 'rpc', 'record', 'crypto', 'base'],
  admin: ['juno-ext', 'client', 'proxy', 'storage', 'quorum', 'resp', 'cluster', 'rpc', 'record', 'crypto', 'base'],
  main: [
    'juno-ext',
    'client',
    'admin',
    'proxy',
    'storage',
    'quorum',
    'resp',
    'cluster',
    'rpc',
    'record',
    'crypto',
    'base',
  ],
};

/** Calls that reach for the machine, and the files that are there to make them. */
const BANNED_CALLS: readonly { readonly pattern: RegExp; readonly allowedIn: readonly string[] }[] = [
  { pattern: /^Date$|^Date\.now$|^performance\.|^process\.hrtime/, allowedIn: ['src/base/system-clock.ts'] },
  { pattern: /^(set|clear)(Timeout|Interval|Immediate)$/, allowedIn: ['src/base/system-clock.ts'] },
  { pattern: /^Math\.random$|^(globalThis\.)?crypto\./, allowedIn: ['src/base/system-random.ts'] },
  { pattern: /^process\.(exit|kill|abort)$/, allowedIn: ['src/admin/system.ts'] },
  { pattern: /^console\./, allowedIn: [] },
];

/** Names that are not to be imported from Node's modules, for the same reasons. */
const BANNED_IMPORTS: Readonly<Record<string, { readonly pattern: RegExp; readonly allowedIn: readonly string[] }>> = {
  'node:crypto': { pattern: /^random|^getRandom|^webcrypto$/, allowedIn: ['src/base/system-random.ts'] },
  'node:timers': { pattern: /./, allowedIn: [] },
  'node:timers/promises': { pattern: /./, allowedIn: [] },
  'node:perf_hooks': { pattern: /^performance$/, allowedIn: [] },
};

/** Files longer than the limit, each with the reason why it stays one. */
const LONG_FILES: Readonly<Record<string, string>> = {
  'src/base/limits.ts': 'every limit in one place, each with its reason',
};

/** Functions longer than the limit, as `file: name`, each with the reason why it stays one. */
const LONG_FUNCTIONS: Readonly<Record<string, string>> = {
  'src/rpc/request-codec.ts: writeRequest': 'one case of a few lines for each message',
  'src/rpc/response-codec.ts: writeResponse': 'one case of a few lines for each message',
};

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly program: Node;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** All nodes below `node`, itself first; `name` is what the nearest declaration is called. */
function* walk(node: Node, name = ''): Generator<{ node: Node; name: string }> {
  const own = [node['id'], node['key']].find(isNode)?.['name'];
  const here = typeof own === 'string' ? own : name;
  yield { node, name: here };
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) yield* walk(child, here);
  }
}

/** `a.b.c` of a chain of names, '' of anything else. */
function dottedName(node: unknown): string {
  if (!isNode(node)) return '';
  if (node.type === 'Identifier') return String(node['name']);
  if (node.type !== 'MemberExpression' || node['computed'] === true) return '';
  const object = dottedName(node['object']);
  return object === '' ? '' : `${object}.${dottedName(node['property'])}`;
}

const FOLDERS = ['src', 'sim', 'compat-tests', 'crash-tests', 'chaos', 'bench', 'scripts', 'bin', 'docs', '.ci'];
const NOT_OURS = new Set(['node_modules', '.git', 'dist', 'data', 'coverage']);

function* filesBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!NOT_OURS.has(entry.name)) yield* filesBelow(path);
    } else if (entry.isFile()) {
      yield path;
    }
  }
}

function rootFiles(): string[] {
  const shipped =
    /^(package(-lock)?\.json|[A-Z].*\.md|LICENSE|Dockerfile|.*\.config\.ts|tsconfig.*\.json|biome\.json)$/;
  return readdirSync(ROOT).filter((name) => shipped.test(name));
}

const allFiles = [
  ...FOLDERS.filter((folder) => existsSync(join(ROOT, folder))).flatMap((folder) => [...filesBelow(folder)]),
];
/** Tests, what only they use, and suites that they run (`engine-conformance.ts`). */
const isTestCode = (path: string): boolean => /\.test\.ts$|(^|\/)testing\/|-(conformance|test-kit)\.ts$/.test(path);

const sources: readonly SourceFile[] = allFiles
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
  .map((path) => {
    const text = readFileSync(join(ROOT, path), 'utf8');
    const program: unknown = parseAst(text, { lang: 'ts' }, path);
    if (!isNode(program)) throw new Error(`${path} cannot be parsed`);
    return { path, text, program };
  });
const productive = sources.filter(({ path }) => path.startsWith('src/') && !isTestCode(path));
const CLIENT = 'src/juno-ext/client/';
/** What runs in the simulator, too. The client package is an application's guest and has the machine's clock. */
const simulated = productive.filter(({ path }) => !path.startsWith(CLIENT));

/** The modules that a file imports or exports from; `types` alone ones are marked, since they vanish. */
function importsOf(file: SourceFile): { readonly from: string; readonly typeOnly: boolean }[] {
  const found: { from: string; typeOnly: boolean }[] = [];
  for (const { node } of walk(file.program)) {
    const isImport = ['ImportDeclaration', 'ExportNamedDeclaration', 'ExportAllDeclaration', 'ImportExpression'];
    const source = isImport.includes(node.type) ? node['source'] : null;
    if (!isNode(source) || typeof source['value'] !== 'string') continue;
    const typeOnly = node['importKind'] === 'type' || node['exportKind'] === 'type';
    found.push({ from: source['value'], typeOnly });
  }
  return found;
}

/** The path of an imported file of ours, null for a package. */
function resolveImport(file: SourceFile, from: string): string | null {
  return from.startsWith('.') ? relative(ROOT, resolve(ROOT, dirname(file.path), from)) : null;
}

/** `src/proxy/x.ts` is of room proxy, `src/main.ts` of main, `sim/x.ts` of sim. */
function roomOf(path: string): string {
  if (path.startsWith(CLIENT)) return 'client';
  const [top = '', second = ''] = path.split('/');
  return top === 'src' ? second.replace(/\.(test\.)?ts$/, '') : top;
}

describe('imports', () => {
  it('point down only', () => {
    const wrong: string[] = [];
    for (const file of sources.filter(({ path }) => path.startsWith('src/') && path !== 'src/tidy.test.ts')) {
      const room = roomOf(file.path);
      for (const { from } of importsOf(file)) {
        const target = resolveImport(file, from);
        if (target === null) continue;
        const targetRoom = roomOf(target);
        const allowed = targetRoom === room || ARROWS[room]?.includes(targetRoom) === true;
        if (!allowed || !target.startsWith('src/')) wrong.push(`${file.path} -> ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('of code that ships reach no code that is only for tests', () => {
    const wrong = productive.flatMap((file) =>
      importsOf(file)
        .map(({ from }) => resolveImport(file, from))
        .filter((target) => target !== null && isTestCode(target))
        .map((target) => `${file.path} -> ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('of black boxes reach nothing of src but the client package', () => {
    const wrong = sources
      .filter(({ path }) => path.startsWith('compat-tests/') || path.startsWith('bench/'))
      .flatMap((file) => importsOf(file).map(({ from }) => `${file.path} -> ${resolveImport(file, from)}`))
      .filter((arrow) => arrow.includes('-> src/') && !arrow.includes(`-> ${CLIENT}`));
    expect(wrong).toEqual([]);
  });

  it('form no cycle of files', () => {
    const targets = new Map(
      productive.map((file) => [
        file.path,
        importsOf(file)
          .filter(({ typeOnly }) => !typeOnly)
          .map(({ from }) => resolveImport(file, from)),
      ]),
    );
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      const at = trail.indexOf(path);
      if (at >= 0) cycles.push([...trail.slice(at), path].join(' -> '));
      if (at >= 0 || done.has(path)) return;
      for (const target of targets.get(path) ?? []) if (target !== null) visit(target, [...trail, path]);
      done.add(path);
    };
    for (const path of targets.keys()) visit(path, []);
    expect(cycles).toEqual([]);
  });

  it('go to the file that holds the thing: no barrels, no default exports', () => {
    const wrong: string[] = [];
    for (const { path, program } of sources) {
      if (path.endsWith('.config.ts')) continue;
      for (const { node } of walk(program)) {
        const reexports =
          node.type === 'ExportAllDeclaration' || (node.type === 'ExportNamedDeclaration' && isNode(node['source']));
        if (reexports || node.type === 'ExportDefaultDeclaration') wrong.push(`${path}: ${node.type}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('calls', () => {
  it('of clocks, timers, randomness and the process stay in the files that are there for them', () => {
    const wrong: string[] = [];
    for (const { path, program } of simulated) {
      for (const { node } of walk(program)) {
        if (node.type !== 'CallExpression' && node.type !== 'NewExpression') continue;
        const args = node['arguments'];
        const name = dottedName(node['callee']);
        // `new Date(ms)` only converts.
        if (name === 'Date' && Array.isArray(args) && args.length > 0) continue;
        const rule = BANNED_CALLS.find(({ pattern }) => pattern.test(name));
        if (rule !== undefined && !rule.allowedIn.includes(path)) wrong.push(`${path}: ${name}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('of the same kind are not imported by another name', () => {
    const wrong: string[] = [];
    for (const { path, program } of simulated) {
      for (const { node } of walk(program)) {
        const source = node.type === 'ImportDeclaration' ? node['source'] : null;
        const specifiers = node['specifiers'];
        if (!isNode(source) || !Array.isArray(specifiers)) continue;
        const rule = BANNED_IMPORTS[String(source['value'])];
        if (rule === undefined || rule.allowedIn.includes(path)) continue;
        for (const specifier of specifiers.filter(isNode)) {
          const name = dottedName(specifier['imported']);
          // A whole module under one name hides what is used of it.
          if (name === '' || rule.pattern.test(name)) wrong.push(`${path}: ${source['value']} ${name}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('sizes', () => {
  it(`files have at most ${FILE_LINES} lines`, () => {
    const long = productive
      .map(({ path, text }) => ({ path, lines: text.trimEnd().split('\n').length }))
      .filter(({ path, lines }) => lines > FILE_LINES && LONG_FILES[path] === undefined)
      .map(({ path, lines }) => `${path}: ${lines}`);
    expect(long).toEqual([]);
  });

  it(`functions have at most ${FUNCTION_LINES} lines`, () => {
    const kinds = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);
    const long: string[] = [];
    for (const { path, text, program } of productive) {
      for (const { node, name } of walk(program)) {
        if (!kinds.has(node.type)) continue;
        const lines = text.slice(node.start, node.end).split('\n').length;
        const label = `${path}: ${name}`;
        if (lines > FUNCTION_LINES && LONG_FUNCTIONS[label] === undefined) long.push(`${label}, ${lines} lines`);
      }
    }
    expect(long).toEqual([]);
  });

  it('exceptions are all still needed', () => {
    const lengths = new Map(productive.map(({ path, text }) => [path, text.trimEnd().split('\n').length]));
    expect(Object.keys(LONG_FILES).filter((path) => (lengths.get(path) ?? 0) <= FILE_LINES)).toEqual([]);
    const paths = Object.keys(LONG_FUNCTIONS).map((label) => label.split(':')[0] ?? '');
    expect(paths.filter((path) => !lengths.has(path))).toEqual([]);
  });
});

describe('texts', () => {
  // In pieces, so that this file does not hold what it looks for.
  const unfinished = new RegExp(`\\b(${['TO', 'FIX'].map((a, i) => a + ['DO', 'ME'][i]).join('|')}|XX${'X'})\\b`);
  const placeBound = new RegExp(
    `/(${['wo', 'ro'].map((a, i) => a + ['rk', 'ot'][i]).join('|')})/|registry\\.npm${'js'}|/home/[a-z]`,
  );
  const texts = [...allFiles, ...rootFiles()].filter((path) => !/\.(png|svg|bin|lock)$/.test(path));

  it('hold no leftovers and no paths of one machine', () => {
    const wrong: string[] = [];
    for (const path of texts) {
      readFileSync(join(ROOT, path), 'utf8')
        .split('\n')
        .forEach((line, index) => {
          if (unfinished.test(line) || placeBound.test(line))
            wrong.push(`${path}:${index + 1}: ${line.trim().slice(0, 100)}`);
        });
    }
    expect(wrong).toEqual([]);
  });

  it('have file names in kebab case', () => {
    const packageFiles = [`${CLIENT}README.md`];
    const named = allFiles.filter((path) => !packageFiles.includes(path));
    const names = named.filter((path) => !/^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/.test(basename(path)));
    expect(names).toEqual([]);
  });

  it('of tests switch none off', () => {
    const wrong: string[] = [];
    for (const { path, program } of sources) {
      for (const { node } of walk(program)) {
        const name = node.type === 'CallExpression' ? dottedName(node['callee']) : '';
        if (/^(it|test|describe)\.(\w+\.)*(skip|only|todo|fails)$/.test(name)) wrong.push(`${path}: ${name}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});
