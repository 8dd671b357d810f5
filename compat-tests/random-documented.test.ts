import { describeSequences } from './random/describe-sequences.ts';
import { documentedSequences, isGenerated } from './random/documented.ts';
import { readCommandDocs } from './support/command-docs.ts';
import { sameEncodingAfterSort } from './support/comparisons.ts';

describeSequences('random commands as documented', [
  {
    name: 'every command that has keys, with every option',
    async load(ports) {
      const [theirs, ours] = await Promise.all([readCommandDocs(ports.redis), readCommandDocs(ports.junokv)]);
      const commands = [...theirs.values()].filter((command) => ours.has(command.name) && isGenerated(command));
      return {
        name: 'documented',
        databases: ['0', '1'],
        encoding: sameEncodingAfterSort,
        sequences: documentedSequences(commands),
      };
    },
  },
]);
