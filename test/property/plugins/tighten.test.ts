import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PluginError } from '../../../src/errors.js'
import { parseSandboxOptions, type ResolvedSandboxOptions, type SandboxOptions } from '../../../src/options/index.js'
import { tightenOptions } from '../../../src/plugins/tighten.js'

const sometimes = <T>(values: readonly T[]) => fc.subarray([...values])
const PATTERNS = ['/work', '/work/a', '/work/a/b', '/work2', '/etc', '@home', '@scratch', '/usr/**/*.so', /^\/x/]

const mounts = sometimes(['/mnt/a', '/mnt/b', '/mnt/c']).chain((targets) =>
  fc.tuple(
    ...targets.map((target) =>
      fc.record({ source: fc.constantFrom('/srv/a', '/srv/b'), target: fc.constant(target), writable: fc.boolean() }),
    ),
  ),
)
const onViolation = fc.constantFrom('kill' as const, 'report' as const)
const policy = fc.oneof(
  fc.record({
    read: sometimes(PATTERNS),
    write: sometimes(PATTERNS),
    exec: sometimes(PATTERNS),
    connect: sometimes(['*:53', '10.0.0.1:53', 'unix:@x']),
    onViolation,
  }),
  // Few patterns, so that one list is often a part of the other.
  fc.record({
    read: fc.subarray(['/work', '/work/a', '/work2'], { maxLength: 1 }),
    write: fc.subarray(['/work']),
    exec: fc.constant([]),
    connect: fc.subarray(['*:53']),
    onViolation,
  }),
)
const nullable = (min: number, max: number) => fc.option(fc.integer({ min, max }), { nil: null })

/** Each option with values of which some are tighter than others. */
const options: fc.Arbitrary<SandboxOptions> = fc.record({
  limits: fc.record({
    memoryBytes: fc.integer({ min: 64 * 2 ** 20, max: 66 * 2 ** 20 }),
    cpuCount: fc.constantFrom(0.5, 1, 2),
    pids: fc.integer({ min: 32, max: 40 }),
    openFiles: fc.integer({ min: 64, max: 70 }),
    scratchBytes: fc.integer({ min: 65_536, max: 65_540 }),
    shmBytes: fc.integer({ min: 65_536, max: 65_540 }),
    outputBytes: fc.integer({ min: 1, max: 5 }),
    cpuTimeMs: nullable(10, 15),
    lifetimeMs: fc.integer({ min: 1_000, max: 1_005 }),
  }),
  timeouts: fc.record({
    startupMs: fc.integer({ min: 1, max: 5 }),
    callMs: nullable(1, 5),
    pingIntervalMs: nullable(10, 15),
    lockupMs: fc.integer({ min: 10, max: 15 }),
    killGraceMs: fc.integer({ min: 0, max: 5 }),
    hookMs: fc.integer({ min: 1, max: 5 }),
  }),
  permissions: sometimes(['fs', 'crypto', 'os']),
  writable: sometimes(['/work', '/scratch']),
  mounts,
  network: fc.constantFrom('none', 'bridge', 'other'),
  env: fc.dictionary(fc.constantFrom('A', 'B'), fc.constantFrom('1', '2')),
  labels: fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('1', '2')),
  trace: fc.oneof(fc.boolean(), policy),
  user: fc.constantFrom(null, 'alice'),
  base: fc.constantFrom('runner', 'debian'),
  runtime: fc.constant('runc'),
  program: fc.constantFrom(null, '/program.js'),
  methods: fc.constantFrom(null, '/methods.js'),
  onLockup: fc.constantFrom('report' as const, 'restart' as const),
})

type Side = ResolvedSandboxOptions
const fewer = (before: readonly string[], after: readonly string[]) => after.every((entry) => before.includes(entry))
const lower = (before: object, after: object) =>
  Object.entries(before).every(([key, was]: [string, number | null]) => {
    const is = (after as Record<string, number | null>)[key] as number | null
    return (is ?? Infinity) <= (was ?? Infinity)
  })

/** What each kind of pattern grants, told another way than the code does: by the names that it matches among a few. */
const NAMES = ['/work', '/work/a', '/work/a/b', '/work2', '/etc', '/etc/x', '/usr/lib/a.so', '/x', '@home', '@scratch']
function granted(patterns: NonNullable<NonNullable<Side['trace']>['policy']>['read']): string[] {
  return NAMES.filter((name) =>
    patterns.some((pattern) => {
      if (pattern.kind === 'path') return name === pattern.path || name.startsWith(`${pattern.path}/`)
      if (pattern.kind === 'regexp') return pattern.regexp.test(name)
      return pattern.kind === 'set' ? name === pattern.set : name === '/usr/lib/a.so'
    }),
  )
}

/** The options in which a sandbox has less or as much; written down anew, as the documentation says it. */
function looserFields(before: Side, after: Side): string[] {
  const isTracedNoLess =
    before.trace === null ||
    (after.trace !== null &&
      (before.trace.policy === null ||
        (after.trace.policy !== null &&
          (['read', 'write', 'exec'] as const).every((list) =>
            fewer(granted(before.trace?.policy?.[list] ?? []), granted(after.trace?.policy?.[list] ?? [])),
          ) &&
          fewer(
            before.trace.policy.connect.map((entry) => JSON.stringify(entry)),
            after.trace.policy.connect.map((entry) => JSON.stringify(entry)),
          ) &&
          (before.trace.onViolation === 'report' || after.trace.onViolation === 'kill'))))
  const tight: Record<string, boolean> = {
    limits: lower(before.limits, after.limits),
    timeouts: lower(before.timeouts, after.timeouts),
    permissions: fewer(before.permissions, after.permissions),
    writable: fewer(before.writable, after.writable),
    mounts: after.mounts.every(({ source, target, writable }) =>
      before.mounts.some((was) => was.source === source && was.target === target && (!writable || was.writable)),
    ),
    network: after.network === 'none' || after.network === before.network,
    labels: Object.entries(before.labels).every(([name, value]) => after.labels[name] === value),
    trace: isTracedNoLess,
  }
  for (const key of ['user', 'base', 'program', 'methods', 'onLockup'] as const)
    tight[key] = JSON.stringify(after[key]) === JSON.stringify(before[key])
  return Object.keys(tight).filter((key) => !tight[key])
}

/** @returns the option that was refused, or `null` */
function refused(before: Side, returned: SandboxOptions): string | null {
  try {
    expect(looserFields(before, tightenOptions('p', before, returned))).toEqual([])
    return null
  } catch (error) {
    if (!(error instanceof PluginError)) throw error
    expect(error.plugin).toBe('p')
    return String(error.details['field']).split('.', 1)[0] as string
  }
}

test('any loosened field is refused, and nothing that is not loosened', () => {
  fc.assert(
    fc.property(options, options, (given, returned) => {
      const before = parseSandboxOptions(given)
      const looser = looserFields(before, parseSandboxOptions(returned))
      const field = refused(before, returned)
      if (looser.length > 0) expect(looser).toContain(field)
      else expect(field).toBeNull()
    }),
    { numRuns: 2_000 },
  )
})

test('one loosened field among others that are as they were is refused by its name', () => {
  fc.assert(
    fc.property(options, options, fc.constantFrom(...Object.keys(parseSandboxOptions())), (given, other, key) => {
      const before = parseSandboxOptions(given)
      const returned = { [key]: (other as Record<string, unknown>)[key] } as SandboxOptions
      const after = parseSandboxOptions({ ...given, ...returned })
      const looser = looserFields(before, after)
      expect(looser.filter((name) => name !== key)).toEqual([])
      expect(refused(before, returned)).toBe(looser[0] ?? null)
    }),
    { numRuns: 2_000 },
  )
})

test('a trace policy is loosened by no list', () => {
  fc.assert(
    fc.property(policy, policy, (given, returned) => {
      const before = parseSandboxOptions({ trace: given })
      const looser = looserFields(before, parseSandboxOptions({ trace: returned }))
      expect(refused(before, { trace: returned })).toBe(looser[0] ?? null)
    }),
    { numRuns: 2_000 },
  )
})

test('what passed once passes again, and a chain of plugins never gets back what one of them gave up', () => {
  fc.assert(
    fc.property(options, fc.array(options, { maxLength: 4 }), (given, chain) => {
      const first = parseSandboxOptions(given)
      let current = first
      for (const returned of chain) {
        if (refused(current, returned) === null) current = tightenOptions('p', current, returned)
      }
      expect(looserFields(first, current)).toEqual([])
      expect(tightenOptions('p', current, current)).toEqual(current)
    }),
  )
})
