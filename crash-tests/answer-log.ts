const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
/** The answer to a write: a context map (RESP2: a flat array) that does not begin with a value. */
const WRITE_ANSWER = new RegExp(
  `\\*1[24]\r\n\\$13\r\nrecordVersion\r\n:(\\d+)\r\n(?:\\$\\d+\r\n[a-zA-Z]+\r\n:-?\\d+\r\n){4}` +
    `\\$9\r\nrequestId\r\n\\$36\r\n(${UUID})\r\n`,
  'g',
);

interface Answers {
  count: number;
  /** Of the proxies that gave them. */
  readonly ports: Set<number>;
  readonly versions: Set<number>;
}

/**
 * What the proxies answered to writes with request ids, whether it reached the client or not. Of two answers to the same id
 * one comes from the record's memory: a write makes another version each time it is carried out.
 */
export class AnswerLog {
  readonly #answers = new Map<string, Answers>();

  /** `chunk` came from the proxy at `port`. An answer that is spread over two chunks is overlooked. */
  add(port: number, chunk: Buffer): void {
    for (const [, version, requestId = ''] of chunk.toString('latin1').matchAll(WRITE_ANSWER)) {
      let answers = this.#answers.get(requestId);
      if (answers === undefined) {
        answers = { count: 0, ports: new Set(), versions: new Set() };
        this.#answers.set(requestId, answers);
      }
      answers.count += 1;
      answers.ports.add(port);
      answers.versions.add(Number(version));
    }
  }

  /** Request ids that were answered. */
  get answered(): number {
    return this.#answers.size;
  }

  /** Answers that came from memory: that told again a version which an answer to the same id had told before. */
  get repeated(): number {
    let count = 0;
    for (const answers of this.#answers.values()) count += answers.count - answers.versions.size;
    return count;
  }

  /** Request ids that more than one proxy answered. */
  get byBothProxies(): number {
    return [...this.#answers.values()].filter(({ ports }) => ports.size > 1).length;
  }

  /** Ids to which different things were answered. */
  get contradictions(): string[] {
    return [...this.#answers].flatMap(([requestId, { versions }]) =>
      versions.size === 1 ? [] : [`${requestId} made versions ${[...versions].join(' and ')}`],
    );
  }

  /** What is wrong with a success that a client was told. */
  check(requestId: string, recordVersion: number): string[] {
    const answers = this.#answers.get(requestId);
    if (answers === undefined || answers.versions.has(recordVersion)) return [];
    return [`${requestId}: told version ${recordVersion}, seen ${[...answers.versions].join(' and ')}`];
  }
}
