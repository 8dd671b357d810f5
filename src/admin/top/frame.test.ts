import { describe, expect, it } from 'vitest';
import { topFrame } from './frame.ts';
import { screenText } from './terminal.ts';
import { nodeText, readingOf, seenText } from './testing/info-fixture.ts';
import { type TopView, topView } from './view.ts';

/** Two proxies, one of which does not answer, and a node that is suspect, while shards move. */
function busyView(): TopView {
  const nodes = [nodeText(1), nodeText(2), nodeText(3, 'corrupt_records=2,data_bytes=1073741824,unsynced_ms=0')];
  const seen = { 1: seenText(0.31), 2: seenText(41.7, 1), 3: seenText(0.28) };
  const before = readingOf({ atMs: 0, nodes, seen, commands: { get: { calls: 0, usec: 0 } } });
  const now = readingOf({
    atMs: 1_000,
    nodes,
    seen,
    fields: {
      map_epoch: 12,
      moving_shards: 8,
      shards_to_move: 120,
      connected_clients: 57,
      used_memory_rss: 314_572_800,
      used_cpu_user: '0.9',
      total_net_input_bytes: 2_097_152,
      total_net_output_bytes: 9_437_184,
      total_error_replies: 3,
      commands_uncertain: 1,
      rounds_hedged: 25,
      commands_waiting: 12,
      uptime_in_seconds: 4_000,
    },
    commands: {
      get: { calls: 40_000, usec: 12_000_000 },
      set: { calls: 10_000, usec: 9_000_000, failed: 1 },
      incr: { calls: 500, usec: 600_000, failed: 2 },
      'juno.create': { calls: 12, usec: 30_000 },
    },
    latency: {
      get: [
        [256, 10_000],
        [512, 39_900],
        [2_048, 40_000],
      ],
      set: [
        [1_024, 9_900],
        [8_192, 10_000],
      ],
      incr: [[2_048, 500]],
      'juno.create': [[4_096, 12]],
    },
  });
  return topView([
    { address: '10.0.0.8:6379', before, now },
    { address: '10.0.0.9:6379', problem: 'connect ECONNREFUSED 10.0.0.9:6379' },
  ]);
}

function frame(columns: number, rows: number, view = busyView()): string {
  const lines = topFrame(view, { columns, rows }, false);
  expect(lines.length).toBeLessThanOrEqual(rows);
  for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(columns);
  return `\n${lines.join('\n')}\n`;
}

describe('a frame', () => {
  it('shows it all on a large terminal', () => {
    expect(frame(140, 40)).toMatchInlineSnapshot(`
      "
      junokv top  epoch 12, 3 zones, 3 of 3 nodes up, 1,024 shards, cluster 00112233445566778899aabbccddeeff
      50,512 commands/s   p50 0.39 ms   p99 1.38 ms   57 clients   3.0 errors/s   25 hedges/s
      1.0 uncertain/s

      proxy          commands/s  p50 ms  p99 ms  errors/s  clients  waiting   cpu  memory    in/s   out/s     up for
      10.0.0.8:6379      50,512    0.39    1.38       3.0       57       12  90 %  300 MB  2.0 MB  9.0 MB  1 h 7 min
      ! 10.0.0.9:6379: connect ECONNREFUSED 10.0.0.9:6379

      zone   node  state    latency ms    data  not synced  damaged  address
      zone1     1  up             0.31  1.5 GB      120 ms        0  10.0.0.1:7001
      zone2     2  suspect        41.7  1.5 GB      120 ms        0  10.0.0.2:7001
      zone3     3  up             0.28  1.0 GB           0        2  10.0.0.3:7001

      moves: 8 shards under way, 120 to come
      sweep: all shards within the last 12 s

      command      calls/s  mean ms  p50 ms  p99 ms  errors/s
      get           40,000     0.30    0.34    0.51         0
      set           10,000     0.90    0.77    1.02       1.0
      incr             500     1.20    1.54    2.04       2.0
      juno.create       12     2.50    3.07    4.08         0
      "
    `);
  });

  it('cuts what is too wide and leaves out what is too long on a common terminal', () => {
    expect(frame(80, 16)).toMatchInlineSnapshot(`
      "
      junokv top  epoch 12, 3 zones, 3 of 3 nodes up, 1,024 shards, cluster 001122334>
      50,512 commands/s   p50 0.39 ms   p99 1.38 ms   57 clients   3.0 errors/s
      1.0 uncertain/s

      proxy          commands/s  p50 ms  p99 ms  errors/s  clients  waiting   cpu
      10.0.0.8:6379      50,512    0.39    1.38       3.0       57       12  90 %
      ! 10.0.0.9:6379: connect ECONNREFUSED 10.0.0.9:6379

      zone   node  state    latency ms    data  not synced  damaged  address
      zone1     1  up             0.31  1.5 GB      120 ms        0  10.0.0.1:7001
      zone2     2  suspect        41.7  1.5 GB      120 ms        0  10.0.0.2:7001
      zone3     3  up             0.28  1.0 GB           0        2  10.0.0.3:7001

      moves: 8 shards under way, 120 to come
      sweep: all shards within the last 12 s
      "
    `);
  });

  it('keeps to the heads of a small terminal', () => {
    expect(frame(40, 8)).toMatchInlineSnapshot(`
      "
      junokv top  epoch 12, 3 zones, 3 of 3 n>
      50,512 commands/s   p50 0.39 ms
      1.0 uncertain/s

      proxy          commands/s  p50 ms
      10.0.0.8:6379      50,512    0.39
      ! 10.0.0.9:6379: connect ECONNREFUSED 1>
      "
    `);
  });

  it('says so when no proxy answers', () => {
    expect(
      frame(80, 24, topView([{ address: '127.0.0.1:6379', problem: 'NOAUTH Authentication required.' }])),
    ).toMatchInlineSnapshot(`
      "
      junokv top  no proxy answers
      0 commands/s   p50 - ms   p99 - ms   0 clients   0 errors/s   0 hedges/s

      ! 127.0.0.1:6379: NOAUTH Authentication required.
      "
    `);
  });

  it('fits any terminal, whatever its size', () => {
    for (let columns = 0; columns < 60; columns += 7) for (let rows = 0; rows < 30; rows++) frame(columns, rows);
  });

  it('colours what is wrong, and cuts by what is seen', () => {
    const lines = topFrame(busyView(), { columns: 60, rows: 40 }, true);
    const plain = topFrame(busyView(), { columns: 60, rows: 40 }, false);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: ANSI
    const withoutColours = lines.map((line) => line.replace(/\u001b\[\d*m/g, '').trimEnd());
    expect(withoutColours).toEqual(plain);
    expect(lines.find((line) => line.includes('zone2'))).toContain('\u001b[31m  suspect\u001b[0m');
    expect(plain.every((line) => line.length <= 60)).toBe(true);
    expect(lines.find((line) => line.includes('uncertain/s'))).toContain('\u001b[31m');
  });

  it('never lets what a proxy says move the cursor', () => {
    const view = topView([{ address: 'a:1', problem: 'bad\u001b[2J\u0007\r\nword' }]);
    expect(frame(80, 24, view)).toContain('! a:1: bad?[2J???word');
  });

  it('takes the place of the one before, without scrolling', () => {
    expect(screenText(['a', 'b'])).toBe('\u001b[Ha\u001b[K\r\nb\u001b[K\u001b[J');
  });
});
