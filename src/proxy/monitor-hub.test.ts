import { describe, expect, it } from 'vitest';
import { MonitorHub, quoted } from './monitor-hub.ts';
import { SessionRunner, shown, TestProxy } from './testing/session-runner.ts';

describe('quoted', () => {
  it('escapes as Redis does', () => {
    expect(quoted(Buffer.from('plain text~'))).toBe('"plain text~"');
    expect(quoted(Buffer.from('"\\\n\r\t\x07\b'))).toBe('"\\"\\\\\\n\\r\\t\\a\\b"');
    expect(quoted(Buffer.from([0x00, 0x1f, 0x7f, 0xff]))).toBe('"\\x00\\x1f\\x7f\\xff"');
  });
});

describe('MonitorHub', () => {
  function feed(hub: MonitorHub, session: SessionRunner, line: string): void {
    const args = line.split(' ').map((word) => Buffer.from(word));
    const [name = '', sub = ''] = line.toLowerCase().split(' ');
    const entry = session.proxy.table.findFull(`${name}|${sub}`) ?? session.proxy.table.findFull(name);
    if (entry !== undefined) hub.feed(session, entry.row, args);
  }

  it('sends every listener one line per command', () => {
    const proxy = new TestProxy();
    const [listener, other, client] = [new SessionRunner(proxy), new SessionRunner(proxy), new SessionRunner(proxy)];
    const hub = new MonitorHub(proxy.clock);
    expect(hub.active).toBe(false);
    hub.add(listener);
    hub.add(other);
    client.database = 3;
    proxy.clock.advance(7);
    feed(hub, client, 'SET a x');
    const line = '+1700000000.007000 [3 10.0.0.9:50000] "SET" "a" "x"';
    expect(listener.pushed.map(shown)).toEqual([line]);
    expect(other.pushed.map(shown)).toEqual([line]);
    hub.remove(listener);
    hub.remove(other);
    expect(hub.active).toBe(false);
    feed(hub, client, 'SET a x');
    expect(listener.pushed).toHaveLength(1);
    expect(listener.monitoring).toBe(false);
  });

  it('leaves out administrative commands and hides passwords', () => {
    const proxy = new TestProxy();
    const listener = new SessionRunner(proxy);
    const hub = new MonitorHub(proxy.clock);
    hub.add(listener);
    for (const line of [
      'CONFIG GET a',
      'MONITOR',
      'CLIENT LIST',
      'SLOWLOG GET',
      'AUTH pw',
      'HELLO 3 AUTH u pw',
      'CLIENT SETNAME n',
    ]) {
      feed(hub, listener, line);
    }
    const sent = listener.pushed.map((line) => String(shown(line)).replace(/^.*\] /, ''));
    expect(sent).toEqual([
      '"AUTH" "(redacted)"',
      '"HELLO" "3" "AUTH" "(redacted)" "(redacted)"',
      '"CLIENT" "SETNAME" "n"',
    ]);
  });
});
