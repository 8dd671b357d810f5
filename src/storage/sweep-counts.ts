import type { SweepFindings } from '../rpc/sweep-messages.ts';

/** Findings of a sweep as they are counted. */
export class SweepCounts implements SweepFindings {
  ranges = 0;
  records = 0;
  bytes = 0;
  differing = 0;
  repaired = 0;
  killed = 0;
  purged = 0;
  pagesPurged = 0;
  unreadable = 0;
  unanswered = 0;
  killedFromQueue = 0;
  purgedFromQueue = 0;
  notesDropped = 0;

  add(findings: SweepFindings): void {
    this.ranges += findings.ranges;
    this.records += findings.records;
    this.bytes += findings.bytes;
    this.differing += findings.differing;
    this.repaired += findings.repaired;
    this.killed += findings.killed;
    this.purged += findings.purged;
    this.pagesPurged += findings.pagesPurged;
    this.unreadable += findings.unreadable;
    this.unanswered += findings.unanswered;
    this.killedFromQueue += findings.killedFromQueue;
    this.purgedFromQueue += findings.purgedFromQueue;
    this.notesDropped += findings.notesDropped;
  }
}
