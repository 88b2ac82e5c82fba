import { defineConfig } from 'vitest/config'

const seconds = 1_000

/** Tests that stop and kill engines of their own. They mostly wait, so they run beside the others. */
const FAULTS = 'test/docker/**/faults.test.ts'

/** Projects that start containers: one file at a time, because the engine and the cores are what they share. */
const withEngine = (
  name: string,
  groupOrder: number,
  globalSetup: string[] = [],
  include = `test/${name}/**/*.test.ts`,
) => ({
  test: {
    name,
    include: [include],
    exclude: include === FAULTS ? [] : [FAULTS],
    globalSetup: ['test/helpers/engine-setup.ts', ...globalSetup],
    testTimeout: 120 * seconds,
    hookTimeout: 180 * seconds,
    teardownTimeout: 60 * seconds,
    maxWorkers: 1,
    sequence: { groupOrder },
  },
})

export default defineConfig({
  test: {
    pool: 'forks',
    reporters: ['default', './test/helpers/summary-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          setupFiles: ['test/helpers/property-seed.ts'],
          testTimeout: 30 * seconds,
          hookTimeout: 60 * seconds,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'property',
          include: ['test/property/**/*.test.ts'],
          setupFiles: ['test/helpers/property-seed.ts'],
          testTimeout: 120 * seconds,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          testTimeout: 120 * seconds,
          maxWorkers: 1,
          sequence: { groupOrder: 0 },
        },
      },
      withEngine('docker', 1),
      withEngine('faults', 1, ['test/helpers/build-setup.ts'], FAULTS),
      withEngine('security', 2),
      withEngine('cli', 3, ['test/helpers/build-setup.ts']),
      withEngine('compat', 1, ['test/helpers/build-setup.ts']),
    ],
  },
})
