import { type Ballot, isNoBallot } from '../src/record/ballot.ts';
import { NO_NAMESPACE, type SealedState, StateKind } from '../src/record/state.ts';
import { decisionOf, transactionBallot } from '../src/record/transaction-record.ts';
import { MessageType, type Request, type Response } from '../src/rpc/messages.ts';
import { START_US } from './sim-clock.ts';
import { short } from './sim-commands.ts';
import { SimSeal } from './sim-seal.ts';

const TYPE_NAMES = new Map<number, string>(
  Object.entries(MessageType).map(([name, type]) => [type, name.toUpperCase()]),
);
const seal = new SimSeal();

/** `12.345/P2`: milliseconds since the start, and the proposer's number. */
function ballotText(ballot: Ballot | null): string {
  if (ballot === null || isNoBallot(ballot)) return 'none';
  const proposer = ballot.proposer === 0xffff_ffff ? 'any' : ballot.proposer;
  if (ballot.time < START_US / 2) return `${ballot.time}/${proposer}`;
  return `${((ballot.time - START_US) / 1000).toFixed(3)}/${proposer}`;
}

function stateText(id: string, state: SealedState | null): string {
  if (state === null) return '';
  const { header, meta, value: separate, intent } = state;
  if (intent !== undefined) {
    const proposed = intent.proposed === null ? ' none' : stateText(id, intent.proposed);
    return `${stateText(id, { header, meta, value: separate })} with intent of ${ballotText(intent.ballot)}:${proposed}`;
  }
  if (state.header.namespace === NO_NAMESPACE) {
    const life = state.header.kind === StateKind.dead ? 'dead ' : '';
    return ` ${life}${decisionOf(state)?.outcome ?? 'undecided'} ${ballotText(transactionBallot(id))}`;
  }
  const from = ` from ${ballotText(state.header.origin)}`;
  if (state.header.kind === StateKind.dead) return ` dead${from}`;
  const value = seal.open(id, state)?.content.value;
  const text =
    value === null || value === undefined ? '?' : value.paged ? 'paged' : (value.bytes?.toString('latin1') ?? '-');
  const expiry = state.header.expiresAtMs === 0 ? '' : ` expires ${state.header.expiresAtMs - START_US / 1000}`;
  return ` "${short(text)}"${expiry}${from}`;
}

/** The name of a message in traces and scenarios. */
export function messageName(message: Request | Response): string {
  return TYPE_NAMES.get(message.type) ?? '?';
}

function requestText(request: Request): string {
  switch (request.type) {
    case MessageType.read:
      return `READ${request.ifAccepted === null ? '' : ` if ${ballotText(request.ifAccepted)}`}`;
    case MessageType.prepare:
      return `PREPARE ${ballotText(request.ballot)}`;
    case MessageType.commit: {
      const next = request.next === null ? '' : ` next ${ballotText(request.next)}`;
      return `COMMIT ${ballotText(request.ballot)}${stateText(request.address.id, request.state)}${next}`;
    }
    default:
      return messageName(request);
  }
}

function responseText(request: Request, response: Response): string {
  const id = 'address' in request ? request.address.id : '';
  switch (response.type) {
    case MessageType.state:
      return `STATE ${ballotText(response.accepted)}${stateText(id, response.state)}`;
    case MessageType.promise: {
      const ballot = request.type === MessageType.prepare ? ballotText(request.ballot) : '?';
      return `PROMISE ${ballot} holds ${ballotText(response.accepted)}${stateText(id, response.state)}`;
    }
    case MessageType.ack: {
      const ballot = request.type === MessageType.commit ? ballotText(request.ballot) : '?';
      return `ACK ${ballot}${response.nextRecorded ? ' and next' : ''}`;
    }
    case MessageType.reject: {
      const ballot = 'ballot' in request ? ballotText(request.ballot) : '?';
      return `REJECT ${ballot} because of ${ballotText(response.ballot)}, floor ${ballotText(response.floor)}`;
    }
    default:
      return messageName(response);
  }
}

/** The key that a message is about, `T` if that is a transaction's own record; null: about no one record. */
export function keyOf(request: Request): string | null {
  if (!('address' in request)) return null;
  const { id, namespace } = request.address;
  return namespace === NO_NAMESPACE ? 'T' : (id.split('/')[0] ?? '');
}

/** One line for a message: `P1>n2 k1 PREPARE 3.120/1`. */
export function formatArrival(from: string, to: string, request: Request, response: Response | null): string {
  const key = keyOf(request);
  return `${from}>${to} ${key === null ? '' : `${key} `}${response === null ? requestText(request) : responseText(request, response)}`;
}
