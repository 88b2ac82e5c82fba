import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PolicyMismatchError } from '../../../src/errors.js'
import { assertAudit, auditContainer } from '../../../src/policy/audit.js'
import {
  DOCKER_PROFILE,
  PODMAN_PROFILE,
  REMOTE_PROFILE,
  RUNSC_PROFILE,
  selectAuditProfile,
} from '../../../src/policy/audit-profile.js'
import type { Observation } from '../../../src/policy/observation.js'
import { buildMatchingObservation, SPEC } from './matching-observation.js'

type Path = readonly (string | number)[]

const MATCHING = buildMatchingObservation(SPEC)

/** Fields that carry no protection: a change of them is not a difference. */
const FREE = [
  /^kernel\.threads\.\d+\.(?:name|pid|tid)$/,
  /^kernel\.mounts\.\d+\.source$/,
  // The file systems of the root, of the engine's files and of bind mounts are the host's choice.
  ...(MATCHING.kernel?.mounts ?? []).flatMap(({ type, target }, index) =>
    type === 'ext4' || target === '/' ? [new RegExp(`^kernel\\.mounts\\.${index}\\.type$`)] : [],
  ),
  // Which controllers there are differs between hosts; that they are read-only is checked.
  new RegExp(
    `^kernel\\.mounts\\.${MATCHING.kernel?.mounts.findIndex(({ target }) => target === '/sys/fs/cgroup/memory')}\\.target$`,
  ),
  // Options have a test of their own.
  /^kernel\.mounts\.\d+\.(?:superOptions|options)\.\d+$/,
]

const isFree = (path: Path) => FREE.some((pattern) => pattern.test(path.join('.')))

function* walk(value: unknown, path: Path = []): Generator<{ path: Path; value: unknown }> {
  if (path.length > 0) yield { path, value }
  if (typeof value !== 'object' || value === null) return
  for (const [key, inner] of Object.entries(value))
    yield* walk(inner, [...path, Array.isArray(value) ? Number(key) : key])
}

function replace(root: unknown, path: Path, value: unknown): Observation {
  const copy = structuredClone(root)
  let parent = copy as Record<string | number, unknown>
  for (const key of path.slice(0, -1)) parent = parent[key] as Record<string | number, unknown>
  parent[path.at(-1) as string | number] = value
  return copy as Observation
}

const LEAVES = [...walk(MATCHING)].filter(
  ({ path, value }) => (typeof value !== 'object' || value === null) && !isFree(path),
)

function changed(value: unknown, seed: number): unknown {
  if (typeof value === 'boolean') return !value
  if (typeof value === 'number')
    return [value + 65_537 + seed, -1, 0 === value ? 1 : 0, value === 1 ? 3 : value * 2 + 1][seed % 4]
  return [`${String(value)}x`, '', 'host', 'unconfined'][seed % 4] === value
    ? 'y'
    : [`${String(value)}x`, '', 'host', 'unconfined'][seed % 4]
}

describe('auditContainer', () => {
  test('finds nothing when all is in force', () => {
    expect(auditContainer(SPEC, MATCHING)).toEqual([])
    expect(() => assertAudit(SPEC, MATCHING)).not.toThrow()
  })

  test('finds every single changed value', () => {
    expect(LEAVES.length).toBeGreaterThan(150)
    for (const { path, value } of LEAVES) {
      for (let seed = 0; seed < 4; seed++) {
        const other = changed(value, seed)
        const label = `${path.join('.')}: ${JSON.stringify(value)} -> ${JSON.stringify(other)}`
        expect(auditContainer(SPEC, replace(MATCHING, path, other), DOCKER_PROFILE), label).not.toEqual([])
      }
    }
  })

  test('finds any other value in place of any one', () => {
    fc.assert(
      fc.property(fc.constantFrom(...LEAVES), fc.integer(), fc.string(), ({ path, value }, number, string) => {
        const other = typeof value === 'boolean' ? !value : typeof value === 'number' ? number : string
        fc.pre(other !== value && !(typeof value === 'number' && Math.abs(value - number) < 65_536))
        expect(auditContainer(SPEC, replace(MATCHING, path, other), DOCKER_PROFILE)).not.toEqual([])
      }),
    )
  })

  test('finds every missing entry of a list or record that is needed', () => {
    const needed = [
      ...['capDrop', 'securityOptions', 'networks', 'ulimits', 'mounts', 'env', 'maskedPaths', 'readonlyPaths'].map(
        (key) => ['engine', key],
      ),
      ['kernel', 'interfaces'],
    ]
    for (const path of needed) {
      const list = path.reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], MATCHING) as unknown[]
      expect(list.length, path.join('.')).toBeGreaterThan(0)
      for (const index of list.keys()) {
        expect(
          auditContainer(SPEC, replace(MATCHING, path, list.toSpliced(index, 1))),
          `${path.join('.')}[${index}]`,
        ).not.toEqual([])
      }
    }
    for (const record of [
      ['engine', 'tmpfs'],
      ['engine', 'labels'],
      ['kernel', 'rlimits'],
      ['kernel', 'privateNamespaces'],
    ]) {
      const value = record.reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], MATCHING) as Record<
        string,
        unknown
      >
      for (const key of Object.keys(value)) {
        const rest = Object.fromEntries(Object.entries(value).filter(([name]) => name !== key))
        expect(auditContainer(SPEC, replace(MATCHING, record, rest)), `${record.join('.')}.${key}`).not.toEqual([])
      }
    }
  })

  test.each([
    ['capAdd', 'SYS_ADMIN'],
    ['securityOptions', 'apparmor=unconfined'],
    ['securityOptions', 'seccomp=unconfined'],
    ['securityOptions', 'systempaths=unconfined'],
    ['networks', 'bridge'],
    ['mounts', { type: 'volume', source: 'x', target: '/data2', writable: true }],
    ['devices', '/dev/fuse'],
    ['env', 'SECRET=1'],
  ])('finds an addition to %s', (key, addition) => {
    const list = MATCHING.engine[key as keyof Observation['engine']] as unknown[]
    expect(auditContainer(SPEC, replace(MATCHING, ['engine', key], [...list, addition]))).toMatchObject([
      { source: 'engine' },
    ])
  })

  test.each([
    [{ target: '/etc', type: 'ext4', source: 'x', options: ['rw'], superOptions: ['rw'] }],
    [{ target: '/host', type: 'ext4', source: 'x', options: ['ro', 'nosuid', 'nodev'], superOptions: ['rw'] }],
    [{ target: '/proc/keys2', type: 'proc', source: 'proc', options: ['rw'], superOptions: ['rw'] }],
    [{ target: '/sys/fs/cgroup/memory', type: 'cgroup', source: 'cgroup', options: ['rw'], superOptions: ['rw'] }],
    [{ target: '/tmp', type: 'ext4', source: 'x', options: ['rw', 'nosuid', 'nodev'], superOptions: ['rw'] }],
  ])('finds an unexpected mount: %o', (entry) => {
    const mounts = [...(MATCHING.kernel?.mounts ?? []), entry]
    expect(auditContainer(SPEC, replace(MATCHING, ['kernel', 'mounts'], mounts))).not.toEqual([])
  })

  test('finds each option that a scratch mount lacks', () => {
    for (const [index, entry] of (MATCHING.kernel?.mounts ?? []).entries()) {
      if (!SPEC.scratch.some((scratch) => scratch.target === entry.target)) continue
      for (const option of entry.options.filter((name) => name !== 'relatime')) {
        const options = entry.options.filter((name) => name !== option)
        expect(
          auditContainer(SPEC, replace(MATCHING, ['kernel', 'mounts', index, 'options'], options)),
          `${entry.target} ${option}`,
        ).not.toEqual([])
      }
      for (const superOptions of [
        ['rw'],
        ['rw', 'size=1000000k', 'nr_inodes=4096'],
        entry.superOptions.filter((name) => !name.startsWith('nr_')),
      ]) {
        expect(
          auditContainer(SPEC, replace(MATCHING, ['kernel', 'mounts', index, 'superOptions'], superOptions)),
          entry.target,
        ).not.toEqual([])
      }
    }
  })

  test('finds one thread among many, and no thread at all', () => {
    const odd = replace(MATCHING, ['kernel', 'threads', 1, 'seccompMode'], 0)
    expect(auditContainer(SPEC, odd)).toEqual([
      { field: 'threads.109.seccompMode', wanted: '2', found: '0', source: 'kernel' },
    ])
    expect(auditContainer(SPEC, replace(MATCHING, ['kernel', 'threads'], []))).not.toEqual([])
  })

  test('takes missing kernel facts for a difference', () => {
    expect(auditContainer(SPEC, { ...MATCHING, kernel: null })).toMatchObject([{ field: 'kernel' }])
  })

  test('accepts the rounding of the kernel', () => {
    const spec = { ...SPEC, limits: { ...SPEC.limits, memoryBytes: SPEC.limits.memoryBytes + 100 } }
    const engine = {
      ...MATCHING.engine,
      memoryBytes: spec.limits.memoryBytes,
      memoryAndSwapBytes: spec.limits.memoryBytes,
    }
    expect(auditContainer(spec, { ...MATCHING, engine })).toEqual([])
  })

  test('accepts what a runtime cannot show only under its profile', () => {
    const guest = replace(MATCHING, ['kernel', 'source'], 'guest')
    const bare = replace(guest, ['kernel', 'privateNamespaces'], {})
    expect(auditContainer(SPEC, bare, REMOTE_PROFILE)).toEqual([])
    expect(auditContainer(SPEC, bare, DOCKER_PROFILE)).not.toEqual([])
    const runsc = [
      [['kernel', 'threads', 0, 'seccompMode'], 0],
      [['kernel', 'threads', 0, 'noNewPrivs'], null],
      [['kernel', 'threads', 0, 'capabilities', 'ambient'], null],
      [['kernel', 'privateNamespaces', 'pid'], false],
    ] as const
    for (const [path, value] of runsc) {
      expect(auditContainer(SPEC, replace(guest, path, value), RUNSC_PROFILE)).toEqual([])
      expect(auditContainer(SPEC, replace(MATCHING, path, value), DOCKER_PROFILE)).toHaveLength(1)
    }
  })

  test.each([
    ['noNewPrivs', ['threads', 0, 'noNewPrivs'], false],
    ['a capability', ['threads', 0, 'capabilities', 'ambient'], '1'],
    ['a network namespace of the host', ['privateNamespaces', 'net'], false],
    ['no word about namespaces', ['privateNamespaces'], {}],
    ['a cgroup without a limit', ['cgroup', 'memoryBytes'], null],
    ['the word of the host about threads', ['source'], 'host'],
  ])('refuses %s under gVisor too', (_, path, value) => {
    const guest = replace(MATCHING, ['kernel', 'source'], 'guest')
    expect(auditContainer(SPEC, replace(guest, ['kernel', ...path], value), RUNSC_PROFILE)).not.toEqual([])
  })

  test('takes the word of the engine for namespaces only where this process may not look', () => {
    const profile = selectAuditProfile('runc', { local: true }, false)
    const unread = replace(MATCHING, ['kernel', 'privateNamespaces'], {})
    expect(auditContainer(SPEC, unread, profile)).toEqual([])
    expect(auditContainer(SPEC, unread, DOCKER_PROFILE)).not.toEqual([])
    const shared = replace(MATCHING, ['kernel', 'privateNamespaces', 'net'], false)
    expect(auditContainer(SPEC, shared, profile)).toMatchObject([{ field: 'privateNamespaces.net' }])
    expect(auditContainer(SPEC, replace(MATCHING, ['kernel', 'source'], 'guest'), profile)).not.toEqual([])
  })

  test('refuses a local container that the host does not see, and the word of its inside', () => {
    const unseen = auditContainer(SPEC, { engine: MATCHING.engine, kernel: null }, DOCKER_PROFILE)
    expect(unseen).toEqual([expect.objectContaining({ field: 'kernel', wanted: 'facts from the host', found: 'none' })])
    const told = replace(MATCHING, ['kernel', 'source'], 'guest')
    expect(auditContainer(SPEC, told, DOCKER_PROFILE)).toMatchObject([{ field: 'source', wanted: 'host' }])
  })

  test('selects the profile by engine and runtime', () => {
    expect(selectAuditProfile('runc', { local: true })).toBe(DOCKER_PROFILE)
    expect(selectAuditProfile('crun', { local: true, product: 'podman' })).toBe(PODMAN_PROFILE)
    for (const runtime of ['runsc', 'runsc-kvm', 'gvisor', 'io.containerd.runsc.v1'])
      expect(selectAuditProfile(runtime, { local: true })).toBe(RUNSC_PROFILE)
    expect(selectAuditProfile('runscape', { local: true })).toBe(DOCKER_PROFILE)
    expect(selectAuditProfile('runsc', { local: false }).unobservable).toEqual(
      expect.arrayContaining(['seccomp', 'namespaces', 'cgroup']),
    )
    expect(selectAuditProfile('crun', { local: false, product: 'podman' })).toMatchObject({
      kernelSource: 'guest',
      engineEnv: PODMAN_PROFILE.engineEnv,
    })
  })

  test('throws one error that lists every difference and cannot harm a terminal', () => {
    const two = replace(
      replace(MATCHING, ['engine', 'readOnlyRoot'], false),
      ['engine', 'logDriver'],
      '\u001b[2J'.repeat(500),
    )
    const error = (() => {
      try {
        assertAudit(SPEC, two)
      } catch (thrown) {
        return thrown as PolicyMismatchError
      }
      return undefined
    })()
    expect(error).toBeInstanceOf(PolicyMismatchError)
    expect(error?.message).toMatch(/readOnlyRoot \(engine\): wanted true, found false; logDriver/)
    expect(error?.message).not.toContain('\u001b')
    expect(error?.message.length).toBeLessThan(1000)
    expect(error?.details['mismatches']).toHaveLength(2)
  })
})
