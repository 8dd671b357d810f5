import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { limits } from '../base/limits.ts';
import { ANSWER_BYTES, answer, CHALLENGE_BYTES, ChannelRole, makeChallenge } from '../crypto/secure-channel-auth.ts';
import { AUTH_CONTEXT, encodeHello, encodePreface } from './handshake.ts';
import { FrameKind, FrameWriter } from './message-codec.ts';
import { MessageType, type Response } from './messages.ts';
import { BASE, CLUSTER_ID, pause, SECRET, TcpCluster, until } from './testing/tcp-cluster.ts';

const STALE: Response = { type: MessageType.stale };
const HELLO = encodeHello({ minVersion: 1, maxVersion: 1, clusterId: CLUSTER_ID, nodeId: 1, incarnation: 'one' });

/** A peer under the test's control, byte by byte. */
class RawPeer {
  readonly socket: Socket;
  received = Buffer.alloc(0);
  closed = false;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
    });
  }

  async bytes(count: number): Promise<Buffer> {
    await until(() => this.received.length >= count);
    const taken = this.received.subarray(0, count);
    this.received = this.received.subarray(count);
    return taken;
  }

  async challenge(): Promise<{ own: Buffer; node: Buffer }> {
    const own = makeChallenge(BASE.random);
    this.socket.write(encodePreface(own));
    return { own, node: await this.bytes(CHALLENGE_BYTES) };
  }

  /** Through the whole handshake, up to a welcome. */
  async authenticate(hello = HELLO): Promise<number> {
    const { own, node } = await this.challenge();
    this.socket.write(answer(SECRET, ChannelRole.client, own, node, AUTH_CONTEXT));
    this.socket.write(hello);
    await this.bytes(ANSWER_BYTES);
    const head = await this.bytes(5);
    await this.bytes(head.readUInt32BE(0) - 1);
    return head.readUInt8(4);
  }
}

const clusters: TcpCluster[] = [];
const peers: RawPeer[] = [];
async function serve(): Promise<TcpCluster> {
  const made = await new TcpCluster().start();
  clusters.push(made);
  return made;
}
function peer(made: TcpCluster): RawPeer {
  const raw = new RawPeer(made.port);
  peers.push(raw);
  return raw;
}

afterEach(async () => {
  for (const raw of peers.splice(0)) raw.socket.destroy();
  for (const made of clusters.splice(0)) await made.stop();
});

function statusRequests(count: number): Buffer {
  const frame = new FrameWriter(FrameKind.requests);
  for (let i = 0; i < count; i++) frame.addRequest(i, { type: MessageType.nodeStatus });
  return frame.finish();
}

describe('TcpServer before authentication', () => {
  it('gives garbage nothing but a close', async () => {
    const made = await serve();
    for (const garbage of ['GET / HTTP/1.1\r\n\r\n', '*1\r\n$4\r\nPING\r\n', 'J', 'JUNORPD', '\0'.repeat(100_000)]) {
      const raw = peer(made);
      raw.socket.write(Buffer.from(garbage, 'latin1'));
      if (garbage === 'J') raw.socket.write('X');
      await until(() => raw.closed);
      expect(raw.received.length).toBe(0);
    }
  });

  it('closes on a wrong answer without a byte, even if a good hello and requests follow', async () => {
    const made = await serve();
    for (const context of [AUTH_CONTEXT, Buffer.from('other')]) {
      const raw = peer(made);
      const { own, node } = await raw.challenge();
      const secret = context === AUTH_CONTEXT ? Buffer.from('not the secret of the cluster') : SECRET;
      raw.socket.write(
        Buffer.concat([answer(secret, ChannelRole.client, own, node, context), HELLO, statusRequests(3)]),
      );
      await until(() => raw.closed);
      expect(raw.received.length).toBe(0);
    }
    expect(made.node.batches).toEqual([]);
  });

  it('closes on a recorded answer, and on bytes sent before the challenge', async () => {
    const made = await serve();
    const first = peer(made);
    const { own, node } = await first.challenge();
    const recorded = answer(SECRET, ChannelRole.client, own, node, AUTH_CONTEXT);
    first.socket.destroy();
    const second = peer(made);
    second.socket.write(encodePreface(own));
    await second.bytes(CHALLENGE_BYTES);
    second.socket.write(recorded);
    await until(() => second.closed);
    expect(second.received.length).toBe(0);
    const third = peer(made);
    third.socket.write(Buffer.concat([encodePreface(own), recorded]));
    await until(() => third.closed);
    expect(third.received.length).toBe(0);
  });

  it('closes a silent peer after the handshake time, and takes only so many at once', async () => {
    const made = await serve();
    const silent = Array.from({ length: limits.unauthenticatedPeers }, () => peer(made));
    await pause(100);
    const surplus = peer(made);
    await until(() => surplus.closed, 500);
    expect(silent.every((raw) => !raw.closed)).toBe(true);
    await until(() => silent.every((raw) => raw.closed), limits.handshakeTimeMs + 1_000);
    expect(await peer(made).authenticate()).toBe(FrameKind.welcome);
  });

  it('takes the handshake byte by byte', async () => {
    const made = await serve();
    const raw = peer(made);
    const trickle = async (bytes: Buffer) => {
      for (const byte of bytes) {
        raw.socket.write(Buffer.of(byte));
        await new Promise((done) => setImmediate(done));
      }
    };
    const own = makeChallenge(BASE.random);
    await trickle(encodePreface(own));
    const node = await raw.bytes(CHALLENGE_BYTES);
    await trickle(Buffer.concat([answer(SECRET, ChannelRole.client, own, node, AUTH_CONTEXT), HELLO]));
    await raw.bytes(ANSWER_BYTES);
    expect((await raw.bytes(5)).readUInt8(4)).toBe(FrameKind.welcome);
  });

  it('refuses a hello that is not for it, with the reason', async () => {
    const made = await serve();
    const hello = { minVersion: 1, maxVersion: 1, clusterId: CLUSTER_ID, nodeId: 1, incarnation: 'one' };
    const wrong = [
      { ...hello, minVersion: 2, maxVersion: 3 },
      { ...hello, clusterId: 'other' },
      { ...hello, nodeId: 2 },
      { ...hello, incarnation: 'two' },
    ];
    for (const refused of wrong) {
      const raw = peer(made);
      expect(await raw.authenticate(encodeHello(refused))).toBe(FrameKind.refusal);
      await until(() => raw.closed);
    }
    const oversized = peer(made);
    const { own, node } = await oversized.challenge();
    oversized.socket.write(answer(SECRET, ChannelRole.client, own, node, AUTH_CONTEXT));
    oversized.socket.write(encodeHello({ ...hello, clusterId: 'x'.repeat(limits.handshakeFrameBytes) }));
    await until(() => oversized.closed);
  });
});

describe('TcpServer', () => {
  it('takes frames split at any offset, and answers many messages in one frame', async () => {
    const made = await serve();
    made.node.respond = () => STALE;
    const raw = peer(made);
    expect(await raw.authenticate()).toBe(FrameKind.welcome);
    const frame = statusRequests(4);
    for (let at = 1; at < frame.length; at++) {
      raw.socket.write(frame.subarray(0, at));
      await new Promise((done) => setImmediate(done));
      raw.socket.write(frame.subarray(at));
      const head = await raw.bytes(5);
      expect([head.readUInt32BE(0), head.readUInt8(4)]).toEqual([1 + 4 * 9, FrameKind.responses]);
      await raw.bytes(4 * 9);
    }
    expect(made.node.batches.every((calls) => calls === 4)).toBe(true);
  });

  it('answers a malformed message with a fault and goes on with the next', async () => {
    const made = await serve();
    made.node.respond = () => STALE;
    const raw = peer(made);
    await raw.authenticate();
    const frame = Buffer.from(statusRequests(2));
    frame.writeUInt8(63, 5 + 8); // no such type
    raw.socket.write(frame);
    await until(() => made.node.batches.length === 1);
    const head = await raw.bytes(5);
    const body = await raw.bytes(head.readUInt32BE(0) - 1);
    expect(body.readUInt8(8)).toBe(MessageType.fault);
    expect(body.readUInt8(4 + body.readUInt32BE(0) + 8)).toBe(MessageType.stale);
  });

  it('cuts off a peer whose lengths do not add up, is too long, or talks out of turn; others are unharmed', async () => {
    const made = await serve();
    made.node.respond = () => STALE;
    const good = peer(made);
    await good.authenticate();
    const badLength = Buffer.from(statusRequests(2));
    badLength.writeUInt32BE(500, 5);
    const tooLong = Buffer.alloc(100);
    tooLong.writeUInt32BE(limits.frameBytes, 0);
    for (const bad of [badLength, tooLong, HELLO, Buffer.alloc(64), Buffer.alloc(64, 0xff)]) {
      const raw = peer(made);
      await raw.authenticate();
      raw.socket.write(bad);
      await until(() => raw.closed);
    }
    good.socket.write(statusRequests(1));
    expect((await good.bytes(5)).readUInt8(4)).toBe(FrameKind.responses);
  });

  it('cuts off a peer that does not take its responses', async () => {
    const made = await serve();
    const page = Buffer.alloc(limits.messageBytes - 100);
    made.node.respond = () => ({ type: MessageType.pages, pages: [page] });
    const raw = peer(made);
    await raw.authenticate();
    raw.socket.pause();
    raw.socket.write(statusRequests(Math.ceil(limits.responseBytesPerPeerMax / page.length) + 2));
    await until(() => made.node.batches.length === 1);
    // Nothing is served any more: the connection is gone although its peer never read.
    raw.socket.write(statusRequests(1));
    await pause(50);
    expect(made.node.batches.length).toBe(1);
    raw.socket.resume();
    await until(() => raw.closed);
    expect(raw.received.length).toBeLessThan(limits.responseBytesPerPeerMax);
  });

  it('lets what was answered leave when it closes', async () => {
    const made = await serve();
    const raw = peer(made);
    await raw.authenticate();
    raw.socket.write(statusRequests(2));
    await until(() => made.node.open.length === 2);
    made.node.open[0]?.respond(STALE);
    const closed = made.server.close();
    made.node.open[1]?.respond(STALE);
    expect((await raw.bytes(5)).readUInt32BE(0)).toBe(1 + 9);
    await closed;
    await until(() => raw.closed);
  });

  it('says so if the port is taken', async () => {
    const made = await serve();
    await expect(new TcpCluster().server.listen('127.0.0.1', made.port)).rejects.toThrow('EADDRINUSE');
  });
});
