import { describe, expect, it } from 'vitest'
import { InvalidOptionsError } from '../../../src/errors.js'
import {
  parseAcquireOptions,
  parsePoolCloseOptions,
  parsePoolOptions,
  parseReleaseOptions,
  type PoolOptions,
} from '../../../src/options/pool-options.js'

const templates = { small: {} }
const problem = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionsError)
    return (error as Error).message
  }
  throw new Error('accepted')
}

describe('pool options', () => {
  it('have defaults', () => {
    const { templates: resolved, ...rest } = parsePoolOptions({ templates })
    expect(rest).toMatchObject({ maxStarts: 2, maxUses: 1, maxReused: 1, maxReusedTotal: 8, reuseIdleMs: 60_000 })
    expect(resolved).toMatchObject([{ name: 'small', idle: 1, maxIdleMs: 300_000, usableMs: 1_800_000 }])
  })

  it('give each template its own idle count, and none to those that are not named', () => {
    const { templates } = parsePoolOptions({ templates: { a: {}, b: {} }, idle: { b: 3 } })
    expect(templates.map(({ name, idle }) => [name, idle])).toEqual([
      ['a', 0],
      ['b', 3],
    ])
  })

  it('hand options on as they were given, with the driver of the pool where there is none', () => {
    const driver = { launch: () => undefined, images: {} } as never
    const own = { launch: () => undefined, images: {} } as never
    const options = parsePoolOptions({
      driver,
      templates: { a: { limits: { memoryBytes: '128MiB' } }, b: { driver: own } },
    })
    expect(options.templates.map((template) => template.options)).toEqual([
      { limits: { memoryBytes: '128MiB' }, driver },
      { driver: own },
    ])
    expect(options.templates[1]!.options.driver).toBe(own)
  })

  it('leave a short life its first half', () => {
    const short = { short: { limits: { lifetimeMs: 60_000 } } }
    expect(parsePoolOptions({ templates: short }).templates).toMatchObject([{ maxIdleMs: 15_000, usableMs: 30_000 }])
    expect(problem(() => parsePoolOptions({ templates: short, maxIdleMs: 15_001 }))).toMatch(
      /maxIdleMs: got 15001; allowed: at most 15000 with limits.lifetimeMs 60000 of template short/,
    )
    expect(parsePoolOptions({ templates: short, maxIdleMs: 15_000 }).templates).toMatchObject([{ maxIdleMs: 15_000 }])
  })

  it.each<[string, PoolOptions['templates'][string]]>([
    ['a program', { program: '/guest.js' }],
    ['a program', { methods: '/methods.js' }],
    ['a trace', { trace: true }],
    ['a writable mount', { mounts: [{ source: '/srv/data', target: '/data', writable: true }] }],
    [
      'a writable path with a mount or a writable path in it',
      { mounts: [{ source: '/srv/data', target: '/tmp/data' }] },
    ],
    ['a writable path with a mount or a writable path in it', { writable: ['/tmp/cache'] }],
  ])('refuse several uses of a sandbox with %s', (what, options) => {
    expect(parsePoolOptions({ templates: { box: options } }).maxUses).toBe(1)
    expect(problem(() => parsePoolOptions({ templates: { box: options }, maxUses: 2 }))).toMatch(
      new RegExp(`maxUses: got 2; allowed: 1 with template box. ${what} cannot be cleared`, 'i'),
    )
  })

  it.each<[unknown, RegExp]>([
    [{}, /templates/],
    [{ templates: {} }, /at least one template/],
    [{ templates: { '../x': {} } }, /templates/],
    [
      { templates: { a: { memoryBytes: 1 } } },
      /templates.a.memoryBytes: unknown option, did you mean limits.memoryBytes/,
    ],
    [{ templates, idle: -1 }, /idle/],
    [{ templates, idle: 1.5 }, /idle/],
    [{ templates, idle: { other: 1 } }, /idle.other: got .*one of small/],
    [{ templates, maxStarts: 0 }, /maxStarts/],
    [{ templates, maxIdleMs: 0 }, /maxIdleMs/],
    [{ templates, maxUses: 0 }, /maxUses/],
    [{ templates, size: 3 }, /unknown option/],
  ])('refuse %j', (options, message) => {
    expect(problem(() => parsePoolOptions(options as PoolOptions))).toMatch(message)
  })
})

describe('options of a call', () => {
  it('have defaults', () => {
    expect(parseAcquireOptions()).toEqual({ template: null, affinity: null, signal: null, timeoutMs: null })
    expect(parseReleaseOptions()).toEqual({ reuse: true })
    expect(parsePoolCloseOptions()).toEqual({ force: false })
  })

  it.each([
    { affinity: '' },
    { affinity: 'a\0b' },
    { affinity: 'x'.repeat(513) },
    { timeoutMs: 0 },
    { signal: {} },
    { wait: 1 },
  ])('refuse %j', (options) => void problem(() => parseAcquireOptions(options)))

  it('refuse what is only truthy', () => {
    problem(() => parseReleaseOptions({ reuse: 0 }))
    problem(() => parsePoolCloseOptions({ force: 'yes' }))
  })
})
