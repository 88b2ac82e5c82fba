import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { z } from 'zod'
import { InvalidOptionsError } from '../../../src/errors.js'
import {
  formatSize,
  parseCallOptions,
  parseCommandOptions,
  parseDriverOptions,
  parseSandboxOptions,
  parseSize,
  parseSpawnOptions,
  parseUserRange,
  sandboxOptionsSchema,
} from '../../../src/options/index.js'
import { objectSchemaOf } from '../../../src/options/schema-walk.js'

const parsers: Record<string, (raw: unknown) => object> = {
  parseSandboxOptions,
  parseCommandOptions,
  parseSpawnOptions,
  parseCallOptions,
  parseDriverOptions,
  parseUserRange,
}

/** Values that options take or nearly take, so that random objects come near the edges. */
const value = fc.oneof(
  fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withTypedArray: true }),
  fc.string({ unit: 'binary' }),
  fc.double(),
  fc.integer({ min: 0, max: 300_000 }),
  fc.constantFrom(
    0,
    -1,
    NaN,
    1e18,
    '256MiB',
    '64k',
    '1MB',
    'runner',
    'host',
    'alice',
    '/work',
    '/',
    '..',
    null,
    undefined,
  ),
  fc.array(fc.constantFrom('/work/*.c', '@home', /x/, { regexp: 'x' }, '10.0.0.0/8:*'), { maxLength: 3 }),
  fc.array(fc.constantFrom('/work', '/tmp/', '/a//b', 'fs', 'node:fs', '/..'), { maxLength: 4 }),
  fc.dictionary(fc.string(), fc.string({ unit: 'binary' })),
  fc.array(
    fc.record({ source: fc.constantFrom('/a', '/run', 'x'), target: fc.constantFrom('/a', '/tmp', '/b/', 'x') }),
  ),
)

function shapeOf(path: string): Record<string, fc.Arbitrary<unknown>> {
  const shape: Record<string, z.core.$ZodType> = objectSchemaOf(sandboxOptionsSchema)?.shape ?? {}
  const inner = path === '' ? shape : (objectSchemaOf(shape[path]!)?.shape ?? {})
  return Object.fromEntries(Object.keys(inner).map((name) => [name, value]))
}

const sandboxInput = fc.record(
  {
    ...shapeOf(''),
    ...Object.fromEntries(
      ['limits', 'timeouts', 'user', 'users', 'trace'].map((name) => [
        name,
        fc.oneof(value, fc.record(shapeOf(name), { requiredKeys: [] })),
      ]),
    ),
  },
  { requiredKeys: [] },
)

function expectFrozen(part: unknown): void {
  if (typeof part !== 'object' || part === null) return
  const plain = Array.isArray(part) || Object.getPrototypeOf(part) === Object.prototype
  if (!plain) return
  expect(Object.isFrozen(part)).toBe(true)
  for (const inner of Object.values(part)) expectFrozen(inner)
}

/** Either the one error, or a frozen result that means the same when it is given again. */
function check(parse: (raw: unknown) => object, raw: unknown): void {
  let result
  try {
    result = parse(raw)
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionsError)
    expect((error as Error).message.length).toBeLessThan(20_000)
    expect((error as Error).message).toMatch(/^[\x20-\x7e…\n]*$/)
    return
  }
  expectFrozen(result)
  expect(parse(result)).toEqual(result)
}

describe.each(Object.entries(parsers))('%s', (_name, parse) => {
  test('takes or refuses anything', () => {
    fc.assert(fc.property(value, (raw) => check(parse, raw)))
  })
})

test('sandbox options of the right names and any values', () => {
  fc.assert(
    fc.property(sandboxInput, (raw) => check(parseSandboxOptions, raw)),
    { numRuns: 500 },
  )
})

test('one wrong value among right ones is found alone', () => {
  const wrong = fc.constantFrom(0, -1, NaN, Infinity, 'x', {}, [], true)
  fc.assert(
    fc.property(fc.constantFrom('memoryBytes', 'pids', 'openFiles', 'shmBytes', 'lifetimeMs'), wrong, (name, raw) => {
      expect(() => parseSandboxOptions({ user: 'alice', limits: { [name]: raw } })).toThrow(`limits.${name}`)
    }),
  )
})

test('a size reads back from the text that is written for it', () => {
  fc.assert(fc.property(fc.maxSafeNat(), (bytes) => parseSize(formatSize(bytes)) === bytes))
})
