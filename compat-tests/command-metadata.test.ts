import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServerPairs } from './harness.ts';
import { metadataDifferences } from './known-differences.ts';
import { RawClient } from './support/raw-client.ts';
import { redisServerVersion } from './support/redis-server.ts';
import { type ReplyNode, readReply, showReply } from './support/resp-reply.ts';

const redis = redisServerVersion();
const title = redis.ok ? 'COMMAND INFO and DOCS' : `COMMAND INFO and DOCS (skipped: ${redis.reason})`;
const INFO_SUBCOMMANDS = 9;

/** Without the list of subcommands (each is compared by its own name), and without one-line summaries: ours may say more. */
function compared(node: ReplyNode, isInfo: boolean): ReplyNode {
  const items = node.items.flatMap((item, i) => {
    const before = node.items[i - 1]?.bytes?.toString();
    const dropped = isInfo ? i === INFO_SUBCOMMANDS : before === 'summary' || before === 'subcommands';
    return dropped ? [] : [compared(item, isInfo)];
  });
  return { ...node, items };
}

describe.skipIf(!redis.ok)(title, () => {
  const pairs = new ServerPairs();
  let theirs: RawClient;
  let ours: RawClient;
  beforeAll(async () => {
    const ports = await pairs.ports('plain');
    theirs = await RawClient.connect(ports.redis);
    ours = await RawClient.connect(ports.junokv);
  }, 60_000);
  afterAll(async () => {
    theirs.close();
    ours.close();
    await pairs.stop();
  });

  async function shown(client: RawClient, what: string, name: string): Promise<string> {
    const node = readReply(await client.command(['COMMAND', what, name])) ?? expect.fail('half a reply');
    return showReply(compared(node, what === 'INFO'));
  }

  for (const protocol of ['2', '3']) {
    it(`say the same of every command, RESP${protocol}`, async () => {
      await theirs.command(['HELLO', protocol]);
      await ours.command(['HELLO', protocol]);
      const list = readReply(await ours.command(['COMMAND', 'LIST'])) ?? expect.fail('half a reply');
      // Juno's own commands have no counterpart.
      const names = list.items.map((item) => String(item.bytes)).filter((name) => !name.startsWith('juno.'));
      expect(names.length).toBeGreaterThan(100);
      const differing = new Set<string>();
      for (const name of names) {
        for (const what of ['INFO', 'DOCS']) {
          const [a, b] = [await shown(theirs, what, name), await shown(ours, what, name)];
          if (a === b) continue;
          differing.add(name);
          if (metadataDifferences[name] === undefined) expect.soft(b, `COMMAND ${what} ${name}`).toBe(a);
        }
      }
      expect([...differing].sort()).toEqual(Object.keys(metadataDifferences).sort());
    });
  }
});
