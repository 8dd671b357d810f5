/** `npm run docs`: writes the pages that are made from tables in the code. Tests compare them. */
import { writeFileSync } from 'node:fs';
import { configurationPage } from '../src/admin/help-text.ts';

writeFileSync(new URL('../docs/configuration.md', import.meta.url), configurationPage());
