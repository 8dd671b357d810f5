import { describe, expect, it } from 'vitest';
import { ErrorReply } from '../../resp/reply.ts';
import type { BackupKeeper } from '../process-port.ts';
import { SessionRunner, TestProxy } from '../testing/session-runner.ts';

/** A keeper whose backups end when they are told to. */
class ManualBackups implements BackupKeeper {
  isSaving = false;
  lastSaveMs = 1_234_567;
  lastProblem: string | null = null;
  end: (problem: string | null) => void = () => {};

  async save(): Promise<string | null> {
    this.isSaving = true;
    const problem = await new Promise<string | null>((resolve) => {
      this.end = resolve;
    });
    this.isSaving = false;
    return problem;
  }
}

function withProcess(backups: BackupKeeper | null, stop: (() => void) | null = null): SessionRunner {
  const proxy = new TestProxy();
  proxy.process = { backups, stop, rewriteConfig: null };
  return new SessionRunner(proxy);
}

describe('SAVE, BGSAVE and LASTSAVE', () => {
  it('make backups, one at a time', async () => {
    const backups = new ManualBackups();
    const session = withProcess(backups);
    expect(await session.run('LASTSAVE')).toBe(1_234);
    expect(await session.run('BGSAVE')).toBe('+Background saving started');
    expect(await session.run('BGSAVE SCHEDULE')).toBe('-ERR Background save already in progress');
    expect(await session.run('SAVE')).toBe('-ERR Background save already in progress');
    backups.end(null);
    await Promise.resolve();
    backups.isSaving = false;
    const saved = session.run('SAVE');
    backups.end('the disk\nis full');
    expect(await saved).toBe('-ERR the backup failed: the disk is full');
  });

  it('say that there is nowhere to put them', async () => {
    const session = withProcess(null);
    expect(await session.run('SAVE')).toMatch(/^-ERR this proxy was given no directory for backups/);
    expect(await session.run('BGSAVE')).toMatch(/^-ERR this proxy was given no directory for backups/);
    expect(await session.run('LASTSAVE')).toBe(Math.floor(session.proxy.info.identity.startedAtMs / 1000));
  });

  it('are not for a user of one namespace', async () => {
    const session = withProcess(new ManualBackups(), () => {});
    session.namespaceBound = true;
    for (const line of ['SAVE', 'BGSAVE', 'SHUTDOWN']) expect(await session.run(line), line).toMatch(/^-NOPERM/);
  });
});

describe('SHUTDOWN', () => {
  it('asks the process to stop, after the backup that it was asked for', async () => {
    let stops = 0;
    const backups = new ManualBackups();
    const session = withProcess(backups, () => stops++);
    const failing = session.run('SHUTDOWN SAVE');
    backups.end('no room');
    expect(await failing).toBe('-ERR the backup failed: no room');
    expect(stops).toBe(0);
    const forced = session.run('SHUTDOWN SAVE FORCE');
    backups.end('no room');
    await forced;
    expect(stops).toBe(1);
    await session.run('SHUTDOWN NOSAVE NOW');
    expect(stops).toBe(2);
  });

  it.each([
    ['SHUTDOWN NOSAVE SAVE', '-ERR syntax error'],
    ['SHUTDOWN ABORT NOW', '-ERR syntax error'],
    ['SHUTDOWN soon', '-ERR syntax error'],
    ['SHUTDOWN ABORT', '-ERR No shutdown in progress.'],
    ['SHUTDOWN', '-ERR this process cannot be ended by a client: send it a signal'],
  ])('%s', async (line, reply) => {
    expect(await withProcess(null).run(line)).toBe(reply);
  });
});

describe('CONFIG REWRITE', () => {
  it('hands what clients have changed to the process', async () => {
    let written: ReadonlyMap<string, string> = new Map();
    let problem: string | null = null;
    const proxy = new TestProxy();
    const session = new SessionRunner(proxy);
    expect(await session.run('CONFIG REWRITE')).toBe('-ERR The server is running without a config file');
    proxy.process = {
      backups: null,
      stop: null,
      rewriteConfig(changed) {
        written = changed;
        return problem;
      },
    };
    await session.run('CONFIG SET TIMEOUT 7 maxclients 50');
    await session.run('CONFIG SET timeout 8');
    await session.run('CONFIG SET tcp-keepalive nonsense');
    expect(await session.run('CONFIG REWRITE')).toBe('+OK');
    expect([...written]).toEqual([
      ['timeout', '8'],
      ['maxclients', '50'],
    ]);
    problem = 'read\nonly';
    expect(await session.run('CONFIG REWRITE')).toBe('-ERR Rewriting config file: read only');
  });
});

describe('DEBUG', () => {
  const sessionOf = (enableDebugCommand: 'no' | 'yes' | 'local'): SessionRunner =>
    new SessionRunner(new TestProxy({ enableDebugCommand }));

  it('is off unless the proxy was started with it', async () => {
    expect(await sessionOf('no').run('DEBUG CHANGE-REPL-ID')).toMatch(/^-ERR DEBUG command not allowed/);
    expect(await sessionOf('local').run('DEBUG CHANGE-REPL-ID')).toMatch(/^-ERR DEBUG command not allowed/);
    expect(await sessionOf('yes').run('DEBUG CHANGE-REPL-ID')).toBe('+OK');
    for (const remoteAddress of ['127.0.0.1:9', '[::1]:9', '/run/junokv.sock:0']) {
      const session = Object.assign(sessionOf('local'), { remoteAddress });
      expect(await session.run('DEBUG CHANGE-REPL-ID'), remoteAddress).toBe('+OK');
    }
  });

  it('SLEEP holds its connection up', async () => {
    const session = sessionOf('yes');
    let isOver = false;
    const sleeping = session.run('DEBUG SLEEP 1.5').then((reply) => {
      isOver = true;
      return reply;
    });
    session.proxy.clock.advance(1_499);
    await Promise.resolve();
    expect(isOver).toBe(false);
    session.proxy.clock.advance(2);
    expect(await sleeping).toBe('+OK');
  });

  it('OBJECT describes what is there', async () => {
    const session = sessionOf('yes');
    await session.run('SET k value');
    session.proxy.clock.advance(2_000);
    expect(await session.run('DEBUG OBJECT k')).toMatch(
      /^\+Value at:0x0 refcount:1 encoding:embstr serializedlength:5 lru:\d+ lru_seconds_idle:2$/,
    );
    expect(await session.run('DEBUG SDSLEN k')).toMatch(/^\+key_sds_len:1, .*val_sds_len:5, /);
    expect(await session.run('DEBUG OBJECT none')).toBe('-ERR no such key');
  });

  it('ERROR makes any error, on one line', async () => {
    const session = sessionOf('yes');
    const reply = await session.runArguments(['DEBUG', 'ERROR', 'LOADING a\r\nb'].map((word) => Buffer.from(word)));
    expect(reply).toEqual(new ErrorReply('LOADING a  b'));
  });
});

describe('SWAPDB and WAIT', () => {
  it.each([
    ['SWAPDB 1 1', '+OK'],
    ['SWAPDB 0 16', '-ERR DB index is out of range'],
    ['SWAPDB x 1', '-ERR invalid first DB index'],
    ['SWAPDB 0 x', '-ERR invalid second DB index'],
    ['WAIT 0 x', '-ERR timeout is not an integer or out of range'],
  ])('%s', async (line, reply) => {
    expect(await new SessionRunner().run(line)).toBe(reply);
  });

  it('SWAPDB exchanges two databases for all sessions', async () => {
    const proxy = new TestProxy();
    const [first, second] = [new SessionRunner(proxy), new SessionRunner(proxy)];
    await first.run('SET k zero');
    await second.run('SELECT 3');
    await second.run('SET k three');
    expect(await first.run('SWAPDB 3 0')).toBe('+OK');
    expect([await first.run('GET k'), await second.run('GET k')]).toEqual(['three', 'zero']);
    await second.run('DEL k');
    expect([await first.run('DBSIZE'), await second.run('DBSIZE')]).toEqual([1, 0]);
  });

  it('WAIT answers what a majority has beside the first replica', async () => {
    const session = new SessionRunner();
    const zones = session.proxy.cluster.map().zones.length;
    expect(await session.run('WAIT 5 0')).toBe(Math.floor(zones / 2));
  });
});
