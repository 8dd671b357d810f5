import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';

/** `text` as it is, with a content type of its own where it is not plain. */
export interface HttpAnswer {
  readonly status: 200 | 503;
  readonly text: string;
  readonly contentType?: string;
}

/** What is answered at a path. Rejecting is a defect, and answered 500. */
export type HttpPage = () => HttpAnswer | Promise<HttpAnswer>;

const PLAIN = 'text/plain; charset=utf-8';

/** A small HTTP server for operators: fixed paths, GET and HEAD, no bodies; all bounded. */
export class HttpServer {
  readonly #pages: ReadonlyMap<string, HttpPage>;
  readonly #log: Log;
  readonly #server: Server;

  constructor(pages: ReadonlyMap<string, HttpPage>, log: Log) {
    this.#pages = pages;
    this.#log = log;
    this.#server = createServer(
      {
        maxHeaderSize: limits.httpHeaderBytes,
        headersTimeout: limits.httpRequestMs,
        requestTimeout: limits.httpRequestMs,
        keepAliveTimeout: limits.httpIdleMs,
        connectionsCheckingInterval: limits.httpRequestMs,
      },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.maxConnections = limits.httpConnections;
    // What is no HTTP is not worth an answer.
    this.#server.on('clientError', (_error, socket) => socket.destroy());
  }

  /** Resolves to the port (of use with port 0); rejects with the system's error, such as EADDRINUSE. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => this.#log.warn({ detail: error.message }, 'HTTP port'));
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** At once: nothing that is asked for here is worth waiting for. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    const { method } = request;
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    const page = this.#pages.get(path);
    if (method !== 'GET' && method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      send(response, 405, PLAIN, 'only GET and HEAD\n');
    } else if (page === undefined) {
      send(response, 404, PLAIN, `there is ${[...this.#pages.keys()].join(', ')}\n`);
    } else {
      try {
        const { status, text, contentType = PLAIN } = await page();
        send(response, status, contentType, text);
      } catch (error) {
        this.#log.error({ path, err: error }, 'a page could not be made');
        send(response, 500, PLAIN, 'it could not be told; the log has the reason\n');
      }
    }
  }
}

/** For HEAD Node leaves the text out. */
function send(response: ServerResponse, status: number, contentType: string, text: string): void {
  const bytes = Buffer.from(text);
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': bytes.length,
    'cache-control': 'no-store',
  });
  response.end(bytes);
}
