/**
 * Why a command was not carried out, as far as it is expected in a running cluster. Mapped to RESP in one place
 * (`proxy/failure-reply.ts`). Broken invariants are not here: they stop the process.
 */
export type Failure =
  /** No quorum before the deadline, and no COMMIT with a change of this command was sent: nothing was changed. */
  | { readonly kind: 'unavailable'; readonly detail: string }
  /** A COMMIT was sent and its outcome cannot be told: the change may or may not have happened. */
  | { readonly kind: 'uncertain'; readonly detail: string }
  /** A bounded queue is full: nothing was done. */
  | { readonly kind: 'busy'; readonly detail: string }
  /** Too many storage nodes have no room for what grows: nothing was done. */
  | { readonly kind: 'full'; readonly detail: string }
  /** The stored bytes failed authentication on too many replicas. */
  | { readonly kind: 'corrupt'; readonly detail: string };

export function unavailable(detail: string): Failure {
  return { kind: 'unavailable', detail };
}

export function uncertain(detail: string): Failure {
  return { kind: 'uncertain', detail };
}

export function busy(detail: string): Failure {
  return { kind: 'busy', detail };
}

export function full(detail: string): Failure {
  return { kind: 'full', detail };
}

export function corrupt(detail: string): Failure {
  return { kind: 'corrupt', detail };
}
