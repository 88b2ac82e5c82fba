import { describe, expect, test } from 'vitest'
import { PluginError } from '../../../src/errors.js'
import { parseSandboxOptions, type SandboxOptions } from '../../../src/options/index.js'
import { tightenOptions } from '../../../src/plugins/tighten.js'
import { targetSeccompProfile } from '../../../src/policy/index.js'

const mounts = [
  { source: '/srv/a', target: '/a', writable: true },
  { source: '/srv/b', target: '/b' },
]
const base = {
  permissions: ['fs', 'crypto'],
  writable: ['/work'],
  network: 'bridge',
  mounts,
  env: { A: '1' },
  labels: { team: 'x' },
} satisfies SandboxOptions

const tighten = (before: SandboxOptions, returned: unknown) =>
  tightenOptions('p', parseSandboxOptions({ ...base, ...before }), returned)

function refusedField(before: SandboxOptions, returned: unknown): unknown {
  try {
    tighten(before, returned)
  } catch (error) {
    expect(error).toBeInstanceOf(PluginError)
    expect(error).toMatchObject({ plugin: 'p', hook: 'beforeLaunch' })
    return (error as PluginError).details['field']
  }
  return null
}

describe('what a plugin may return from beforeLaunch', () => {
  test.each([[undefined], [null], [{}], [{ limits: undefined }], [{ limits: {} }], [{ limits: { pids: undefined } }]])(
    'nothing: %j',
    (returned) => {
      const before = parseSandboxOptions(base)
      expect(tightenOptions('p', before, returned)).toEqual(before)
    },
  )

  test('the options themselves', () => {
    const before = parseSandboxOptions({ ...base, trace: { read: ['/work'] } })
    expect(tightenOptions('p', before, before)).toEqual(before)
  })

  test('lower limits and timeouts, one by one, also where there was none', () => {
    const after = tighten(
      { limits: { pids: 100 } },
      { limits: { pids: 50, memoryBytes: '128MiB', cpuTimeMs: 1_000 }, timeouts: { callMs: 100, hookMs: 10 } },
    )
    expect(after.limits).toMatchObject({ pids: 50, memoryBytes: 128 * 1024 ** 2, cpuTimeMs: 1_000, openFiles: 1024 })
    expect(after.timeouts).toMatchObject({ callMs: 100, hookMs: 10, startupMs: 10_000 })
  })

  test('fewer mounts, permissions and writable paths, a mount that is read-only, no network, another environment', () => {
    const after = tighten({}, {
      mounts: [{ source: '/srv/a', target: '/a' }],
      permissions: ['node:fs'],
      writable: [],
      network: 'none',
      env: { B: '2' },
      labels: { team: 'x', plugin: 'p' },
    } satisfies SandboxOptions)
    expect(after).toMatchObject({
      mounts: [{ source: '/srv/a', target: '/a', writable: false }],
      permissions: ['fs'],
      writable: ['/tmp'],
      network: 'none',
      env: { B: '2' },
    })
  })

  test('a trace where there was none, and one that allows less', () => {
    expect(tighten({}, { trace: true }).trace).not.toBeNull()
    expect(tighten({ trace: true }, { trace: { read: ['/work'], onViolation: 'report' } }).trace?.policy).not.toBeNull()
    const before: SandboxOptions = {
      trace: { read: ['@default', '/work', '/etc/**/*.d'], write: ['/work'], connect: ['*:53'], onViolation: 'report' },
    }
    const after = tighten(before, {
      trace: { read: ['/work/a', '/etc/**/*.d', '@home'], write: [], exec: [], connect: [], onViolation: 'kill' },
    })
    expect(after.trace?.policy).toMatchObject({ write: [], exec: [], connect: [] })
  })

  test('a seccomp profile instead of the own one, and one that allows less than the given one', () => {
    const profile = { ...targetSeccompProfile('x86_64') }
    expect(tighten({}, { seccomp: profile }).seccomp).not.toBeNull()
    const fewer = { ...profile, syscalls: profile.syscalls.slice(1) }
    const after = tighten({ seccomp: profile }, { seccomp: fewer })
    expect(after.seccomp).toMatchObject({ defaultAction: profile.defaultAction })
  })
})

const profile = targetSeccompProfile('x86_64')
const file = { read: ['/work'], write: ['/work'], exec: ['/bin'], connect: ['10.0.0.1:53'] } as const

describe('what is refused, with the name of the field', () => {
  test.each<[string, SandboxOptions, object]>([
    ['limits.memoryBytes', {}, { limits: { memoryBytes: '1GiB' } }],
    ['limits.cpuTimeMs', { limits: { cpuTimeMs: 1_000 } }, { limits: { cpuTimeMs: null } }],
    ['limits.lifetimeMs', {}, { limits: { lifetimeMs: 3_600_001 } }],
    ['timeouts.startupMs', {}, { timeouts: { startupMs: 10_001 } }],
    ['timeouts.pingIntervalMs', {}, { timeouts: { pingIntervalMs: null } }],
    ['timeouts.callMs', { timeouts: { callMs: 5 } }, { timeouts: { callMs: null } }],
    ['permissions', {}, { permissions: ['fs', 'net'] }],
    ['writable', {}, { writable: ['/work', '/other'] }],
    ['mounts.2', {}, { mounts: [...mounts, { source: '/srv/c', target: '/c' }] }],
    ['mounts.0', {}, { mounts: [{ source: '/srv/b', target: '/b', writable: true }] }],
    ['mounts.0', {}, { mounts: [{ source: '/srv/other', target: '/a' }] }],
    ['mounts.0', {}, { mounts: [{ source: '/srv/a', target: '/elsewhere' }] }],
    ['network', { network: 'none' }, { network: 'bridge' }],
    ['network', {}, { network: 'other' }],
    ['user', {}, { user: 'root2' }],
    ['users', {}, { users: { firstUid: 100_000 } }],
    ['program', {}, { program: '/other.js' }],
    ['base', {}, { base: 'debian' }],
    ['runtime', {}, { runtime: 'runsc' }],
    ['labels.team', {}, { labels: {} }],
    ['labels.team', {}, { labels: { team: 'y' } }],
    ['signal', {}, { signal: new AbortController().signal }],
    ['driver', {}, { driver: { launch: () => undefined, images: {} } }],
    ['plugins', {}, { plugins: ['/opt/plugin'] }],
    ['trace', { trace: true }, { trace: false }],
    ['trace.policy', { trace: file }, { trace: true }],
    ['trace.read', { trace: file }, { trace: { ...file, read: ['/work', '/etc'] } }],
    ['trace.read', { trace: file }, { trace: { ...file, read: ['/work2'] } }],
    ['trace.read', { trace: file }, { trace: { ...file, read: undefined } }],
    ['trace.write', { trace: file }, { trace: { ...file, write: ['/'] } }],
    ['trace.write', { trace: file }, { trace: { ...file, write: [/^\/work/] } }],
    ['trace.exec', { trace: file }, { trace: { ...file, exec: ['@home'] } }],
    ['trace.connect', { trace: file }, { trace: { ...file, connect: ['*:53'] } }],
    ['trace.onViolation', { trace: file }, { trace: { ...file, onViolation: 'report' } }],
    ['trace.onViolation', { trace: file }, { trace: { ...file, onViolation: () => 'report' } }],
    ['trace.log', { trace: { log: '/tmp/log' } }, { trace: true }],
    ['trace.calls', { trace: { calls: 'all' } }, { trace: true }],
    ['trace.maxLagMs', { trace: true }, { trace: { maxLagMs: 600_000 } }],
    ['seccomp', { seccomp: profile }, { seccomp: null }],
    ['seccomp', { seccomp: '/tmp/profile.json' }, { seccomp: profile }],
    ['seccomp', { seccomp: { ...profile, syscalls: profile.syscalls.slice(1) } }, { seccomp: profile }],
    [
      'seccomp',
      { seccomp: { ...profile, defaultAction: 'SCMP_ACT_KILL_PROCESS' } },
      { seccomp: { ...profile, defaultAction: 'SCMP_ACT_ERRNO' } },
    ],
  ])('%s %#', (field, before, returned) => {
    expect(refusedField(before, returned)).toBe(field)
  })

  test('the message names plugin and field', () => {
    expect(() => tighten({}, { limits: { pids: 4_000 } })).toThrow(
      "the plugin 'p' loosened limits.pids in beforeLaunch: a plugin may tighten options, never loosen them",
    )
    expect(() => tighten({}, { base: 'debian' })).toThrow(/changed base in beforeLaunch/)
  })

  test.each([
    [1],
    ['x'],
    [[]],
    [() => ({})],
    [{ limits: 5 }],
    [{ limits: { pids: 1 } }],
    [{ unknown: 1 }],
    [{ env: 4 }],
  ])('what are no options: %j', (returned) => {
    expect(() => tighten({}, returned)).toThrow(PluginError)
  })

  test('an object that throws when it is read', () => {
    const returned = {
      get env(): never {
        throw new Error('no\u001b')
      },
    }
    expect(() => tighten({}, returned)).toThrow(PluginError)
  })
})
