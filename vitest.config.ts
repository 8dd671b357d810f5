import { defineConfig } from 'vitest/config';

/** .ci/run asks for the numbers in a file. */
const report = process.env['TEST_REPORT_FILE'];

export default defineConfig({
  test: {
    // Processes, not threads: native modules and signals are a process's own. Two, for two cores.
    pool: 'forks',
    setupFiles: ['./vitest.setup.ts'],
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // Not a second: a machine that is busy with other things may stand still for that.
    expect: { poll: { timeout: 15_000 } },
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    projects: [
      { extends: true, test: { name: 'src', include: ['src/**/*.test.ts', 'scripts/**/*.test.ts'] } },
      { extends: true, test: { name: 'sim', include: ['sim/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'compat',
          include: ['{compat-tests,crash-tests,chaos,bench}/**/*.test.ts'],
          exclude: ['compat-tests/clients/**'],
          testTimeout: 60_000,
        },
      },
      // Clients in other languages need packages that are not installed for `npm test`.
      { extends: true, test: { name: 'clients', include: ['compat-tests/clients/**/*.test.ts'], testTimeout: 60_000 } },
    ],
  },
});
