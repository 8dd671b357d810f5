import { describe, expect, it } from 'vitest';
import { AccessLevel } from '../proxy/access.ts';
import { plain } from '../proxy/testing/run-command.ts';
import { SessionRunner } from '../proxy/testing/session-runner.ts';
import { NO_PAST } from '../record/request-history.ts';
import { ErrorReply } from '../resp/reply.ts';
import { junoCommands } from './juno-commands.ts';
import { fieldsOf } from './testing/juno-runner.ts';

const NOW_MS = 1_700_000_000_000;
const NO_PAGES = { read: () => Buffer.alloc(0), write: () => '' };

/** What a command line of this session does to a record that does not exist. */
function runOnNothing(session: SessionRunner, line: string) {
  const args = line.split(' ').map((word) => Buffer.from(word));
  const handler = junoCommands.find(({ name }) => name === args[0]?.toString())?.handler;
  const parsed = handler?.kind === 'record' ? handler.parse(args, session) : null;
  if (parsed === null || parsed instanceof ErrorReply) return { reply: parsed, change: null };
  return parsed.step.run(null, { nowMs: NOW_MS, pages: NO_PAGES, past: NO_PAST });
}

describe('the session of a JUNO.* command', () => {
  it('gives records that are created without a TTL that of its namespace, in the answer too', async () => {
    const session = new SessionRunner();
    expect(fieldsOf(runOnNothing(session, 'juno.create k v').reply)).toMatchObject({ ttl: -1 });
    await session.proxy.cluster.setNamespaceLimits('default', { defaultTtlMs: 90_000 });
    for (const line of ['juno.create k v', 'juno.set k v', 'juno.set k v TTL 0']) {
      const { reply, change } = runOnNothing(session, line);
      expect(fieldsOf(reply), line).toMatchObject({ ttl: 90, pttl: 90_000 });
      expect(change, line).toMatchObject({ kind: 'put', expiresAtMs: NOW_MS + 90_000 });
    }
    expect(fieldsOf(runOnNothing(session, 'juno.create k v TTL 5').reply)).toMatchObject({ pttl: 5_000 });
  });

  it('lets who may only read not extend a life', () => {
    const session = new SessionRunner();
    session.access = AccessLevel.read;
    expect(plain(runOnNothing(session, 'juno.get k TTL 5').reply)).toBe(
      "-NOPERM this user has no permissions to run the 'juno.get' command with a TTL",
    );
    expect(runOnNothing(session, 'juno.get k').reply).toBeNull();
    expect(runOnNothing(session, 'juno.get k TTL 0').reply).toBeNull();
    session.access = AccessLevel.write;
    expect(runOnNothing(session, 'juno.get k TTL 5').reply).toBeNull();
  });
});
