import { existsSync, readFileSync } from 'node:fs';
import { limits } from '../base/limits.ts';
import { silentLog } from '../base/log.ts';
import { nodesOf } from '../cluster/cluster-map.ts';
import type { StoreResult } from '../cluster/config-store.ts';
import type { EtcdConfigStore } from '../cluster/etcd-config-store.ts';
import { FileConfigStore } from '../cluster/file-config-store.ts';
import type { MapFileContents } from '../cluster/map-file-text.ts';
import type { UserStore } from '../cluster/user-store.ts';
import type { CommandInput } from './command-input.ts';
import { openEtcdStore } from './etcd-cluster.ts';
import { etcdPlace, storeOptionsProblem } from './etcd-place.ts';
import { EXIT_FAILED, EXIT_OK } from './serve.ts';

/**
 * `junokv cluster move-to-etcd`: brings the map of a cluster from its file to etcd, where no cluster may be yet. From then on the
 * file only says where the cluster is: processes that still run with it serve on, and change nothing any more.
 */
export async function moveToEtcdCommand(input: CommandInput): Promise<number> {
  const { config, given, system } = input;
  const hold = system.hold();
  const wrong = config.etcd.length === 0 ? '--etcd must be given' : storeOptionsProblem(config, given, true);
  const moved: StoreResult<void> = wrong === null ? await move(input) : { ok: false, problem: wrong };
  hold.cancel();
  if (!moved.ok) {
    system.complain(`junokv: ${moved.problem}`);
    return EXIT_FAILED;
  }
  system.print(`The cluster map of ${config.map} is in ${etcdPlace(config)} now.

Its processes go on serving, but cannot change the map any more: start each of them again, one after the other, with
--etcd ${config.etcd.join(',')} in the place of --map. ${config.map} can be removed when all were.
`);
  return EXIT_OK;
}

async function move({ config, system }: CommandInput): Promise<StoreResult<void>> {
  if (!existsSync(config.map))
    return { ok: false, problem: `there is no cluster map at ${config.map}; --map names one` };
  const fingerprint = readFingerprint(`${config.map}.fingerprint`);
  if (!fingerprint.ok) return fingerprint;
  const parts = { clock: system.clock, random: system.random, log: silentLog };
  const etcd = openEtcdStore(config, parts);
  const file = new FileConfigStore({ path: config.map, ...parts });
  const moved = await file.moveAway(etcdPlace(config), async (contents) => {
    // First: with the map the cluster is there, and proxies ask for its users.
    const users = await putUsers(file.users, etcd.users);
    return users.ok ? put(contents, fingerprint.value, etcd, config.map) : users;
  });
  file.close();
  etcd.close();
  return moved;
}

async function put(
  { lastProposerId, map }: MapFileContents,
  keystoreFingerprint: string,
  etcd: EtcdConfigStore,
  path: string,
): Promise<StoreResult<void>> {
  if (map === null) return { ok: false, problem: `${path} holds no cluster map yet` };
  if (nodesOf(map).some((node) => node.port === 0)) {
    return {
      ok: false,
      problem: `${path} is the map of a cluster in one process ('junokv start'), which needs no etcd`,
    };
  }
  const gap = lastProposerId + limits.proposerIdGap;
  const created = await etcd.create({ map, keystoreFingerprint, lastProposerId: gap });
  if (!created.ok) {
    const hint = created.uncertain === true ? '; it may have come there: run the command again' : '';
    return { ...created, problem: `${created.problem}${hint}` };
  }
  const there = created.value.map;
  // What an earlier call of this command brought there, before it was cut off.
  const isThisOne = there?.clusterId === map.clusterId && there.epoch === map.epoch;
  if (created.value.swapped || isThisOne) return { ok: true, value: undefined };
  return {
    ok: false,
    problem: `there is a cluster in etcd already (${there?.clusterId}, epoch ${there?.epoch}), and nothing was changed; --etcd-prefix names another place`,
  };
}

/** Where there are users in etcd already they must be the same: those of an earlier call that was cut off. */
async function putUsers(from: UserStore, to: UserStore): Promise<StoreResult<void>> {
  const read = await from.read();
  if (!read.ok) return read;
  if (read.value.revision === 0) return { ok: true, value: undefined };
  const { users } = read.value;
  const put = await to.compareAndSet(0, users);
  if (!put.ok) return put;
  if (put.value.swapped || JSON.stringify(put.value.list.users) === JSON.stringify(users))
    return { ok: true, value: undefined };
  return { ok: false, problem: `${to.place} has other users already, and nothing was changed` };
}

function readFingerprint(path: string): StoreResult<string> {
  try {
    return { ok: true, value: readFileSync(path, 'utf8').trim() };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, problem: `cannot tell which keystore the data belong to: ${message}` };
  }
}
