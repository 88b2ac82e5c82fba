/** A tightened profile allows a part of what the whole one does, decided call by call as the kernel's filter would. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SeccompArgument, SeccompProfile } from '../../../src/policy/container-spec.js'
import { findLooserCall } from '../../../src/policy/seccomp-containment.js'
import { targetSeccompProfile } from '../../../src/policy/seccomp.js'
import { tightenSeccomp } from '../../../src/policy/tighter-seccomp.js'

const TARGET = targetSeccompProfile('x86_64')
const NAMES = [...new Set(TARGET.syscalls.flatMap(({ names }) => names)), 'mount', 'ptrace', 'nonsense']

/** seccomp_rule_add(3). */
function accepts({ index, value, valueTwo = 0, op }: SeccompArgument, args: readonly bigint[]): boolean {
  const argument = args[index] ?? 0n
  const [first, second] = [BigInt(value), BigInt(valueTwo)]
  switch (op) {
    case 'SCMP_CMP_EQ':
      return argument === first
    case 'SCMP_CMP_NE':
      return argument !== first
    case 'SCMP_CMP_LT':
      return argument < first
    case 'SCMP_CMP_GE':
      return argument >= first
    case 'SCMP_CMP_MASKED_EQ':
      return (argument & first) === (second & first)
    default:
      throw new Error(op)
  }
}

function allows(profile: Pick<SeccompProfile, 'syscalls'>, name: string, args: readonly bigint[]): boolean {
  return profile.syscalls.some(
    (rule) =>
      rule.action === 'SCMP_ACT_ALLOW' &&
      rule.names.includes(name) &&
      (rule.args ?? []).every((condition) => accepts(condition, args)),
  )
}

/** Numbers on both sides of every condition that the package's profile has. */
const INTERESTING = [
  ...new Set(
    TARGET.syscalls.flatMap(({ args = [] }) =>
      args.flatMap(({ value, valueTwo = 0 }) => [value, valueTwo, valueTwo + 1]),
    ),
  ),
  ...[0, 3, 17, 0x1000_0000],
]
const argument = fc.oneof(
  fc.constantFrom(...INTERESTING).map(BigInt),
  fc.constantFrom(...INTERESTING).map((value) => BigInt(value) + 2n ** 32n),
)
const call = fc.tuple(fc.constantFrom(...NAMES), fc.array(argument, { minLength: 6, maxLength: 6 }))

test('whatever was used, nothing is allowed that was not before', () => {
  fc.assert(
    fc.property(
      fc.subarray(NAMES),
      fc.boolean(),
      fc.array(call, { minLength: 20, maxLength: 20 }),
      (used, files, calls) => {
        const tighter = tightenSeccomp(TARGET, used, { files })
        expect(findLooserCall(tighter, TARGET)).toBeNull()
        for (const [name, args] of calls) {
          const was = allows(TARGET, name, args)
          const is = allows(tighter, name, args)
          if (is) expect(was, name).toBe(true)
          if (was && used.includes(name)) expect(is, name).toBe(true)
        }
      },
    ),
    { numRuns: 300 },
  )
})

const condition = fc.record({
  index: fc.integer({ min: 0, max: 2 }),
  value: fc.constantFrom(...INTERESTING),
  valueTwo: fc.constantFrom(...INTERESTING),
  op: fc.constantFrom('SCMP_CMP_EQ', 'SCMP_CMP_NE', 'SCMP_CMP_LT', 'SCMP_CMP_GE', 'SCMP_CMP_MASKED_EQ'),
})
/** Near the package's own rules, so that many are contained and many are nearly so. */
const rule = fc
  .tuple(
    fc.constantFrom(...TARGET.syscalls),
    fc.uniqueArray(condition, { maxLength: 3, selector: ({ index }) => index }),
  )
  .map(([own, conditions]) => {
    const indexes = new Set(conditions.map(({ index }) => index))
    const kept = (own.args ?? []).filter(({ index }) => !indexes.has(index))
    return { names: own.names.slice(0, 2), action: 'SCMP_ACT_ALLOW', args: [...kept, ...conditions] }
  })

test('a profile that is taken allows no call that the package’s own does not', () => {
  let taken = 0
  fc.assert(
    fc.property(
      rule,
      fc.array(fc.array(argument, { minLength: 6, maxLength: 6 }), { minLength: 50, maxLength: 50 }),
      (own, calls) => {
        const profile = { syscalls: [own] }
        if (findLooserCall(profile, TARGET) !== null) return
        taken += 1
        for (const name of own.names)
          for (const args of calls) if (allows(profile, name, args)) expect(allows(TARGET, name, args), name).toBe(true)
      },
    ),
    { numRuns: 3_000 },
  )
  expect(taken).toBeGreaterThan(100)
})
