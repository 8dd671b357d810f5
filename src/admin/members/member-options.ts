import { limits } from '../../base/limits.ts';
import { parseHostAndPort } from '../host-and-port.ts';
import {
  type CommandName,
  listOption,
  type Option,
  type ParsedValue,
  wholeNumberOption,
  yesNoOption,
} from '../option.ts';

const CHANGING: readonly CommandName[] = ['cluster plan', 'cluster apply'];
const APPLY: readonly CommandName[] = ['cluster apply'];
const MAX_NODE_ID = 0xffff_ffff;

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface AddressInZone extends Address {
  readonly zone: string;
}

export interface AddressForNode extends Address {
  readonly id: number;
}

/** Options of the commands that change a cluster's members. */
export const memberOptions = {
  addNode: listRow<AddressInZone>(parseAddressInZone, {
    summary: 'Nodes to add, each to a zone of the cluster; they get new ids, which the plan shows.',
    placeholder: 'ZONE=HOST:PORT,...',
    allowed: 'ZONE=HOST:PORT, separated by commas',
  }),
  addNodesToEveryZone: listRow<Address>(parseHostAndPort, {
    summary: 'Nodes to add, the first to the first zone and so on: as many as zones, or a multiple.',
    placeholder: 'HOST:PORT,...',
    allowed: 'HOST:PORT, separated by commas',
  }),
  removeNode: listRow<number>(parseNodeId, {
    summary: 'Nodes to take out of the cluster, once their shards have moved to the others of their zones.',
    placeholder: 'ID,...',
    allowed: 'node ids separated by commas',
  }),
  replaceNode: listRow<AddressForNode>(parseAddressForNode, {
    summary: 'Nodes to take out, dead or alive, and what comes in the place of each.',
    placeholder: 'ID=HOST:PORT,...',
    allowed: 'ID=HOST:PORT, separated by commas',
  }),
  moveRate: {
    ...wholeNumberOption(0, {
      summary: 'How much each learning node takes in; 0: as much as it does by itself. It holds until it is changed.',
      commands: APPLY,
      defaultValue: 0,
      defaultText: 'as it was',
      placeholder: 'BYTES_PER_SECOND',
      lineOnly: true,
      name: 'rate',
    }),
  },
  yes: yesNoOption({
    summary: 'Do not ask. Needed where standard input is no terminal.',
    commands: ['cluster apply', 'cluster trust-disks'],
    defaultValue: false,
    defaultText: 'no',
    lineOnly: true,
  }),
} as const;

/** A list whose items are read by `read`; no option of one call has a default beside the empty list. */
function listRow<T>(
  read: (item: string) => T | null,
  row: Pick<Option<readonly T[]>, 'summary' | 'placeholder' | 'allowed'>,
): Option<readonly T[]> {
  const { parse } = listOption((item) => read(item) !== null, { summary: '', commands: [], defaultValue: [] });
  return {
    ...row,
    commands: CHANGING,
    defaultValue: [],
    defaultText: 'none',
    lineOnly: true,
    parse(text): ParsedValue<readonly T[]> {
      const parsed = parse(text);
      if (!parsed.ok || parsed.value.length > limits.membersPerChange) return { ok: false };
      return { ok: true, value: parsed.value.map(read).filter((item) => item !== null) };
    },
  };
}

function parseAddressInZone(item: string): AddressInZone | null {
  const at = item.indexOf('=');
  const address = parseHostAndPort(item.slice(at + 1));
  return at < 1 || address === null ? null : { zone: item.slice(0, at), ...address };
}

function parseAddressForNode(item: string): AddressForNode | null {
  const at = item.indexOf('=');
  const id = parseNodeId(item.slice(0, Math.max(0, at)));
  const address = parseHostAndPort(item.slice(at + 1));
  return id === null || address === null ? null : { id, ...address };
}

/** A node's id, or null. */
export function parseNodeId(text: string): number | null {
  const id = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : 0;
  return id >= 1 && id <= MAX_NODE_ID ? id : null;
}
