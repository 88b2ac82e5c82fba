import { expect, test } from 'vitest'
import { SECCOMP_BASELINE, SECCOMP_FILE_CALLS } from '../../../src/policy/seccomp-baseline.js'
import { targetSeccompProfile } from '../../../src/policy/seccomp.js'
import { tightenSeccomp } from '../../../src/policy/tighter-seccomp.js'
import type { SeccompProfile } from '../../../src/policy/container-spec.js'

const TARGET = targetSeccompProfile('x86_64')
const baseline = SECCOMP_BASELINE.flatMap(({ names }) => names)

function allowed({ syscalls }: SeccompProfile): string[] {
  const names = syscalls.filter(({ action }) => action === 'SCMP_ACT_ALLOW').flatMap((rule) => rule.names)
  return [...new Set(names)].sort()
}

test('without a call only the sandbox’s own stay', () => {
  expect(allowed(tightenSeccomp(TARGET, [], { files: false }))).toEqual([...new Set(baseline)].sort())
  expect(allowed(tightenSeccomp(TARGET, []))).toEqual([...new Set([...baseline, ...SECCOMP_FILE_CALLS])].sort())
})

test('the sandbox’s own calls are all in the package’s profile: a misspelt one would be missing', () => {
  expect([...baseline, ...SECCOMP_FILE_CALLS].filter((name) => !allowed(TARGET).includes(name))).toEqual([])
  expect(new Set(baseline).size).toBe(baseline.length)
})

test('a call keeps its conditions, all of them', () => {
  const rules = (profile: SeccompProfile) => profile.syscalls.filter(({ names }) => names.includes('socket'))
  expect(rules(TARGET).length).toBeGreaterThan(5)
  expect(rules(tightenSeccomp(TARGET, ['socket']))).toEqual(rules(TARGET))
  expect(rules(tightenSeccomp(TARGET, ['connect']))).toEqual([])
})

test('what refuses stays, the default too', () => {
  const { syscalls, ...rest } = TARGET
  const tightened = tightenSeccomp(TARGET, [])
  expect(tightened).toMatchObject(rest)
  const refusing = (rules: SeccompProfile['syscalls']) => rules.filter(({ action }) => action !== 'SCMP_ACT_ALLOW')
  expect(refusing(tightened.syscalls)).toEqual(refusing(syscalls))
})

test('a call that is not allowed is not added', () => {
  expect(tightenSeccomp(TARGET, ['mount', 'bpf', 'clone3', 'nonsense'])).toEqual(tightenSeccomp(TARGET, []))
})
