import type { Socket } from 'node:net';
import { encodeCommand } from '../compat-tests/support/request.ts';
import { VALUE_PREFIX } from './commands.ts';
import { keyName } from './keys.ts';
import { type Endpoint, keysByEndpoint, openSocket } from './load-client.ts';
import { ReplyCounter } from './reply-counter.ts';

/** Bytes of values in one batch, and the most keys in it. */
const BATCH_BYTES = 256 * 1_024;
const BATCH_KEYS = 500;
/** Connections to each endpoint. */
const CONNECTIONS = 4;
/** Answers of a junokv that is too busy just now; a SET may be repeated. */
const PASSES = /^-(BUSY|UNAVAILABLE|UNCERTAIN)/;
const TRIES = 10;
const PAUSE_MS = 500;

/** Sets all keys of the benchmark to values of this size, so that every GET finds something. */
export async function fillKeys(endpoints: readonly Endpoint[], keys: number, valueBytes: number): Promise<void> {
  const lists = keysByEndpoint(endpoints, VALUE_PREFIX, keys);
  await Promise.all(
    endpoints.flatMap(({ port }, i) => {
      const list = lists[i] ?? null;
      return Array.from({ length: CONNECTIONS }, (_, part) =>
        fillPart(port, list, list?.length ?? keys, valueBytes, part),
      );
    }),
  );
}

async function fillPart(port: number, list: Int32Array | null, count: number, valueBytes: number, part: number) {
  const together = Math.max(1, Math.min(BATCH_KEYS, Math.floor(BATCH_BYTES / valueBytes)));
  const value = Buffer.alloc(valueBytes, 'x');
  const socket = await openSocket(port);
  // Its end is what `answersTo` waits for.
  socket.on('error', () => {});
  try {
    for (let first = part * together; first < count; first += together * CONNECTIONS) {
      const commands: Buffer[] = [];
      for (let i = first; i < Math.min(first + together, count); i++) {
        commands.push(encodeCommand(['SET', keyName(VALUE_PREFIX, list === null ? i : (list[i] ?? 0)), value]));
      }
      const batch = Buffer.concat(commands);
      for (let tries = 1; ; tries++) {
        const { errors, firstError } = await answersTo(socket, batch, commands.length);
        if (errors === 0) break;
        const message = `filling the keys on port ${port}: ${firstError.trim()}`;
        if (!PASSES.test(firstError) || tries === TRIES) throw new Error(message);
        console.error(`${message} (${errors} of ${commands.length}; again)`);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
  } finally {
    socket.destroy();
  }
}

function answersTo(socket: Socket, batch: Buffer, commands: number): Promise<ReplyCounter> {
  return new Promise((resolve, reject) => {
    const counter = new ReplyCounter();
    let left = commands;
    const ended = (): void => reject(new Error('the connection ended while the keys were filled'));
    const take = (chunk: Buffer): void => {
      left -= counter.push(chunk);
      if (left > 0) return;
      socket.off('data', take).off('close', ended);
      resolve(counter);
    };
    socket.on('data', take).on('close', ended);
    if (socket.destroyed) ended();
    else socket.write(batch);
  });
}
