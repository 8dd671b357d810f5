import { createServer } from 'node:net';
import { join } from 'node:path';
import { paceCollections } from '../../base/collection-pace.ts';
import { silentLog } from '../../base/log.ts';
import { SystemClock } from '../../base/system-clock.ts';
import { SystemFiles } from '../../base/system-files.ts';
import { SystemRandom } from '../../base/system-random.ts';
import { keyRingOf } from '../../crypto/key-ring.ts';
import { RecordSealer } from '../../crypto/record-sealer.ts';
import { allCommands } from '../../proxy/commands/all-commands.ts';
import { ProxyServer } from '../../proxy/proxy.ts';
import { RuntimeConfig } from '../../proxy/runtime-config.ts';
import { openJournaledRocksdb } from '../../storage/journaled-rocksdb.ts';
import { WritePipeline } from '../../storage/write-pipeline.ts';
import { LeastCluster } from './least-cluster.ts';

/*
 * A server for the benchmark (`npm run bench -- --least`), made of parts of junokv: what a command cannot do without, and nothing of the
 * protocol. Arguments: level, port, directory. Each level does what those before it do, and one thing more.
 */
const LEVELS = ['sockets', 'front', 'sealed', 'written'];

const COMMAND_START = 0x2a;
const OK = '+OK\r\n';
const REPLICAS = 3;

/** Answers as many times as there are commands in what was read: an asterisk each, for what redis-benchmark sends. */
function serveSockets(port: number): Promise<void> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      let commands = 0;
      for (let at = chunk.indexOf(COMMAND_START); at >= 0; at = chunk.indexOf(COMMAND_START, at + 1)) commands++;
      if (commands > 0) socket.write(OK.repeat(commands));
    });
  });
  return new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
}

async function openPipelines(directory: string, clock: SystemClock): Promise<WritePipeline[]> {
  const pipelines: WritePipeline[] = [];
  for (let i = 1; i <= REPLICAS; i++) {
    const opened = await openJournaledRocksdb({
      directory: join(directory, String(i)),
      clock,
      files: new SystemFiles(),
    });
    if (!opened.ok) throw opened.error;
    const onFailed = (): never => {
      throw new Error('a batch could not be written');
    };
    const pipeline = new WritePipeline(opened.engine, clock, silentLog, 'everysec', { onFailed });
    pipeline.start();
    pipelines.push(pipeline);
  }
  return pipelines;
}

async function serve(level: string, port: number, directory: string): Promise<void> {
  if (level === 'sockets') {
    await serveSockets(port);
    return;
  }
  paceCollections();
  const clock = new SystemClock();
  const random = new SystemRandom();
  const keys = keyRingOf(1, new Map([[1, Buffer.alloc(32, 2)]]));
  const sealer = level === 'front' ? null : new RecordSealer(keys, random);
  const pipelines = level === 'written' ? await openPipelines(directory, clock) : [];
  const cluster = new LeastCluster(clock, sealer, pipelines);
  const config = new RuntimeConfig({});
  const proxy = new ProxyServer({ clock, random, log: silentLog, cluster, config, commands: allCommands });
  await proxy.listen({ host: '127.0.0.1', port });
}

const [level = '', port = '', directory = ''] = process.argv.slice(2);
if (!LEVELS.includes(level)) throw new Error(`no such level: ${level}`);
await serve(level, Number(port), directory);
console.log('is ready');
