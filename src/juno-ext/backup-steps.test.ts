import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../base/testing/manual-clock.ts';
import { LocalCluster } from '../proxy/testing/local-cluster.ts';
import type { Step } from '../quorum/operation.ts';
import { stringFromBytes } from '../record/paged-string.ts';
import { NO_REQUESTS } from '../record/request-history.ts';
import type { Reply } from '../resp/reply.ts';
import type { BackedUpRecord } from './backup-record.ts';
import { checkStep, dropStep, RestoreStep } from './backup-steps.ts';

const PIECE = 1_048_576;
const KEY = Buffer.from('k');
const SMALL = Buffer.from('value');
const LARGE = Buffer.concat([Buffer.alloc(PIECE, 1), Buffer.alloc(PIECE, 2), Buffer.alloc(99, 3)]);

class Kit {
  readonly clock = new ManualClock();
  readonly cluster = new LocalCluster(this.clock);

  run(step: Step<Reply>): Reply {
    let reply: Reply = 'unanswered';
    this.cluster.submit({
      namespace: 0,
      key: KEY,
      step,
      done: (outcome) => {
        reply = outcome.ok ? outcome.reply : outcome.failure.detail;
      },
    });
    return reply;
  }

  /** A client's SET. */
  set(text: string): void {
    this.run({
      access: 'write',
      needs: 'meta',
      run: (_found, { pages }) => ({
        reply: 'set',
        change: { kind: 'put', value: stringFromBytes(Buffer.from(text), pages), expiresAtMs: 0 },
      }),
    });
  }

  /** A record that was last modified so long ago. */
  backedUp(value: Buffer, agoMs = 10_000, more: Partial<BackedUpRecord> = {}): BackedUpRecord {
    const lastModifiedMs = this.clock.wallMs() - agoMs;
    const past = { recordVersion: 7, creationTimeMs: lastModifiedMs - 5, lastModifiedMs, requests: NO_REQUESTS };
    return { content: { key: KEY, ...past, value: null }, expiresAtMs: 0, sizeBytes: value.length, ...more };
  }

  put(record: BackedUpRecord, value: Buffer, overOlder = false): Reply[] {
    const replies: Reply[] = [];
    for (let offset = 0; offset === 0 || offset < value.length; offset += PIECE) {
      replies.push(this.run(new RestoreStep(record, offset, value.subarray(offset, offset + PIECE), overOlder)));
    }
    return replies;
  }

  check(record: BackedUpRecord, value: Buffer): Reply {
    const sha256 = createHash('sha256').update(value).digest();
    return this.run(checkStep(record, 0, value.length, sha256));
  }
}

describe('restoring a record', () => {
  it.each([SMALL, Buffer.alloc(0), LARGE])('keeps all that the backup knows of it', (value) => {
    const kit = new Kit();
    const record = kit.backedUp(value, 10_000, { expiresAtMs: kit.clock.wallMs() + 5_000 });
    expect(kit.check(record, value)).toBe('absent');
    expect(new Set(kit.put(record, value))).toEqual(new Set(['written']));
    expect(kit.check(record, value)).toBe('same');
    const { content, expiresAtMs, sizeBytes } = record;
    const { recordVersion, creationTimeMs, lastModifiedMs } = content;
    const fields = { recordVersion, creationTimeMs, lastModifiedMs, expiresAtMs, sizeBytes };
    expect(kit.cluster.record(0, KEY)).toMatchObject(fields);
    expect(new Set(kit.put(record, value))).toEqual(new Set(['same']));
    kit.clock.advance(6_000);
    expect(kit.check(record, value)).toBe('expired');
    expect(new Set(kit.put(record, value))).toEqual(new Set(['expired']));
  });

  it('keeps what a client wrote, unless that is older and may be replaced', () => {
    const kit = new Kit();
    const older = kit.backedUp(SMALL, 10_000);
    const newer = kit.backedUp(SMALL, -10_000);
    kit.set('client');
    expect(kit.put(older, SMALL)).toEqual(['kept']);
    expect(kit.put(older, SMALL, true)).toEqual(['kept']);
    expect(kit.put(newer, SMALL)).toEqual(['kept']);
    expect(kit.put(newer, SMALL, true)).toEqual(['written']);
    expect(kit.check(newer, SMALL)).toBe('same');
  });

  it('in pieces can begin again wherever it ended, and repeat each of them', () => {
    for (let done = 0; done <= 3; done++) {
      const kit = new Kit();
      const record = kit.backedUp(LARGE);
      for (let i = 0; i < done; i++) {
        const step = new RestoreStep(record, i * PIECE, LARGE.subarray(i * PIECE, (i + 1) * PIECE), false);
        expect(kit.run(step)).toBe('written');
        expect(kit.run(step)).toBe(i === 2 ? 'same' : 'written');
      }
      expect(kit.check(record, LARGE)).toBe(done === 3 ? 'same' : done === 0 ? 'absent' : 'modified');
      kit.put(record, LARGE, done % 2 === 0);
      expect(kit.check(record, LARGE)).toBe('same');
    }
  });

  it('in pieces is seen by nobody until the last has come', () => {
    const kit = new Kit();
    const record = kit.backedUp(LARGE);
    const exists: Step<Reply> = {
      access: 'read',
      needs: 'meta',
      run: (found) => ({ reply: found === null ? 'absent' : 'there', change: null }),
    };
    for (let offset = 0; offset < LARGE.length; offset += PIECE) {
      expect(kit.run(exists)).toBe('absent');
      kit.run(new RestoreStep(record, offset, LARGE.subarray(offset, offset + PIECE), false));
    }
    expect(kit.run(exists)).toBe('there');
  });

  it('in pieces stops where a client writes or deletes meanwhile', () => {
    const kit = new Kit();
    const record = kit.backedUp(LARGE);
    const second = new RestoreStep(record, PIECE, LARGE.subarray(PIECE, 2 * PIECE), true);
    expect(kit.run(second)).toBe('kept');
    kit.run(new RestoreStep(record, 0, LARGE.subarray(0, PIECE), true));
    kit.set('client');
    expect(kit.run(second)).toBe('kept');
    expect(kit.cluster.record(0, KEY)?.sizeBytes).toBe(6);
  });

  it('leaves holes as they are where their pieces are left out', () => {
    const kit = new Kit();
    const value = Buffer.concat([SMALL, Buffer.alloc(5 * PIECE), SMALL]);
    const record = kit.backedUp(value);
    const last = 5 * PIECE;
    kit.run(new RestoreStep(record, 0, value.subarray(0, PIECE), false));
    kit.run(new RestoreStep(record, last, value.subarray(last), false));
    expect(kit.check(record, value)).toBe('same');
    expect(kit.cluster.pages.size).toBeLessThan(40);
  });
});

describe('a deletion out of a backup', () => {
  it('deletes what that backup knew, or older, and nothing else', () => {
    const kit = new Kit();
    const record = kit.backedUp(SMALL);
    expect(kit.run(dropStep(record))).toBe('absent');
    kit.put(record, SMALL);
    expect(kit.run(dropStep(record))).toBe('deleted');
    expect(kit.cluster.record(0, KEY)).toBeNull();
    kit.set('another');
    expect(kit.run(dropStep(record))).toBe('kept');
    kit.cluster.record(0, KEY);
  });
});

describe('comparing a record', () => {
  it('names the first field that differs', () => {
    const kit = new Kit();
    const record = kit.backedUp(SMALL);
    kit.put(record, SMALL);
    const { content } = record;
    const differing: [string, BackedUpRecord][] = [
      ['version', { ...record, content: { ...content, recordVersion: 8 } }],
      ['created', { ...record, content: { ...content, creationTimeMs: 8 } }],
      ['modified', { ...record, content: { ...content, lastModifiedMs: 8 } }],
      ['expiry', { ...record, expiresAtMs: kit.clock.wallMs() + 1 }],
      ['size', { ...record, sizeBytes: 4 }],
    ];
    for (const [field, other] of differing) expect(kit.check(other, SMALL)).toBe(field);
    expect(kit.check(record, Buffer.from('valuE'))).toBe('value');
  });
});
