/** What a profile is divided into: the rooms of src, what they stand on, and what is none of them. */
export const CODE_PARTS = [
  'src/resp',
  'src/proxy',
  'src/juno-ext',
  'src/quorum',
  'src/rpc',
  'src/record',
  'src/crypto',
  'libsodium',
  'src/cluster',
  'src/storage',
  'RocksDB binding',
  'src/base',
  'src/admin',
  'sockets and streams',
  'rest of Node',
  'garbage collector',
  'native code',
  'other code',
] as const;

export type CodePart = (typeof CODE_PARTS)[number];

/** A value for each part. */
export type ByPart = Readonly<Record<CodePart, number>>;

/** What the parts mean that are no room. */
export const PART_NOTES: readonly string[] = [
  '**libsodium**, **RocksDB binding**: `sodium-native` and `rocksdb-native`, their JavaScript and what it calls; RocksDB itself ' +
    'works in the libuv workers and in threads of its own.',
  '**sockets and streams**: `node:net`, `node:stream` and what belongs to them, with the system calls that write.',
  "**rest of Node**: Node's other modules: buffers, timers, checksums.",
  '**native code**: what the profiler calls `(program)`: the event loop with the system calls that read and wait, promises, and ' +
    'the way into JavaScript.',
];

function isPart(name: string): name is CodePart {
  return CODE_PARTS.some((part) => part === name);
}

/** The part of a script. Null for what has no script: a native function belongs to its caller. */
export function partOfUrl(url: string): CodePart | null {
  if (url === '') return null;
  if (url.startsWith('node:')) {
    return /^node:(net|stream|events|internal\/(stream|net|js_stream|event))/.test(url)
      ? 'sockets and streams'
      : 'rest of Node';
  }
  const path = url.replaceAll('\\', '/');
  if (/\/node_modules\/(sodium-native|.*sodium)/.test(path)) return 'libsodium';
  if (/\/node_modules\/rocksdb-native\//.test(path)) return 'RocksDB binding';
  const room = `src/${/\/(?:src|dist)\/([^/]+)\/[^/]+/.exec(path)?.[1] ?? ''}`;
  return isPart(room) ? room : 'other code';
}

/** The part of a frame without a script; null for one that belongs to its caller. */
export function partOfNative(functionName: string): CodePart | 'idle' | null {
  switch (functionName) {
    case '(garbage collector)':
    case '(GC)':
      return 'garbage collector';
    case '(program)':
    case '(root)':
      return 'native code';
    case '(idle)':
      return 'idle';
    default:
      return null;
  }
}

/** A sum for each part. */
export class PartSums {
  readonly #sums = new Map<CodePart, number>();

  add(part: CodePart, value: number): void {
    this.#sums.set(part, (this.#sums.get(part) ?? 0) + value);
  }

  get total(): number {
    return [...this.#sums.values()].reduce((sum, value) => sum + value, 0);
  }

  /** Every sum times `factor`. */
  times(factor: number): ByPart {
    const entries = CODE_PARTS.map((part) => [part, (this.#sums.get(part) ?? 0) * factor]);
    return Object.fromEntries(entries) as ByPart;
  }
}
