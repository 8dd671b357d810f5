import { afterEach, describe, expect, it } from 'vitest';
import type { Log } from '../base/log.ts';
import { MessageType, type Request, type Response } from './messages.ts';
import { TOO_NEW } from './node-peer.ts';
import { PROTOCOL_VERSIONS, type ProtocolVersions, protocolTable, sinceVersion } from './protocol-table.ts';
import { TcpServer } from './tcp-server.ts';
import { TcpTransport } from './tcp-transport.ts';
import { Answers, BASE, TestNode, until } from './testing/tcp-cluster.ts';

const STATUS: Request = { type: MessageType.nodeStatus };
const STALE: Response = { type: MessageType.stale };

type Line = readonly [fields: object, message: string];

/** Keeps what is logged. */
class KeptLog implements Log {
  readonly lines: Line[] = [];
  debug = (fields: object, message: string): void => void this.lines.push([fields, message]);
  info = this.debug;
  warn = this.debug;
  error = this.debug;
}

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const made of open.splice(0).reverse()) await made.close();
});

/** A node and a proxy that speak these versions; `up` once they have met. */
async function meet(node: ProtocolVersions, proxy: ProtocolVersions) {
  const handler = new TestNode();
  handler.respond = () => STALE;
  const nodeLog = new KeptLog();
  const proxyLog = new KeptLog();
  const server = new TcpServer({ ...BASE, handler, versions: node, log: nodeLog });
  open.push(server);
  const port = await server.listen('127.0.0.1', 0);
  const transport = new TcpTransport({ ...BASE, versions: proxy, log: proxyLog });
  open.push(transport);
  transport.setNodes([{ id: 1, incarnation: 'one', host: '127.0.0.1', port, leaving: false }]);
  return { handler, transport, nodeLog, proxyLog };
}

describe('the versions of the protocol', () => {
  it.each([
    ['both alike', { min: 1, max: 1 }, { min: 1, max: 1 }, 1],
    ['a newer node', { min: 1, max: 2 }, { min: 1, max: 1 }, 1],
    ['a newer proxy', { min: 1, max: 1 }, { min: 1, max: 2 }, 1],
    ['both newer', { min: 1, max: 2 }, { min: 1, max: 2 }, 2],
    ['a node far ahead', { min: 2, max: 9 }, { min: 1, max: 3 }, 3],
  ])('are negotiated when a connection is made: %s', async (_, node, proxy, protocolVersion) => {
    const { transport, proxyLog } = await meet(node, proxy);
    await until(() => transport.isUp(1));
    expect(proxyLog.lines).toContainEqual([{ nodeId: 1, protocolVersion }, 'storage node is up']);
  });

  it.each([
    ['newer', { min: 2, max: 3 }, { min: 1, max: 1 }, '2 to 3', '1 to 1'],
    ['older', { min: 1, max: 1 }, { min: 2, max: 3 }, '1 to 1', '2 to 3'],
  ])('stand between a proxy and a node that is altogether %s, and both say so', async (_, node, proxy, its, ours) => {
    const { transport, nodeLog, proxyLog } = await meet(node, proxy);
    await until(() => proxyLog.lines.length > 0 && nodeLog.lines.length > 0);
    expect(transport.isUp(1)).toBe(false);
    const sentence = `this node speaks protocol versions ${its}, the peer speaks ${ours}`;
    expect(proxyLog.lines[0]?.[0]).toMatchObject({ nodeId: 1, problem: `refused (version): ${sentence}` });
    expect(nodeLog.lines[0]?.[1]).toBe(sentence);
  });

  it('keep a request back that the node does not know yet', async () => {
    expect(sinceVersion(STATUS.type)).toBe(1);
    const old = await meet({ min: 0, max: 0 }, { min: 0, max: 1 });
    await until(() => old.transport.isUp(1));
    const answers = new Answers();
    old.transport.send(1, STATUS, answers, 7);
    expect(answers.got).toEqual([]);
    await until(() => answers.got.length === 1);
    expect(answers.got).toEqual([[7, TOO_NEW]]);
    expect(old.handler.seen).toEqual([]);
    const young = await meet({ min: 0, max: 1 }, { min: 0, max: 1 });
    await until(() => young.transport.isUp(1));
    young.transport.send(1, STATUS, answers, 8);
    await until(() => answers.got.length === 2);
    expect(answers.got[1]).toEqual([8, STALE]);
  });

  it('cover every message of the table', () => {
    for (const row of protocolTable) {
      expect(sinceVersion(row.number)).toBe(row.since);
      expect(row.since).toBeGreaterThanOrEqual(PROTOCOL_VERSIONS.min);
      expect(row.since).toBeLessThanOrEqual(PROTOCOL_VERSIONS.max);
    }
  });
});
