import { limits } from '../../base/limits.ts';
import {
  type CommandName,
  choiceOption,
  durationOption,
  integerOption,
  type Option,
  textOption,
  wholeNumberOption,
  yesNoOption,
} from '../option.ts';
import { type KeyDistribution, parseKeyDistribution } from './key-distribution.ts';
import { type MixShare, parseMix } from './operations.ts';
import { parseValueSizes, type SizeRange } from './value-sizes.ts';

const LOAD: readonly CommandName[] = ['load'];
const HOUR_MS = 3_600_000;
const WEEK_MS = 168 * HOUR_MS;

/** An option of its own kind. */
function typed<T>(option: Option<T>): Option<T> {
  return option;
}

/** Options of `junokv load` alone: what is sent. */
const workloadRows = {
  commands: choiceOption(['redis', 'juno'], {
    summary: 'Which commands are sent: those of any Redis (GET, SET, ...), or JUNO.*.',
    commands: LOAD,
    defaultValue: 'redis',
  }),
  mix: typed<readonly MixShare[]>({
    summary:
      'Operations and their weights. redis: get, set, incr, decr, del, mget, mset, exists, expire, ttl, ping; juno: create, get, update, set, destroy.',
    commands: LOAD,
    defaultValue: [],
    defaultText: 'get:90,set:10',
    placeholder: 'OPERATION:WEIGHT,...',
    allowed: 'operations with weights above 0, separated by commas, each once, such as get:90,set:10',
    parse: parseMix,
  }),
  requestIds: yesNoOption({
    summary: 'With --commands juno: every write has a request id.',
    commands: LOAD,
    defaultValue: false,
    defaultText: 'no',
  }),
  keys: wholeNumberOption(1, {
    summary: 'How many keys there are.',
    commands: LOAD,
    defaultValue: 100_000,
  }),
  keyPrefix: textOption(true, {
    summary: 'What the names of the keys begin with; a number of twelve digits follows.',
    commands: LOAD,
    defaultValue: 'load:',
  }),
  keyDistribution: typed<KeyDistribution>({
    summary:
      'How often which key is used: all alike; by Zipf with this exponent (0.99 if none is given); one after the other; or this share of all requests (1 if none is given) to one hot key and the others uniformly.',
    commands: LOAD,
    defaultValue: { kind: 'uniform' },
    defaultText: 'uniform',
    placeholder: 'uniform|zipf[:THETA]|sequential|hot[:SHARE]',
    allowed: 'uniform, zipf, zipf:THETA (above 0, up to 10), sequential, hot or hot:SHARE (above 0, up to 1)',
    parse: parseKeyDistribution,
  }),
  valueSize: typed<readonly SizeRange[]>({
    summary:
      'Size of the values: one, a range, or several of them with weights (100:80,10000:20). Values are random bytes, which cannot be compressed.',
    commands: LOAD,
    defaultValue: [{ minBytes: 100, maxBytes: 100, weight: 1 }],
    defaultText: '100',
    placeholder: 'BYTES',
    allowed: `BYTES, BYTES-BYTES or several of them with weights (100:80,10000:20), up to ${limits.loadValueBytes}`,
    parse: parseValueSizes,
  }),
  expire: durationOption(
    { minMs: 0, maxMs: 365 * 24 * HOUR_MS },
    { summary: 'Time to live that is written with every value; 0: none.', commands: LOAD, defaultValue: 0 },
  ),
  multiKeys: integerOption(
    { min: 1, max: 1_000 },
    { summary: 'Keys of one mget or mset.', commands: LOAD, defaultValue: 10 },
  ),
  preload: yesNoOption({
    summary: 'First write all keys once.',
    commands: LOAD,
    defaultValue: false,
    defaultText: 'no',
  }),
  seed: wholeNumberOption(0, {
    summary: 'The same seed gives the same operations, keys, sizes and values in the same order.',
    commands: LOAD,
    defaultValue: 1,
  }),
} as const;

/** How fast, how long, and where the results go. */
const runRows = {
  connections: integerOption(
    { min: 1, max: limits.loadConnections },
    { summary: 'Connections, spread evenly over the targets.', commands: LOAD, defaultValue: 50 },
  ),
  pipeline: integerOption(
    { min: 1, max: 10_000 },
    {
      summary: 'Requests that each connection always has under way, without --rate.',
      commands: LOAD,
      defaultValue: 1,
    },
  ),
  rate: integerOption(
    { min: 0, max: 10_000_000 },
    {
      summary:
        'Open loop: so many requests begin in every second, however long the answers take. 0: closed loop, the next one begins when one is answered.',
      commands: LOAD,
      defaultValue: 0,
    },
  ),
  arrival: choiceOption(['poisson', 'even'], {
    summary: 'With --rate: times between requests that vary as those of independent users, or all alike.',
    commands: LOAD,
    defaultValue: 'poisson',
  }),
  spin: yesNoOption({
    summary:
      'With --rate: wait for the next request without sleeping, which costs a core and sends within some ten microseconds; with no, within one or two milliseconds, which the latencies include.',
    commands: LOAD,
    defaultValue: true,
    defaultText: 'yes',
  }),
  ramp: durationOption(
    { minMs: 0, maxMs: HOUR_MS },
    {
      summary: 'Time over which connections begin (closed loop) or the rate grows (open loop); not measured.',
      commands: LOAD,
      defaultValue: 0,
    },
  ),
  warmup: durationOption(
    { minMs: 0, maxMs: HOUR_MS },
    {
      summary: 'Time after that which is not measured either.',
      commands: LOAD,
      defaultValue: 2_000,
      defaultText: '2s',
    },
  ),
  duration: durationOption(
    { minMs: 100, maxMs: WEEK_MS },
    {
      summary: 'Time that is measured.',
      commands: LOAD,
      defaultValue: 30_000,
      defaultText: '30s; with --requests alone up to an hour',
    },
  ),
  requests: wholeNumberOption(0, {
    summary: 'End after so many measured requests; 0: only --duration ends it.',
    commands: LOAD,
    defaultValue: 0,
  }),
  expectedInterval: {
    ...textOption(true, {
      summary:
        'Closed loop: the time in milliseconds after which a connection would have sent its next request, for the corrected figures.',
      commands: LOAD,
      defaultValue: '',
      defaultText: 'the median service time',
      placeholder: 'MS',
      allowed: 'a number of milliseconds, from 0.001 to 60000',
    }),
    parse(text) {
      const value = Number(text);
      return /^\d{1,5}(\.\d{1,3})?$/.test(text) && value >= 0.001 && value <= 60_000
        ? { ok: true, value: text }
        : { ok: false };
    },
  } satisfies Option<string>,
  jsonFile: textOption(true, {
    summary: "File for the results as JSON, all of them; '-': standard output (as --json).",
    commands: LOAD,
    defaultValue: '',
    defaultText: 'none',
    placeholder: 'FILE',
    lineOnly: true,
  }),
  plot: textOption(true, {
    summary: 'File for the results as a page with plots, HTML that needs nothing else.',
    commands: LOAD,
    defaultValue: '',
    defaultText: 'none',
    placeholder: 'FILE',
    lineOnly: true,
  }),
} as const;

/** Options of `junokv load`, beside those of every command that connects. */
export const loadOptions = { ...workloadRows, ...runRows } as const;
