import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, parseSandboxOptions } from '../../../src/options/index.js'
import { anyCase, refused } from './refused.js'

const MIB = 1024 * 1024
const driver = { images: {}, launch: () => Promise.reject(new Error('not started')) }
const mountAt = (target: string) => ({ source: '/a', target })

/** An object with one option at a dotted path. */
function withOption(path: string, value: unknown): object {
  return path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as object
}

function read(options: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], options)
}

test('without options everything is at its strict default', () => {
  expect(parseSandboxOptions()).toEqual({
    user: { name: null, home: null, uid: null, gid: null },
    users: { stateDir: null, firstUid: 200_000, lastUid: 265_535, firstAnonymousUid: 232_768 },
    program: null,
    methods: null,
    permissions: [],
    onLockup: 'report',
    limits: DEFAULT_LIMITS,
    mounts: [],
    writable: ['/tmp'],
    scratch: {},
    network: 'none',
    env: {},
    base: 'runner',
    runtime: 'runc',
    seccomp: null,
    timeouts: DEFAULT_TIMEOUTS,
    trace: null,
    plugins: [],
    labels: {},
    driver: null,
    signal: null,
  })
})

describe('accepted', () => {
  test.each<[path: string, given: unknown, wanted: unknown]>([
    ['user', 'alice', { name: 'alice', home: null, uid: null, gid: null }],
    ['user', '__proto__', { name: '__proto__', home: null, uid: null, gid: null }],
    ['user', null, { name: null, home: null, uid: null, gid: null }],
    ['user', { name: 'a', home: './h', uid: 7 }, { name: 'a', home: resolve('h'), uid: 7, gid: 7 }],
    ['user', { uid: 7, gid: 8 }, { name: null, home: null, uid: 7, gid: 8 }],
    ['users.firstUid', 260_000, 260_000],
    ['users.stateDir', '/var/lib/x', '/var/lib/x'],
    ['program', './guest.js', resolve('guest.js')],
    ['methods', './methods.js', resolve('methods.js')],
    ['onLockup', 'restart', 'restart'],
    ['permissions', ['home', 'fs', 'home'], ['fs', 'home']],
    ['permissions', ['node:fs', 'fs', 'crypto', 'node:test'], ['crypto', 'fs', 'node:test']],
    ['limits.memoryBytes', '1.5GiB', 1536 * MIB],
    ['limits.memoryBytes', 64 * MIB, 64 * MIB],
    ['limits.cpuCount', 0.333333333, 0.33333],
    ['limits.cpuTimeMs', null, null],
    ['limits.cpuTimeMs', 2_147_483_647, 2_147_483_647],
    ['mounts', [{ source: '/a//b/', target: '/c/./d/' }], [{ source: '/a/b', target: '/c/d', writable: false }]],
    ['writable', ['/work/', '/work', '/tmp'], ['/tmp', '/work']],
    ['network', 'my_net-1.x', 'my_net-1.x'],
    ['plugins', ['./my-plugin'], [{ plugin: resolve('my-plugin'), options: {} }]],
    ['plugins', [{ plugin: '/opt/x', options: { a: [1] } }], [{ plugin: '/opt/x', options: { a: [1] } }]],
    ['env', { A: '', 'odd name': 'x\ny', B: undefined }, { A: '', 'odd name': 'x\ny' }],
    ['base', 'host', 'host'],
    ['base', 'debian:bookworm', 'debian:bookworm'],
    ['base', 'localhost:5000/team/image_x:v1.2', 'localhost:5000/team/image_x:v1.2'],
    ['base', `node@sha256:${'a'.repeat(64)}`, `node@sha256:${'a'.repeat(64)}`],
    ['base', `sha256:${'0'.repeat(64)}`, `sha256:${'0'.repeat(64)}`],
    ['runtime', 'io.containerd.runsc.v1', 'io.containerd.runsc.v1'],
    ['timeouts.pingIntervalMs', null, null],
    ['timeouts.killGraceMs', 0, 0],
    ['labels', { 'com.example/team': 'ü' }, { 'com.example/team': 'ü' }],
    ['driver', driver, driver],
    ['limits', undefined, DEFAULT_LIMITS],
  ])('%s: %j', (path, given, wanted) => {
    expect(read(parseSandboxOptions(withOption(path, given)), path)).toEqual(wanted)
  })
})

const sizes = ['memoryBytes', 'scratchBytes', 'shmBytes', 'outputBytes']
const counts = ['cpuCount', 'pids', 'openFiles', 'cpuTimeMs', 'lifetimeMs']

describe('limits are never "unlimited"', () => {
  const wrong: [name: string, value: unknown, hint: RegExp][] = [
    ['zero', 0, /never mean "no limit"/],
    ['negative zero', -0, /never mean "no limit"/],
    ['minus one', -1, /never mean "no limit"/],
    ['NaN', NaN, /failed calculation/],
    ['Infinity', Infinity, /there is no unlimited|write null/],
    ['-Infinity', -Infinity, /there is no unlimited|write null/],
    ['huge', 1e300, /allowed/],
    ['beyond safe integers', Number.MAX_SAFE_INTEGER, /allowed/],
    ['a BigInt', 5n, /BigInt/],
    ['true', true, /got true/],
    ['an array', [5], /an array of 1/],
  ]
  test.each(
    [...sizes, ...counts].flatMap((name) => wrong.map(([what, value, hint]) => [name, what, value, hint] as const)),
  )('limits.%s: %s', (name, _what, value, hint) => {
    const { message, issues } = refused(() => parseSandboxOptions({ limits: { [name]: value } }))
    expect(issues).toHaveLength(1)
    expect(issues[0]?.path).toBe(`limits.${name}`)
    expect(message).toMatch(anyCase(hint))
    expect(message).toMatch(/\d\w* to [\d,]+/)
  })
  test.each([...counts, ...sizes])('limits.%s: a text that is no size', (name) => {
    expect(refused(() => parseSandboxOptions({ limits: { [name]: '12' } })).issues[0]?.path).toBe(`limits.${name}`)
  })
})

describe('refused', () => {
  test.each<[path: string, given: unknown, at: string, reason: RegExp]>([
    // Users
    ['user', 'a/b', 'user', /not a path/],
    ['user', '..', 'user', /not a path/],
    ['user', 'a.b', 'user', /not a path/],
    ['user', 'alice\n', 'user', /control characters/i],
    ['user', 'a\nb', 'user', /control characters/i],
    ['user', 'a'.repeat(300), 'user', /300 characters/],
    ['user', 'a'.repeat(33), 'user', /33 characters/],
    ['user', 'älice', 'user', /outside ASCII/],
    ['user', 'аlice', 'user', /outside ASCII/],
    ['user', '-rf', 'user', /leading dash/],
    ['user', 'Alice', 'user', /write 'alice'/],
    ['user', '1a', 'user', /the first a letter/],
    ['user', 'a b', 'user', /1 to 32/],
    ['user', 'a\0', 'user', /control characters/i],
    ['user', '', 'user', /empty/],
    ['user', 5, 'user', /a user name, or/],
    ['user', { name: '../x' }, 'user.name', /not a path/],
    ['user', { nmae: 'x' }, 'user.nmae', /did you mean name/],
    ['user', { uid: 0 }, 'user.uid', /never root/],
    ['user', { uid: -1 }, 'user.uid', /never root/],
    ['user', { uid: 4_294_967_295 }, 'user.uid', /2,147,483,647/],
    ['user', { uid: '1000' }, 'user.uid', /got "1000"/],
    ['user', { gid: 5 }, 'user.gid', /together with a uid/],
    ['user', { home: '' }, 'user.home', /empty/],
    ['user', { home: '/a\0b' }, 'user.home', /NUL/],
    ['users.firstUid', 0, 'users.firstUid', /1,000/],
    ['users.lastUid', 200_000, 'users.lastUid', /more than firstUid/],
    ['users.firstAnonymousUid', 200_000, 'users.firstAnonymousUid', /names and anonymous/],
    ['users.firstAnonymousUid', 300_000, 'users.firstAnonymousUid', /names and anonymous/],
    // Program
    ['program', '', 'program', /empty/],
    ['program', 'a\0.js', 'program', /NUL/],
    ['program', 'x'.repeat(5000), 'program', /5,000 bytes/],
    ['program', {}, 'program', /the path of the program/],
    ['permissions', ['crypt'], 'permissions[0]', /did you mean 'crypto'/i],
    ['permissions', ['hom'], 'permissions[0]', /did you mean 'home'/i],
    ['permissions', ['node:home'], 'permissions[0]', /did you mean 'home'/i],
    ['permissions', ['./local'], 'permissions[0]', /only built-in/i],
    ['permissions', ['__proto__'], 'permissions[0]', /built-in/],
    ['permissions', 'fs', 'permissions', /an array/],
    // Mounts and scratch
    ['mounts', [{ source: 'a', target: '/b' }], 'mounts[0].source', /relative/i],
    ['mounts', [{ source: '/a', target: 'b' }], 'mounts[0].target', /relative/i],
    ['mounts', [{ source: '/a/../b', target: '/b' }], 'mounts[0].source', /without '..'/i],
    ['mounts', [{ source: '/a', target: '/b/../c' }], 'mounts[0].target', /without '..'/i],
    ['mounts', [{ source: '/', target: '/b' }], 'mounts[0].source', /whole host/],
    ['mounts', [{ source: '//.', target: '/b' }], 'mounts[0].source', /whole host/],
    ['mounts', [{ source: '/a', target: '/' }], 'mounts[0].target', /root of a sandbox/],
    ['mounts', [{ source: '/var/run/docker.sock', target: '/b' }], 'mounts[0].source', /root on the host/],
    ['mounts', [{ source: '/run/user/1000/podman/podman.sock', target: '/b' }], 'mounts[0].source', /root on the host/],
    ['mounts', [{ source: '/run//docker.sock/', target: '/b' }], 'mounts[0].source', /root on the host/],
    ['mounts', [{ source: '/var/run', target: '/b' }], 'mounts[0].source', /holds \/run\/docker.sock/],
    ['mounts', [{ source: '/var', target: '/b' }], 'mounts[0].source', /holds \/var\/lib\/docker/],
    ['mounts', [{ source: '/var/lib/docker/volumes/x', target: '/b' }], 'mounts[0].source', /controls the host/],
    ['mounts', [{ source: '/proc/1/root', target: '/b' }], 'mounts[0].source', /controls the host/],
    ['mounts', [{ source: '/sys', target: '/b' }], 'mounts[0].source', /controls the host/],
    ['mounts', [{ source: '/a', target: '/proc/x' }], 'mounts[0].target', /belongs to the sandbox/],
    ['mounts', [{ source: '/a', target: '/.sandbox/bin' }], 'mounts[0].target', /belongs to the sandbox/],
    ['mounts', [{ source: '/a', target: '/tmp' }], 'mounts[0].target', /either scratch or a mount/],
    ['mounts', [{ source: '/a', target: '/b\0' }], 'mounts[0].target', /NUL/],
    ['mounts', [{ source: '/a', target: '/b:c' }], 'mounts[0].target', /colon/],
    ['mounts', [{ source: '/a\nb', target: '/b' }], 'mounts[0].source', /control/],
    ['mounts', [{ source: '/var/lib/kubelet', target: '/b' }], 'mounts[0].source', /controls the host/],
    ['mounts', [{ source: '/run/buildkit', target: '/b' }], 'mounts[0].source', /root on the host/],
    ['mounts', [{ source: '/run/user/1000', target: '/b' }], 'mounts[0].source', /root on the host/],
    ['mounts', [mountAt('/b'), mountAt('/b/c')], 'mounts[1].target', /inside the mount at '\/b'/],
    ['mounts', [{ source: '/a' }], 'mounts[0].target', /got undefined/],
    [
      'mounts',
      [{ source: '/a', target: '/b', readonly: true }],
      'mounts[0].readonly',
      /known: source, target, writable/,
    ],
    ['mounts', [{ source: '/a', target: '/b', writable: 1 }], 'mounts[0].writable', /true or false/],
    ['mounts', { source: '/a', target: '/b' }, 'mounts', /an array/],
    ['mounts', Array.from({ length: 65 }, (_, i) => ({ source: '/a', target: `/b${i}` })), 'mounts', /at most 64/],
    ['scratch', { work: 1e6 }, 'scratch.work', /relative/i],
    ['scratch', { '/work': '1KiB' }, 'scratch["/work"]', /64KiB to 1TiB/],
    ['scratch', ['/work'], 'scratch', /sizes by guest path/],
    ['writable', ['work'], 'writable[0]', /relative/i],
    ['writable', ['/'], 'writable[0]', /root of a sandbox/],
    ['writable', ['/work/../etc'], 'writable[0]', /without '..'/i],
    ['writable', ['/dev/shm'], 'writable[0]', /belongs to the sandbox/],
    ['writable', [`/${'x'.repeat(256)}`], 'writable[0]', /more than 255 bytes/],
    ['writable', Array.from({ length: 33 }, (_, i) => `/w${i}`), 'writable', /at most 32/],
    // Network, image, runtime
    ['network', 'host', 'network', /share the host's network/],
    ['network', 'container:abc', 'network', /something else/],
    ['network', 'default', 'network', /bridge/],
    ['network', '', 'network', /letters, digits/],
    ['network', '-x', 'network', /letters, digits/],
    ['base', '', 'base', /empty/],
    ['base', 'Debian', 'base', /upper case/],
    ['base', '-x', 'base', /of the form/],
    ['base', '../x', 'base', /of the form/],
    ['base', 'a:b:c:d', 'base', /of the form/],
    ['base', 'debian\n', 'base', /of the form/],
    ['base', 'a/'.repeat(200) + 'a', 'base', /more than 255/],
    ['base', 'x'.repeat(100_000), 'base', /100000 characters/],
    ['runtime', '/usr/bin/runc', 'runtime', /a path is refused/],
    ['runtime', '', 'runtime', /letters, digits/],
    // Environment and labels
    ['env', { 'A=B': 'x' }, 'env["A=B"]', /'=' ends a name/],
    ['env', { '': 'x' }, 'env[""]', /empty/],
    ['env', { 'A\0': 'x' }, 'env["A\\u0000"]', /NUL/],
    ['env', { A: 'x\0y' }, 'env.A', /NUL/],
    ['env', { A: 1 }, 'env.A', /as a text/],
    ['env', { A: null }, 'env.A', /as a text/],
    ['env', { A: '\ud800' }, 'env.A', /surrogate/],
    ['env', { A: 'x'.repeat(131_070) }, 'env.A', /131,070 bytes/],
    ['env', JSON.parse('{"__proto__":"x"}'), 'env.__proto__', /cannot be carried/],
    [
      'env',
      Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`A${i}`, 'x'.repeat(60_000)])),
      'env',
      /all entries/i,
    ],
    ['env', Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`A${i}`, ''])), 'env', /5,000 entries/],
    ['env', ['A=1'], 'env', /names without/],
    ['labels', { 'container-sandbox.owner': 'x' }, 'labels["container-sandbox.owner"]', /reserved/],
    ['labels', { 'Container-Sandbox.owner': 'x' }, 'labels["Container-Sandbox.owner"]', /reserved/],
    ['labels', { 'a=b': 'x' }, 'labels["a=b"]', /letter or digit/],
    ['labels', { a: 'x\0' }, 'labels.a', /NUL/],
    ['labels', { a: 'x'.repeat(5000) }, 'labels.a', /5,000 bytes/],
    // Timeouts and objects
    ['timeouts.startupMs', 0, 'timeouts.startupMs', /never mean/],
    ['timeouts.callMs', NaN, 'timeouts.callMs', /failed calculation/],
    ['timeouts.pingIntervalMs', 1, 'timeouts.pingIntervalMs', /10 to/],
    ['timeouts.lockupMs', 2_147_483_648, 'timeouts.lockupMs', /2,147,483,647/],
    ['timeouts.killGraceMs', -1, 'timeouts.killGraceMs', /0 to/],
    ['driver', {}, 'driver', /a driver/],
    ['signal', {}, 'signal', /an AbortSignal/],
    // Plugins
    ['plugins', {}, 'plugins', /an array of plugins/],
    ['plugins', ['rpc'], 'plugins[0]', /a folder is named with a slash/],
    ['plugins', ['/a\0b'], 'plugins[0]', /a NUL byte/],
    ['plugins', [{ name: 'a' }], 'plugins[0]', /what definePlugin returned/],
    ['plugins', [null], 'plugins[0]', /what definePlugin made/],
    ['plugins', [{ plugin: { name: 'a' } }], 'plugins[0].plugin', /what definePlugin returned/],
    ['plugins', [{ plugin: '/opt/x', option: 1 }], 'plugins[0]', /'plugin' and 'options' and nothing else/],
    ['plugins', Array<string>(65).fill('/opt/x'), 'plugins', /at most 64/],
    ['timeouts.hookMs', 0, 'timeouts.hookMs', /1 to/],
    // Names
    ['plugin', [], 'plugin', /did you mean plugins/],
    ['memoryBytes', 5, 'memoryBytes', /did you mean limits.memoryBytes/],
    ['netwrok', 'none', 'netwrok', /did you mean network/],
    ['limits.memory', 5, 'limits.memory', /unknown option/],
    ['limits.cpuTimeSeconds', 5, 'limits.cpuTimeSeconds', /did you mean cpuTimeMs|known:/],
    ['limits', 5, 'limits', /an object/],
    ['limits', [], 'limits', /an object/],
  ])('%s: %j', (path, given, at, reason) => {
    const { message, issues } = refused(() => parseSandboxOptions(withOption(path, given)))
    expect(issues.map((issue) => issue.path)).toContain(at)
    expect(message).toMatch(anyCase(reason))
    expect(message.length).toBeLessThan(3000)
  })

  test.each([null, 5, 'alice', [], () => 1, true])('%s in place of options', (raw) => {
    expect(refused(() => parseSandboxOptions(raw)).message).toMatch(/an object with options/)
  })

  test('scratch inside a writable mount', () => {
    const options = { mounts: [{ ...mountAt('/b'), writable: true }], writable: ['/b/c'] }
    const [issue] = refused(() => parseSandboxOptions(options)).issues
    expect(issue).toMatchObject({ path: 'mounts[0].target' })
    expect(() => parseSandboxOptions({ ...options, mounts: [mountAt('/b')] })).not.toThrow()
  })

  test('two mounts at one target', () => {
    const mounts = [
      { source: '/a', target: '/x' },
      { source: '/b', target: '/x/' },
    ]
    expect(refused(() => parseSandboxOptions({ mounts })).issues[0]?.path).toBe('mounts[1].target')
  })
})

test('the result is frozen in depth and shares nothing with the input; driver and signal are passed on as they are', () => {
  const { signal } = new AbortController()
  const given = {
    user: { name: 'a' },
    env: { A: '1' },
    labels: { a: 'b' },
    writable: ['/work'],
    permissions: ['fs'],
    mounts: [{ source: '/a', target: '/b' }],
    driver: { ...driver },
    signal,
  }
  const options = parseSandboxOptions(given)
  const parts = [options, options.user, options.users, options.limits, options.timeouts, options.env, options.labels]
  for (const part of [...parts, options.writable, options.permissions, options.mounts, options.mounts[0]]) {
    expect(Object.isFrozen(part)).toBe(true)
  }
  given.env.A = '2'
  given.writable.push('/etc')
  expect(options.env).toEqual({ A: '1' })
  expect(options.writable).toEqual(['/tmp', '/work'])
  expect(options.driver).toBe(given.driver)
  expect(Object.isFrozen(given.driver)).toBe(false)
  expect(options.signal).toBe(signal)
})

test('prototypes are neither read from the input nor changed', () => {
  const raw: unknown = JSON.parse(
    '{"env":{"constructor":"x"},"labels":{"toString":"y"},"limits":{"__proto__":{"pids":1}}}',
  )
  const { issues } = refused(() => parseSandboxOptions(raw))
  expect(issues[0]?.path).toBe('limits.__proto__')
  expect(({} as Record<string, unknown>)['pids']).toBeUndefined()
})
