import { type PlainMetric, sample } from './metric.ts';
import type { ObservedProxy } from './observed.ts';

/** A value of each proxy of the process: there is one at most. */
export function ofProxy(
  type: PlainMetric['type'],
  name: string,
  help: string,
  value: (proxy: ObservedProxy) => number,
): PlainMetric {
  return { type, name, help, labels: [], collect: ({ proxies }) => proxies.map((proxy) => sample(value(proxy))) };
}

/** Several values of a proxy, told apart by one label. */
export function labelled(
  type: PlainMetric['type'],
  name: string,
  help: string,
  label: string,
  values: (proxy: ObservedProxy) => Iterable<readonly [string, number]>,
): PlainMetric {
  return {
    type,
    name,
    help,
    labels: [label],
    collect: ({ proxies }) =>
      proxies.flatMap((proxy) => Array.from(values(proxy), ([text, value]) => sample(value, { [label]: text }))),
  };
}
