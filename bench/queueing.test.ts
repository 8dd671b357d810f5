import { describe, expect, it } from 'vitest';
import { ASSUMPTIONS, type Mix, nodesFor, predict, proxiesFor, rateAt } from './cluster-model.ts';
import { seededRandom } from './keys.ts';
import { meanResponseUs, quantile, responseSampler, type Station, utilisation, waitProbability } from './queueing.ts';

describe('a station', () => {
  it('waits by the formula of one server: with its utilisation', () => {
    for (const busy of [0.1, 0.5, 0.9, 0.99]) {
      const station = { servers: 1, arrivalsPerUs: busy / 20, serviceUs: 20 };
      expect(utilisation(station)).toBeCloseTo(busy);
      expect(waitProbability(station)).toBeCloseTo(busy);
      expect(meanResponseUs(station)).toBeCloseTo(20 / (1 - busy));
    }
  });

  it("waits by Erlang's C formula where there are more servers", () => {
    // Two servers: C = 2 r^2 / (1 + r), with utilisation r.
    for (const busy of [0.25, 0.5, 0.75]) {
      const station = { servers: 2, arrivalsPerUs: 2 * busy, serviceUs: 1 };
      expect(waitProbability(station)).toBeCloseTo((2 * busy ** 2) / (1 + busy));
      expect(meanResponseUs(station)).toBeCloseTo(1 / (1 - busy ** 2));
    }
    // Written out, sum and all: servers, offered load.
    for (const [servers, offered] of [
      [3, 2],
      [5, 4],
      [10, 8],
      [12, 10],
    ] as const) {
      const terms = Array.from({ length: servers + 1 }, (_, n) => offered ** n / factorial(n));
      const last = ((terms[servers] ?? 0) * servers) / (servers - offered);
      const c = last / (terms.slice(0, servers).reduce((sum, term) => sum + term, 0) + last);
      expect(waitProbability({ servers, arrivalsPerUs: offered, serviceUs: 1 })).toBeCloseTo(c, 10);
    }
    // A textbook's: 3 servers, offered load 2, C = 4/9; mean wait (4/9) / (3 - 2).
    expect(waitProbability({ servers: 3, arrivalsPerUs: 2, serviceUs: 1 })).toBeCloseTo(4 / 9, 10);
    expect(meanResponseUs({ servers: 3, arrivalsPerUs: 2, serviceUs: 1 })).toBeCloseTo(1 + 4 / 9, 10);
  });

  it('is overloaded from a utilisation of one on', () => {
    const station = { servers: 2, arrivalsPerUs: 2, serviceUs: 1 };
    expect(waitProbability(station)).toBe(1);
    expect(meanResponseUs(station)).toBe(Number.POSITIVE_INFINITY);
    expect(() => responseSampler(station, Math.random)).toThrow('overloaded');
  });

  it('has response times whose mean and quantiles are those of the formulas', () => {
    const draw = (station: Station): Float64Array => {
      const next = responseSampler(station, seededRandom(7));
      return Float64Array.from({ length: 200_000 }, next).sort();
    };
    const mean = (times: Float64Array): number => times.reduce((sum, time) => sum + time, 0) / times.length;
    // One server: the response is exponential, with the rate that is left.
    const single = draw({ servers: 1, arrivalsPerUs: 0.08, serviceUs: 10 });
    expect(mean(single) / 50).toBeCloseTo(1, 1);
    expect(quantile(single, 0.5) / (50 * Math.log(2))).toBeCloseTo(1, 1);
    expect(quantile(single, 0.99) / (50 * Math.log(100))).toBeCloseTo(1, 1);
    const three: Station = { servers: 3, arrivalsPerUs: 0.2, serviceUs: 10 };
    expect(mean(draw(three)) / meanResponseUs(three)).toBeCloseTo(1, 1);
    expect(draw({ ...three, arrivalsPerUs: 0, serviceUs: 0 }).at(-1)).toBe(0);
  });
});

function factorial(n: number): number {
  return n < 2 ? 1 : n * factorial(n - 1);
}

const GET = { proxyLoopUs: 40, storageLoopUs: 30, storagePoolUs: 0, visits: 2 };
const SET = { proxyLoopUs: 80, storageLoopUs: 90, storagePoolUs: 30, visits: 5 };
const mixOf = (getShare: number): Mix => ({ get: GET, set: SET, getShare });

describe('the model of a cluster', () => {
  it('counts the work of all processes', () => {
    // 3 nodes, 30 us each operation: 100,000 per second fill them.
    expect(rateAt(mixOf(1), 1, 1)).toBeCloseTo(100_000);
    expect(rateAt(mixOf(0), 2, 0.5)).toBeCloseTo(33_333.33);
    expect(proxiesFor(mixOf(1), 100_000, 1)).toBe(4);
    expect(proxiesFor(mixOf(1), 100_001, 1)).toBe(5);
    expect(nodesFor(mixOf(0.5), 100_000, 0.5)).toBe(4);
    const one = predict(mixOf(0.9), { nodesPerZone: 10, proxies: 20 }, 200_000) ?? expect.fail();
    expect(one.proxyUtilisation).toBeCloseTo((0.2 * (0.9 * 40 + 0.1 * 80)) / 20);
    expect(one.storageUtilisation).toBeCloseTo((0.2 * (0.9 * 30 + 0.1 * 90)) / 30);
  });

  it('takes about as long as the way and the work when nothing waits', () => {
    const cluster = { nodesPerZone: 33, proxies: 100 };
    const get = predict(mixOf(1), cluster, 10) ?? expect.fail();
    const set = predict(mixOf(0), cluster, 10) ?? expect.fail();
    const roundTripMs = ASSUMPTIONS.roundTripUs / 1_000;
    expect(get.p50Ms).toBeGreaterThan(roundTripMs);
    expect(get.p50Ms).toBeLessThan(roundTripMs + 0.08);
    expect(set.p50Ms).toBeGreaterThan(2 * roundTripMs);
    expect(set.p50Ms).toBeLessThan(2 * roundTripMs + 0.2);
  });

  it('gets slower with the load, not with the size, until nothing can hold it', () => {
    const at = (busy: number, nodesPerZone: number) => {
      const perSecond = rateAt(mixOf(0.9), nodesPerZone, busy);
      return predict(mixOf(0.9), { nodesPerZone, proxies: proxiesFor(mixOf(0.9), perSecond, busy) }, perSecond);
    };
    const p99s = [0.3, 0.6, 0.9].map((busy) => at(busy, 8)?.p99Ms ?? Number.NaN);
    expect(p99s).toEqual([...p99s].sort((a, b) => a - b));
    expect((at(0.6, 33)?.p99Ms ?? Number.NaN) / (at(0.6, 3)?.p99Ms ?? Number.NaN)).toBeCloseTo(1, 1);
    expect(at(1.01, 8)).toBeNull();
    expect(predict(mixOf(0), { nodesPerZone: 8, proxies: 1 }, 20_000)).toBeNull();
  });
});
