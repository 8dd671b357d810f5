/** A station of the model: Poisson arrivals, exponential service, `servers` of them before one queue (M/M/c). */
export interface Station {
  readonly servers: number;
  readonly arrivalsPerUs: number;
  readonly serviceUs: number;
}

/** How busy each server is; from 1 on the queue grows without end. */
export function utilisation({ servers, arrivalsPerUs, serviceUs }: Station): number {
  return (arrivalsPerUs * serviceUs) / servers;
}

/** Erlang's C formula: the share of arrivals that have to wait; 1 where the station is overloaded. */
export function waitProbability(station: Station): number {
  const busy = utilisation(station);
  if (busy >= 1) return 1;
  const offered = station.arrivalsPerUs * station.serviceUs;
  // Erlang's B by its recurrence, which neither overflows nor cancels.
  let blocked = 1;
  for (let servers = 1; servers <= station.servers; servers++) {
    blocked = (offered * blocked) / (servers + offered * blocked);
  }
  return blocked / (1 - busy * (1 - blocked));
}

/** From arrival to the end of the service; infinite where the station is overloaded. */
export function meanResponseUs(station: Station): number {
  return station.serviceUs + waitProbability(station) / waitRate(station);
}

/** Those who wait, wait for an exponential time of this rate, per microsecond. */
function waitRate(station: Station): number {
  return Math.max(0, station.servers / station.serviceUs - station.arrivalsPerUs);
}

function exponential(meanUs: number, random: () => number): number {
  return -Math.log(1 - random()) * meanUs;
}

/** Draws response times of a station that is not overloaded. */
export function responseSampler(station: Station, random: () => number): () => number {
  if (utilisation(station) >= 1) throw new Error('an overloaded station has no response time');
  const [waits, waitUs] = [waitProbability(station), 1 / waitRate(station)];
  return () => exponential(station.serviceUs, random) + (random() < waits ? exponential(waitUs, random) : 0);
}

/** The value below which this share of the sorted values lies. */
export function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
