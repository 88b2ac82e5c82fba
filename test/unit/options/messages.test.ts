import { expect, test } from 'vitest'
import { describeValue, parseSandboxOptions } from '../../../src/options/index.js'
import { editDistance, nearestName } from '../../../src/options/nearest-name.js'
import { refused } from './refused.js'

test('a message names the option, what was given, what is allowed and what to do', () => {
  const { message } = refused(() => parseSandboxOptions({ limits: { memoryBytes: '1MB' } }))
  expect(message).toBe(
    `Invalid sandbox options: limits.memoryBytes: got "1MB"; allowed: 64MiB to 16TiB, as bytes or as a text such as '256MiB'. ` +
      `'MB' means powers of 1000 to some and of 1024 to others: write MiB (units are B, KiB, MiB, GiB, TiB and k, m, g, t)`,
  )
})

test('all issues are listed at once', () => {
  const { message, issues } = refused(() =>
    parseSandboxOptions({ limits: { pids: 0, memoryBytes: 0 }, base: 'Host', trace: 1 }),
  )
  expect(issues.map(({ path }) => path).sort()).toEqual(['base', 'limits.memoryBytes', 'limits.pids', 'trace'])
  expect(message.split('\n')).toHaveLength(5)
})

test('a thousand issues make a message of twenty', () => {
  const env = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`A${index}`, index]))
  const { message, issues } = refused(() => parseSandboxOptions({ env }))
  expect(issues).toHaveLength(20)
  expect(message).toMatch(/and 980 more$/)
})

test('forty thousand unknown names are refused in good time', () => {
  const options = Object.fromEntries(Array.from({ length: 40_000 }, (_, index) => [`memoryByte${index}`, 1]))
  const begun = process.cpuUsage()
  const { message, issues } = refused(() => parseSandboxOptions({ ...options, memoryBytes: 1 }))
  expect(process.cpuUsage(begun).user).toBeLessThan(2_000_000)
  expect(issues).toHaveLength(20)
  expect(message).toMatch(/memoryByte0: unknown option, did you mean limits\.memoryBytes\?[^]*and 39981 more$/)
})

test('the text of a variable, which may be a secret, is not repeated', () => {
  const { message } = refused(() => parseSandboxOptions({ env: { TOKEN: 'hunter2\0' } }))
  expect(message).not.toContain('hunter2')
})

test('control characters and long texts are escaped and cut', () => {
  const { message } = refused(() => parseSandboxOptions({ network: `\u001b[31m\u202e${'x'.repeat(10_000)}` }))
  expect(message).toContain('\\u001b[31m\\u202e')
  expect(message).toContain('(10006 characters)')
  expect(message).not.toMatch(/[\u001b\u202e]/)
})

test('an object that throws while it is read is an InvalidOptionsError too', () => {
  const options = Object.defineProperty({}, 'user', {
    enumerable: true,
    get: () => {
      throw new Error('boom')
    },
  })
  expect(refused(() => parseSandboxOptions(options)).message).toContain('cannot be read ("boom")')
})

test('values are described without running anything of theirs', () => {
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  expect(describeValue(revoked.proxy)).toBe('an unreadable object')
  expect(describeValue([1, 2])).toBe('an array of 2')
  expect(describeValue(new Map())).toBe('a Map')
  expect(describeValue(-0)).toBe('-0')
  expect(describeValue(Symbol('x'))).toBe('a symbol')
  expect(describeValue('é"')).toBe('"\\u00e9\\""')
})

test.each([
  ['memroyBytes', 'memoryBytes'],
  ['memorybytes', 'memoryBytes'],
  ['pid', 'pids'],
  ['xyz', null],
  ['x'.repeat(1_000_000), null],
])('nearest to %s', (name, wanted) => {
  expect(nearestName(name, ['memoryBytes', 'pids', 'openFiles'])).toBe(wanted)
})

test.each([
  ['', 'abc', 3],
  ['abc', 'abc', 0],
  ['abc', 'acb', 1],
  ['kitten', 'sitting', 3],
])('distance of %s and %s', (from, to, distance) => {
  expect(editDistance(from, to)).toBe(distance)
})
