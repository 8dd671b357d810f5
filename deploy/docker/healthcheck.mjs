// Ends with 0 if the junokv of this container is alive: /healthz where it has an HTTP port, else PING to its proxy.
import { connect } from 'node:net';

const httpPort = Number(process.env.JUNOKV_HTTP_PORT ?? 0);
const end = (isAlive) => process.exit(isAlive ? 0 : 1);
setTimeout(() => end(false), 2_500);

if (httpPort > 0) {
  fetch(`http://127.0.0.1:${httpPort}/healthz`).then(
    (response) => end(response.ok),
    () => end(false),
  );
} else {
  connect(Number(process.env.JUNOKV_PORT ?? 6379), '127.0.0.1')
    // A demand for a password is an answer, too.
    .on('data', (reply) => end(/^(\+PONG|-NOAUTH)/.test(reply.toString('latin1'))))
    .on('error', () => end(false))
    .write('PING\r\n');
}
