import type { JunoClient, JunoRecord, Location, RecordContext, Result } from '../../juno-ext/client/src/types.ts';
import type { VerbError } from './verb-error.ts';
import type { VerbRequest } from './verb-request.ts';

/** What a verb brought about or found out. */
export type VerbOutcome =
  | { readonly kind: 'record'; readonly record: JunoRecord }
  | { readonly kind: 'written'; readonly did: 'created' | 'updated' | 'replaced'; readonly context: RecordContext }
  | { readonly kind: 'destroyed' }
  | { readonly kind: 'location'; readonly location: Location }
  | { readonly kind: 'replicas'; readonly replicas: readonly Readonly<Record<string, unknown>>[] };

export type VerbResult =
  | { readonly ok: true; readonly value: VerbOutcome }
  | { readonly ok: false; readonly error: VerbError };

/** Carries the call out; `signal` stops the waiting. */
export async function callVerb(client: JunoClient, request: VerbRequest, signal: AbortSignal): Promise<VerbResult> {
  try {
    return await call(client, request, signal);
  } catch (error) {
    // So the client calls misuse, which here can only come from the command line.
    if (error instanceof TypeError) return { ok: false, error: { kind: 'bad-parameter', message: error.message } };
    throw error;
  }
}

async function call(client: JunoClient, request: VerbRequest, signal: AbortSignal): Promise<VerbResult> {
  const { key, value } = request;
  const options = { ...request.options, signal };
  switch (request.verb) {
    case 'create':
      return map(await client.create(key, value, options), (context) => ({ kind: 'written', did: 'created', context }));
    case 'update':
      return map(await client.update(key, value, options), (context) => ({ kind: 'written', did: 'updated', context }));
    case 'set':
      return map(await client.set(key, value, options), (context) => ({
        kind: 'written',
        did: context.created ? 'created' : 'replaced',
        context,
      }));
    case 'get': {
      const found = await client.get(key, options);
      if (found.ok && found.value === null) {
        return { ok: false, error: { kind: 'no-key', message: 'there is no such key' } };
      }
      return map(found, (record) => ({ kind: 'record', record: record as JunoRecord }));
    }
    case 'destroy':
      return map(await client.destroy(key, options), () => ({ kind: 'destroyed' }));
    case 'locate':
      return map(await client.locate(key), (location) => ({ kind: 'location', location }));
    case 'inspect':
      return map(await client.inspect(key), (replicas) => ({ kind: 'replicas', replicas }));
  }
}

function map<T>(result: Result<T>, outcome: (value: T) => VerbOutcome): VerbResult {
  return result.ok ? { ok: true, value: outcome(result.value) } : result;
}
