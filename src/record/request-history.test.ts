import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import {
  findRequest,
  mayBeForgotten,
  NO_PAST,
  NO_REQUESTS,
  rememberRequest,
  requestTimeMs,
} from './request-history.ts';
import { type RecordPast, RequestAction, type RequestHistory, type RequestRecord } from './state.ts';

const NOW_MS = 1_700_000_000_000;

function idOf(text: string): string {
  return Buffer.from(text.replaceAll('-', ''), 'hex').toString('latin1');
}

/** A UUID of version 7 made at that time. */
function timedId(timeMs: number, serial = 0): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(timeMs, 0, 6);
  bytes[6] = 0x70;
  bytes[8] = 0x80;
  bytes.writeUInt32BE(serial, 12);
  return bytes.toString('latin1');
}

/** A UUID of version 4. */
function untimedId(serial: number): string {
  const bytes = Buffer.alloc(16, 0xab);
  bytes[6] = 0x40;
  bytes.writeUInt32BE(serial, 12);
  return bytes.toString('latin1');
}

function entry(requestId: string, appliedAtMs = NOW_MS): RequestRecord {
  const action = RequestAction.updated;
  return { requestId, action, recordVersion: 1, creationTimeMs: NOW_MS, expiresAtMs: 0, appliedAtMs };
}

function remembered(entries: readonly RequestRecord[]): RequestHistory {
  return entries.reduce(rememberRequest, NO_REQUESTS);
}

function pastOf(requests: RequestHistory, creationTimeMs = NOW_MS): RecordPast {
  return { ...NO_PAST, recordVersion: 1, creationTimeMs, requests };
}

describe('requestTimeMs', () => {
  it.each([
    ['version 1', 'C232AB00-9414-11EC-B3C8-9F6BDECED846'],
    ['version 6', '1EC9414C-232A-6B00-B3C8-9F6BDECED846'],
    ['version 7', '017F22E2-79B0-7CC3-98C4-DC0C0C07398F'],
  ])('reads the example of %s in RFC 9562', (_version, text) => {
    expect(requestTimeMs(idOf(text))).toBe(Date.UTC(2022, 1, 22, 19, 22, 22));
  });

  it.each([
    ['version 4', '919108F7-52D1-4320-9BAC-F847DB4148A8'],
    ['version 3', '5df41881-3aed-3515-88a7-2f4a814cf09e'],
    ['version 5', '2ed6657d-e927-568b-95e1-2665a8aea6a2'],
    ['version 8', '2489E9AD-2EE2-8E00-8EC9-32D5F69181C0'],
    ['no version', '00000000-0000-0000-0000-000000000001'],
  ])('finds none in %s', (_version, text) => {
    expect(requestTimeMs(idOf(text))).toBeNull();
  });

  it('takes times before 1970 for 1970', () => {
    expect(requestTimeMs(idOf('00000000-0000-1000-8000-000000000000'))).toBe(0);
    expect(requestTimeMs(idOf('00000000-0000-6000-8000-000000000000'))).toBe(0);
  });

  it('reads back what a version 7 was made of', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 48 - 1 }), (timeMs) => {
        expect(requestTimeMs(timedId(timeMs))).toBe(timeMs);
      }),
    );
  });
});

describe('rememberRequest', () => {
  const full = Array.from({ length: limits.requestIdsPerRecord }, (_, i) => entry(timedId(NOW_MS + i)));

  it('keeps entries in the order in which they were applied, and finds them', () => {
    const requests = remembered(full);
    expect(requests).toEqual({ entries: full, forgottenUntilMs: 0, forgotUntimed: false });
    for (const one of full) expect(findRequest(requests, one.requestId)).toBe(one);
    expect(findRequest(requests, timedId(NOW_MS - 1))).toBeNull();
  });

  it('changes nothing in place', () => {
    const before = remembered(full.slice(0, 2));
    rememberRequest(before, entry(untimedId(1)));
    expect(before.entries).toEqual(full.slice(0, 2));
  });

  it('forgets the id with the earliest time, wherever it stands', () => {
    const late = [...full.slice(1), full[0] ?? entry('')];
    const requests = rememberRequest(remembered(late), entry(timedId(NOW_MS + 1_000)));
    expect(requests.entries).toHaveLength(limits.requestIdsPerRecord);
    expect(findRequest(requests, timedId(NOW_MS))).toBeNull();
    expect(requests).toMatchObject({ forgottenUntilMs: NOW_MS, forgotUntimed: false });
  });

  it('forgets the newest at once if its time is the earliest', () => {
    const requests = rememberRequest(remembered(full), entry(timedId(NOW_MS - 5)));
    expect(requests).toEqual({ entries: full, forgottenUntilMs: NOW_MS - 5, forgotUntimed: false });
  });

  it('takes an id without a time for as old as its application', () => {
    const mixed = [entry(untimedId(1), NOW_MS - 1), ...full.slice(1)];
    const requests = rememberRequest(remembered(mixed), entry(timedId(NOW_MS + 1_000)));
    expect(findRequest(requests, untimedId(1))).toBeNull();
    expect(requests).toMatchObject({ forgottenUntilMs: 0, forgotUntimed: true });
  });

  it('never takes back that it forgot', () => {
    let requests = rememberRequest(remembered(full), entry(timedId(NOW_MS + 500)));
    requests = rememberRequest(requests, entry(timedId(NOW_MS - 5)));
    expect(requests.forgottenUntilMs).toBe(NOW_MS);
    requests = { ...requests, forgotUntimed: true };
    expect(rememberRequest(requests, entry(timedId(NOW_MS + 600))).forgotUntimed).toBe(true);
  });
});

describe('mayBeForgotten', () => {
  it('is false for new ids where nothing was forgotten', () => {
    for (const past of [NO_PAST, pastOf(NO_REQUESTS), pastOf(remembered([entry(timedId(NOW_MS))]))]) {
      expect(mayBeForgotten(past, timedId(NOW_MS), NOW_MS)).toBe(false);
      expect(mayBeForgotten(past, timedId(NOW_MS + 1), NOW_MS)).toBe(false);
      expect(mayBeForgotten(past, untimedId(1), NOW_MS)).toBe(false);
    }
  });

  it('is true up to the latest time that was forgotten, in each version that has one', () => {
    const [v1, v6, v7] = [
      'C232AB00-9414-11EC-B3C8-9F6BDECED846',
      '1EC9414C-232A-6B00-B3C8-9F6BDECED846',
      '017F22E2-79B0-7CC3-98C4-DC0C0C07398F',
    ].map(idOf);
    const timeMs = Date.UTC(2022, 1, 22, 19, 22, 22);
    for (const id of [v1, v6, v7]) {
      const born = timeMs - 1_000;
      expect(mayBeForgotten(pastOf({ ...NO_REQUESTS, forgottenUntilMs: timeMs }, born), id ?? '', NOW_MS)).toBe(true);
      expect(mayBeForgotten(pastOf({ ...NO_REQUESTS, forgottenUntilMs: timeMs - 1 }, born), id ?? '', NOW_MS)).toBe(
        false,
      );
    }
  });

  it('is true of every id without a time once one was forgotten, and of those only', () => {
    const past = pastOf({ ...NO_REQUESTS, forgotUntimed: true });
    expect(mayBeForgotten(past, untimedId(1), NOW_MS)).toBe(true);
    expect(mayBeForgotten(past, timedId(NOW_MS), NOW_MS)).toBe(false);
  });

  it('is true of ids so much older than the record that a tombstone with them may be gone', () => {
    const edgeMs = NOW_MS - limits.requestReachMs;
    expect(mayBeForgotten(pastOf(NO_REQUESTS), timedId(edgeMs), NOW_MS + 86_400_000)).toBe(true);
    expect(mayBeForgotten(pastOf(NO_REQUESTS), timedId(edgeMs + 1), NOW_MS + 86_400_000)).toBe(false);
    expect(mayBeForgotten(NO_PAST, timedId(edgeMs), NOW_MS)).toBe(true);
    expect(mayBeForgotten(NO_PAST, timedId(edgeMs + 1), NOW_MS)).toBe(false);
  });

  it('never says no of an id that was applied and is not found any more', () => {
    const id = fc.oneof(
      fc.integer({ min: -50, max: 50 }).map((offsetMs) => timedId(NOW_MS + offsetMs, offsetMs + 50)),
      fc.nat({ max: 60 }).map(untimedId),
    );
    fc.assert(
      fc.property(fc.array(id, { minLength: 1, maxLength: 200 }), (ids) => {
        let past = pastOf(NO_REQUESTS);
        let nowMs = NOW_MS;
        for (const requestId of ids) {
          nowMs++;
          if (findRequest(past.requests, requestId) !== null || mayBeForgotten(past, requestId, nowMs)) continue;
          past = { ...past, requests: rememberRequest(past.requests, entry(requestId, nowMs)) };
          const applied = past.requests.entries.length;
          expect(applied).toBeLessThanOrEqual(limits.requestIdsPerRecord);
        }
        // Whatever was met once was remembered, or judged forgotten, and is one of both for ever.
        for (const requestId of ids) {
          const known = findRequest(past.requests, requestId) !== null || mayBeForgotten(past, requestId, nowMs);
          expect(known).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });
});
