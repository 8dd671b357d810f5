import type { Request, Response } from '../src/rpc/messages.ts';
import type { NetworkPolicy, NetworkWatcher, SimMessage } from './sim-network.ts';
import { formatArrival, keyOf, messageName } from './trace-text.ts';

/** Every message takes so long unless it is held or dropped. */
const DELAY_US = 100;

/**
 * Which messages: sender and receiver (`*` stands for anything), and, if given, the name of the message and the key that it is
 * about (`T`: a transaction's own record).
 */
export class Pattern {
  readonly text: string;
  readonly #route: RegExp;
  readonly #name: string | null;
  readonly #key: string | null;

  constructor(text: string) {
    this.text = text;
    const [route = '', name, key] = text.split(' ');
    this.#route = new RegExp(`^${route.replaceAll('*', '.*')}$`);
    this.#name = name === undefined || name === '*' ? null : name;
    this.#key = key ?? null;
  }

  matches(from: string, to: string, request: Request, response: Response | null): boolean {
    if (this.#name !== null && this.#name !== messageName(response ?? request)) return false;
    if (this.#key !== null && this.#key !== keyOf(request)) return false;
    return this.#route.test(`${from}>${to}`);
  }
}

/** A network in the hands of a script. */
export class ScriptedNetwork implements NetworkPolicy, NetworkWatcher {
  readonly holding: Pattern[] = [];
  readonly dropping: Pattern[] = [];
  readonly showing: Pattern[] = [];
  readonly output: string[] = [];
  held: SimMessage[] = [];

  route(message: SimMessage): readonly number[] {
    if (this.dropping.some((pattern) => matches(pattern, message))) return [];
    if (!this.holding.some((pattern) => matches(pattern, message))) return [DELAY_US];
    this.held.push(message);
    return [];
  }

  noticeUs(): number {
    return DELAY_US;
  }

  onArrival(from: string, to: string, request: Request, response: Response | null): void {
    if (this.showing.some((pattern) => pattern.matches(from, to, request, response))) {
      this.output.push(formatArrival(from, to, request, response));
    }
  }

  /** Takes the held messages of a pattern out of the network's hands, in the order in which they were sent. */
  take(pattern: Pattern): SimMessage[] {
    const taken = this.held.filter((message) => matches(pattern, message));
    this.held = this.held.filter((message) => !taken.includes(message));
    return taken;
  }
}

function matches(pattern: Pattern, { from, to, request, response }: SimMessage): boolean {
  return pattern.matches(from, to, request, response);
}
