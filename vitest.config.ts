import { defineConfig } from 'vitest/config'

const seconds = 1_000

/** For test/helpers/memory.ts. */
const execArgv = ['--expose-gc']

/** What is polled for is mostly done by another process, which a busy machine may keep waiting for long. */
const polls = { poll: { timeout: 10 * seconds } }

/**
 * What mostly waits, or looks at nothing that others do to the engine: it runs beside the others, in one lane of its own.
 * The rest of test/cli prunes, and waits for signals.
 */
const BESIDE = [
  'test/docker/**/faults.test.ts',
  'test/compat/**/*.test.ts',
  'test/cli/{build,examples,run,toolchain,trace,usage,users}.test.ts',
]

/** Projects that start containers: one file at a time, because the engine and the cores are what they share. */
const withEngine = (name: string, groupOrder: number, globalSetup: string[] = [], include?: string[]) => ({
  test: {
    name,
    include: include ?? [`test/${name}/**/*.test.ts`],
    exclude: include === undefined ? BESIDE : [],
    globalSetup: ['test/helpers/engine-setup.ts', ...globalSetup],
    testTimeout: 120 * seconds,
    hookTimeout: 180 * seconds,
    teardownTimeout: 60 * seconds,
    execArgv,
    expect: polls,
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
          execArgv,
          testTimeout: 120 * seconds,
          hookTimeout: 120 * seconds,
          expect: polls,
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
          hookTimeout: 120 * seconds,
          expect: polls,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          testTimeout: 120 * seconds,
          hookTimeout: 120 * seconds,
          expect: polls,
          maxWorkers: 1,
          sequence: { groupOrder: 0 },
        },
      },
      withEngine('docker', 1),
      withEngine('beside', 1, ['test/helpers/build-setup.ts'], BESIDE),
      withEngine('security', 2),
      withEngine('cli', 3, ['test/helpers/build-setup.ts']),
    ],
  },
})
