import { type Configuration, kebabCase } from '../option-table.ts';
import { keyDistributionText } from './key-distribution.ts';
import { mixOf } from './load-plan.ts';
import { loadOptions } from './option-rows.ts';
import type { SizeRange } from './value-sizes.ts';

/** Options of every connecting command that say something about a run; no password among them. */
const SHARED = ['target', 'tls', 'username', 'namespace', 'database'] as const;

/** The options that a run was made with, defaults included, by their names, as texts that the command line takes. */
export function runOptions(config: Configuration): Readonly<Record<string, string>> {
  const shared = SHARED.map((key) => [key, textOf(config[key])] as const);
  const own = Object.keys(loadOptions)
    .filter((key): key is keyof typeof loadOptions => Object.hasOwn(loadOptions, key))
    .filter((key) => key !== 'jsonFile' && key !== 'plot')
    .map((key) => [kebabCase(key), ownText(config, key)] as const);
  return Object.fromEntries([...shared, ...own]);
}

function ownText(config: Configuration, key: keyof typeof loadOptions): string {
  switch (key) {
    case 'mix':
      return mixOf(config)
        .map(({ operation, weight }) => `${operation}:${weight}`)
        .join(',');
    case 'keyDistribution':
      return keyDistributionText(config.keyDistribution);
    case 'valueSize':
      return valueSizesText(config.valueSize);
    case 'expire':
    case 'ramp':
    case 'warmup':
    case 'duration':
      return `${config[key]}ms`;
    default:
      return textOf(config[key]);
  }
}

export function valueSizesText(ranges: readonly SizeRange[]): string {
  return ranges
    .map(({ minBytes, maxBytes, weight }) => {
      const size = minBytes === maxBytes ? `${minBytes}` : `${minBytes}-${maxBytes}`;
      return ranges.length === 1 ? size : `${size}:${weight}`;
    })
    .join(',');
}

function textOf(value: string | number | boolean | readonly string[]): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'object' ? value.join(',') : String(value);
}
