import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A control group that holds the memory of all processes started through its launcher below a limit. */
export interface MemoryCgroup {
  /** A command that enters the group, and becomes the command which follows it. */
  readonly launcher: readonly string[];
  /** The most that its processes have used at once, with what the system cached of their files; null if unknown. */
  peakBytes(): number | null;
  /** How many processes the system has killed for want of memory. */
  killed(): number;
  /** After its processes have ended. */
  remove(): Promise<void>;
}

/** Where a group may be made, and what its files are called. */
interface Hierarchy {
  /** From this process's own group outwards: a group made there keeps to the limits that this process has. */
  readonly parents: readonly string[];
  readonly limitFile: string;
  readonly peakFile: string;
  /** Has a line `oom_kill N`. */
  readonly eventsFile: string;
}

const V1 = {
  limitFile: 'memory.limit_in_bytes',
  peakFile: 'memory.max_usage_in_bytes',
  eventsFile: 'memory.oom_control',
};
const V2 = { limitFile: 'memory.max', peakFile: 'memory.peak', eventsFile: 'memory.events' };
const SWAP_FILE = 'memory.swap.max';
const REMOVE_TRIES = 50;
const REMOVE_PAUSE_MS = 100;

/** Finds this process's own memory group in what /proc/self/mountinfo and /proc/self/cgroup say. Null without any. */
export function findHierarchy(mountinfo: string, ownGroups: string): Hierarchy | null {
  const mounts = mountinfo.split('\n').map((line) => {
    const [front = '', back = ''] = line.split(' - ');
    const [, , , root = '/', place = ''] = front.split(' ');
    const [type = '', , options = ''] = back.split(' ');
    return { root, place, type, options: options.split(',') };
  });
  const own = (root: string, place: string, group: RegExp): string => {
    const line = ownGroups.split('\n').find((text) => group.test(text)) ?? '::/';
    const path = line.slice(line.indexOf(':', line.indexOf(':') + 1) + 1);
    return join(place, root !== '/' && path.startsWith(root) ? path.slice(root.length) : path);
  };
  // Where version 1 has the controller for memory, version 2 cannot have it.
  const first = mounts.find(({ type, options }) => type === 'cgroup' && options.includes('memory'));
  if (first !== undefined) return { parents: [own(first.root, first.place, /^\d+:([^:]*,)?memory(,[^:]*)?:/)], ...V1 };
  const second = mounts.find(({ type }) => type === 'cgroup2');
  if (second === undefined) return null;
  const parents = [own(second.root, second.place, /^0::/)];
  for (let parent = parents[0] ?? ''; parent.length > second.place.length; parents.push(parent))
    parent = dirname(parent);
  return { parents, ...V2 };
}

/** Makes a group, or says why that is not possible here. */
export function makeMemoryCgroup(limitBytes: number): MemoryCgroup | { readonly problem: string } {
  if (process.platform !== 'linux') return { problem: 'this is not Linux' };
  const hierarchy = findHierarchy(read('/proc/self/mountinfo'), read('/proc/self/cgroup'));
  if (hierarchy === null) return { problem: 'no control groups for memory are mounted' };
  let problem = 'no control group for memory can be made';
  for (const parent of hierarchy.parents) {
    const dir = join(parent, `junokv-bench-${process.pid}`);
    try {
      mkdirSync(dir);
    } catch (error) {
      problem = `no control group can be made: ${error instanceof Error ? error.message.split(',')[0] : error}`;
      continue;
    }
    if (existsSync(join(dir, hierarchy.limitFile))) {
      try {
        writeFileSync(join(dir, hierarchy.limitFile), String(limitBytes));
        if (existsSync(join(dir, SWAP_FILE))) writeFileSync(join(dir, SWAP_FILE), '0');
        return groupAt(dir, hierarchy);
      } catch (error) {
        problem = `the limit cannot be set: ${error instanceof Error ? error.message.split(',')[0] : error}`;
      }
    }
    rmdirSync(dir);
  }
  return { problem };
}

function groupAt(dir: string, { peakFile, eventsFile }: Hierarchy): MemoryCgroup {
  return {
    launcher: ['sh', '-c', `echo $$ > '${dir}/cgroup.procs' && exec "$@"`, 'sh'],
    peakBytes: () => {
      const bytes = Number(read(join(dir, peakFile)).trim() || Number.NaN);
      return Number.isFinite(bytes) ? bytes : null;
    },
    killed: () => Number(/^oom_kill (\d+)$/m.exec(read(join(dir, eventsFile)))?.[1] ?? 0),
    async remove() {
      for (let tries = 1; ; tries++) {
        try {
          return rmdirSync(dir);
        } catch (error) {
          // A process that has just ended may be counted for a moment.
          if (tries === REMOVE_TRIES) throw error;
          await new Promise((resolve) => setTimeout(resolve, REMOVE_PAUSE_MS));
        }
      }
    },
  };
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
