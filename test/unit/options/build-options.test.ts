import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { DEFAULT_LIMITS, parseBuildOptions } from '../../../src/options/index.js'
import { anyCase, refused } from './refused.js'

const MIB = 1024 * 1024
const least = { tenant: 'acme', steps: [{ run: 'make' }] }
const many = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))

test('a build that says nothing has these', () => {
  expect(parseBuildOptions(least)).toEqual({
    tenant: 'acme',
    source: null,
    steps: [{ name: null, run: 'make', env: {}, secrets: [], cwd: '.', timeoutMs: null, continueOnError: false }],
    env: {},
    secrets: {},
    limits: null,
    workspace: null,
    base: null,
    caches: [],
    artifacts: { paths: [], when: 'success', maxBytes: 1024 * MIB, maxFiles: 10_000 },
    trace: null,
    timeoutMs: 1_800_000,
    priority: 0,
    cost: 1,
    labels: {},
    signal: null,
  })
})

describe('accepted', () => {
  const signal = new AbortController().signal
  test.each<[name: string, given: unknown, wanted: unknown]>([
    ['tenant', 'acme/team/alice', 'acme/team/alice'],
    ['source', null, null],
    ['source', { folder: '.' }, { folder: resolve('.') }],
    ['steps', many(256, () => ({ run: 'x' })), expect.objectContaining({ length: 256 })],
    ['env', { A: '', B: undefined }, { A: '' }],
    ['secrets', { TOKEN: 'four' }, { TOKEN: 'four' }],
    ['secrets', { A: 'x'.repeat(65_536) }, { A: 'x'.repeat(65_536) }],
    ['limits', {}, DEFAULT_LIMITS],
    ['limits', { memoryBytes: '1GiB' }, { ...DEFAULT_LIMITS, memoryBytes: 1024 * MIB }],
    ['workspace', { sizeBytes: '2GiB', backing: 'disk' }, { sizeBytes: 2048 * MIB, backing: 'disk' }],
    ['workspace', { backing: 'memory' }, expect.objectContaining({ backing: 'memory' })],
    ['base', 'toolchain', 'toolchain'],
    [
      'caches',
      [{ key: 'npm', path: './node_modules//', files: ['package-lock.json'] }],
      [{ key: 'npm', path: 'node_modules', files: ['package-lock.json'], fallback: true }],
    ],
    [
      'caches',
      [{ key: '_a.b-C', path: '.', fallback: false }],
      [{ key: '_a.b-C', path: '.', files: [], fallback: false }],
    ],
    ['artifacts', ['dist/**', '!**/*.o'], expect.objectContaining({ paths: ['dist/**', '!**/*.o'], when: 'success' })],
    [
      'artifacts',
      { paths: ['*.log'], when: 'always', maxBytes: '1KiB', maxFiles: 1 },
      { paths: ['*.log'], when: 'always', maxBytes: 1024, maxFiles: 1 },
    ],
    ['trace', true, expect.objectContaining({ policy: null })],
    ['trace', false, null],
    ['timeoutMs', 1, 1],
    ['priority', -100, -100],
    ['cost', 0.01, 0.01],
    ['labels', { 'ci/job': '7' }, { 'ci/job': '7' }],
    ['signal', signal, signal],
  ])('%s: %j', (name, given, wanted) => {
    expect(parseBuildOptions({ ...least, [name]: given })[name as keyof typeof least]).toEqual(wanted)
  })

  test('what was checked once is taken again', () => {
    const once = parseBuildOptions({
      ...least,
      source: { git: 'https://x/y' },
      trace: { read: ['/work'] },
      artifacts: ['a'],
    })
    expect(parseBuildOptions(once)).toEqual(once)
  })
})

describe('refused', () => {
  const cache = { key: 'a', path: 'x' }
  test.each<[name: string, given: unknown, at: string, reason: RegExp]>([
    ['tenant', undefined, 'tenant', /got undefined/],
    ['tenant', '../x', 'tenant', /another character, or a dot/],
    ['source', 'folder', 'source', /\{ folder \}, \{ tar \}/],
    ['steps', undefined, 'steps', /an array of steps/],
    ['steps', [], 'steps', /at least one/],
    ['steps', many(257, () => ({ run: 'x' })), 'steps', /at most 256/],
    ['steps', [5], 'steps[0]', /an object/],
    ['steps', { run: 'x' }, 'steps', /an array of steps/],
    ['env', { A: 1 }, 'env.A', /as a text/],
    ['env', { 'A=B': 'x' }, 'env["A=B"]', /'=' ends a name/],
    ['secrets', { A: 'abc' }, 'secrets.A', /not shown.*4 characters/],
    ['secrets', { A: 'x'.repeat(65_537) }, 'secrets.A', /not shown/],
    ['secrets', { A: 'four\0' }, 'secrets.A', /without NUL/],
    ['secrets', { A: 12345 }, 'secrets.A', /not shown/],
    ['secrets', { A: null }, 'secrets.A', /not shown/],
    ['secrets', { 'a-b': 'abcd' }, 'secrets["a-b"]', /name of a variable/],
    ['secrets', Object.fromEntries(many(65, (i) => [`A${i}`, 'text'])), 'secrets', /at most 64/],
    ['secrets', Object.fromEntries(many(9, (i) => [`A${i}`, 'x'.repeat(60_000)])), 'secrets', /524288 bytes together/],
    ['secrets', ['abcd'], 'secrets', /texts by name/],
    ['limits', { memoryBytes: 1 }, 'limits.memoryBytes', /allowed/],
    ['limits', { memory: 1 }, 'limits.memory', /unknown option/],
    ['workspace', { sizeBytes: '1KiB' }, 'workspace.sizeBytes', /1MiB to 1TiB/],
    ['workspace', { backing: 'ssd' }, 'workspace.backing', /'auto', 'memory', 'disk'/],
    ['workspace', { size: 1 }, 'workspace.size', /known: sizeBytes, backing/],
    ['base', 'Debian', 'base', /upper case/],
    ['caches', [{ ...cache, key: 'a/b' }], 'caches[0].key', /plain name/],
    ['caches', [{ ...cache, key: '..' }], 'caches[0].key', /plain name/],
    ['caches', [{ ...cache, key: '.' }], 'caches[0].key', /plain name/],
    ['caches', [{ ...cache, key: '-rf' }], 'caches[0].key', /plain name/],
    ['caches', [{ ...cache, key: '' }], 'caches[0].key', /plain name/],
    ['caches', [{ ...cache, key: 'x'.repeat(129) }], 'caches[0].key', /plain name/],
    ['caches', [{ key: 'a' }], 'caches[0].path', /got undefined/],
    ['caches', [{ ...cache, path: '../x' }], 'caches[0].path', /could leave/],
    ['caches', [{ ...cache, path: '/x' }], 'caches[0].path', /absolute/],
    ['caches', [{ ...cache, files: ['../x'] }], 'caches[0].files[0]', /could leave/],
    ['caches', [{ ...cache, files: many(65, String) }], 'caches[0].files', /at most 64/],
    ['caches', [{ ...cache, fallback: 'no' }], 'caches[0].fallback', /true or false/],
    ['caches', [cache, { ...cache, path: 'y' }], 'caches[1].key', /each key once/],
    ['caches', many(17, (i) => ({ key: `k${i}`, path: 'x' })), 'caches', /at most 16/],
    ['artifacts', ['../x'], 'artifacts[0]', /could leave/],
    ['artifacts', ['!../x'], 'artifacts[0]', /could leave/],
    ['artifacts', ['/etc/**'], 'artifacts[0]', /absolute/],
    ['artifacts', ['a/../../b'], 'artifacts[0]', /could leave/],
    ['artifacts', ['!'], 'artifacts[0]', /empty/],
    ['artifacts', ['a\0'], 'artifacts[0]', /NUL/],
    ['artifacts', [5], 'artifacts[0]', /a glob/],
    ['artifacts', ['!a**'], 'artifacts[0]', /a segment of its own/],
    ['artifacts', many(257, String), 'artifacts', /at most 256/],
    ['artifacts', ['*a'.repeat(500), '?'.repeat(400), `x${'[abcd]'.repeat(30)}`], 'artifacts', /1000 wildcards/],
    ['artifacts', 'dist', 'artifacts', /an array of globs/],
    ['artifacts', { paths: ['/x'] }, 'artifacts.paths[0]', /absolute/],
    ['artifacts', { when: 'never' }, 'artifacts.when', /'success', 'always'/],
    ['artifacts', { maxBytes: -1 }, 'artifacts.maxBytes', /allowed/],
    ['artifacts', { maxFiles: 0 }, 'artifacts.maxFiles', /1 to/],
    ['artifacts', { path: [] }, 'artifacts.path', /did you mean paths/],
    ['trace', { log: '/x' }, 'trace.log', /not masked/],
    ['trace', 'yes', 'trace', /true, false/],
    ['timeoutMs', 0, 'timeoutMs', /never mean "no limit"/],
    ['timeoutMs', '30s', 'timeoutMs', /not a string/],
    ['timeoutMs', Infinity, 'timeoutMs', /there is no unlimited/],
    ['timeoutMs', null, 'timeoutMs', /got null/],
    ['priority', 101, 'priority', /-100 to 100/],
    ['priority', 0.5, 'priority', /whole number/],
    ['cost', 0, 'cost', /0.01 to/],
    ['cost', NaN, 'cost', /failed calculation/],
    ['labels', { 'container-sandbox.owner': 'x' }, 'labels["container-sandbox.owner"]', /reserved/],
    ['signal', {}, 'signal', /an AbortSignal/],
    ['step', [], 'step', /did you mean steps/],
    ['memoryBytes', 5, 'memoryBytes', /did you mean limits\.memoryBytes/],
  ])('%s: %j', (name, given, at, reason) => {
    const { message, issues } = refused(() => parseBuildOptions({ ...least, [name]: given }))
    expect(issues.map((issue) => issue.path)).toContain(at)
    expect(message).toMatch(anyCase(reason))
    expect(message.length).toBeLessThan(3_000)
  })

  test('a secret stands in no message', () => {
    const given = { ...least, secrets: { A: 'hunter2\0', B: ['hunter2'], C: { value: 'hunter2' }, D: 'hun' } }
    const { message, issues } = refused(() => parseBuildOptions(given))
    expect(issues).toHaveLength(4)
    expect(message + JSON.stringify(issues)).not.toMatch(/hun/)
  })

  test('a secret that a step names and the build has not', () => {
    const step = (secrets: unknown) => ({ ...least, secrets: { A: 'text' }, steps: [{ run: 'x', secrets }] })
    expect(refused(() => parseBuildOptions(step(['A', 'B']))).issues[0]).toMatchObject({
      path: 'steps[0].secrets[1]',
      allowed: 'a name of `secrets`: A',
    })
    // One that is no name at all is told once.
    expect(refused(() => parseBuildOptions(step(['a-b']))).issues).toHaveLength(1)
    expect(
      refused(() => parseBuildOptions({ ...least, steps: [{ run: 'x', secrets: ['__proto__'] }] })).message,
    ).toMatch(/every object/)
  })

  test.each([null, undefined, 5, 'x', [], true])('%j in place of a build', (raw) => {
    expect(refused(() => parseBuildOptions(raw)).message).toMatch(/an object/)
  })

  test('all that is wrong is told at once', () => {
    const { issues } = refused(() => parseBuildOptions({ steps: [{ rum: 1 }], tenant: '', timeoutMs: 0 }))
    expect(issues.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['steps[0].run', 'steps[0].rum', 'tenant', 'timeoutMs']),
    )
  })
})
