import { type Reply, VerbatimReply } from '../../resp/reply.ts';
import type { CommandRow } from '../command.ts';
import { infoText, wantedSections } from '../info.ts';
import type { Session } from '../session.ts';

/**
 * INFO [section ...]. Waits for the cluster only when a section that needs it is asked for, and then for at most
 * limits.keyspaceCountWaitMs.
 */
async function info(session: Session, args: readonly Buffer[]): Promise<Reply> {
  const sections = wantedSections(args.slice(1).map((name) => name.toString('latin1')));
  const facts = await session.proxy.info.facts({
    counts: sections.has('keyspace') ? session.namespaceGroup : null,
    nodes: sections.has('junokv'),
  });
  return new VerbatimReply('txt', infoText(session, sections, facts));
}

export const infoCommand: CommandRow = {
  name: 'info',
  group: 'server',
  summary: 'Get information and statistics about the server',
  since: '1.0.0',
  complexity: 'O(1)',
  arity: -1,
  flags: ['loading', 'stale'],
  categories: ['@slow', '@dangerous'],
  keys: null,
  docArguments: [{ name: 'section', type: 'string', optional: true, multiple: true }],
  handler: { kind: 'waiting', run: info },
  difference:
    'Of the proxy that the client is connected to, with sums over its workers, and what is true here: other fields are absent. Keys are counted in the background, every few seconds at most, and a twentieth of the time; `expires` counts a hash, too, that goes with the last of its fields.',
};
