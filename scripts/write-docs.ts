/** `npm run docs`: writes the pages that are made from tables in the code. Tests compare them. */
import { writeFileSync } from 'node:fs';
import { configurationPage } from '../src/admin/help-text.ts';
import { metricsPage } from '../src/admin/metrics/metric-table.ts';

writeFileSync(new URL('../docs/configuration.md', import.meta.url), configurationPage());
writeFileSync(new URL('../docs/metrics.md', import.meta.url), metricsPage());
