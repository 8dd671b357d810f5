import { expect, it } from 'vitest';
import { mergedMetrics } from './merged-metrics.ts';

it('puts what belongs to a metric together, and keeps what only one process has', () => {
  const port =
    '# HELP a Of all.\n# TYPE a counter\na{worker="0"} 1\n\n# HELP b Here.\n# TYPE b gauge\nb{worker="0"} 2\n';
  const worker =
    '# HELP c There.\n# TYPE c gauge\nc{worker="1"} 3\n\n# HELP a Of all.\n# TYPE a counter\na{worker="1"} 4\n';
  expect(mergedMetrics([port, worker])).toBe(
    '# HELP a Of all.\n# TYPE a counter\na{worker="0"} 1\na{worker="1"} 4\n\n' +
      '# HELP b Here.\n# TYPE b gauge\nb{worker="0"} 2\n\n' +
      '# HELP c There.\n# TYPE c gauge\nc{worker="1"} 3\n',
  );
});
