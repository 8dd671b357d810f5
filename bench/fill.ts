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
  // Its end is what is waited for below.
  socket.on('error', () => {});
  try {
    for (let first = part * together; first < count; first += together * CONNECTIONS) {
      const batch: Buffer[] = [];
      for (let i = first; i < Math.min(first + together, count); i++) {
        batch.push(encodeCommand(['SET', keyName(VALUE_PREFIX, list === null ? i : (list[i] ?? 0)), value]));
      }
      await new Promise<void>((resolve, reject) => {
        const counter = new ReplyCounter();
        let left = batch.length;
        const ended = (): void => reject(new Error(`filling the keys on port ${port}: the connection ended`));
        const take = (chunk: Buffer): void => {
          left -= counter.push(chunk);
          if (left > 0) return;
          socket.off('data', take).off('close', ended);
          if (counter.errors === 0) resolve();
          else reject(new Error(`filling the keys on port ${port}: ${counter.firstError}`));
        };
        socket.on('data', take).on('close', ended);
        socket.write(Buffer.concat(batch));
      });
    }
  } finally {
    socket.destroy();
  }
}
