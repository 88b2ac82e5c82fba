import { expect, test } from 'vitest'
import { targetSeccompProfile } from '../../../src/policy/seccomp.js'
import { allowFilterInstall } from '../../../src/policy/traced-seccomp.js'

const profile = targetSeccompProfile('x86_64')
const traced = allowFilterInstall(profile)

test('adds one rule and changes nothing else', () => {
  const { syscalls, ...rest } = traced
  expect(rest).toEqual({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 1, architectures: ['SCMP_ARCH_X86_64'] })
  expect(syscalls.slice(0, -1)).toEqual(profile.syscalls)
  expect(syscalls.at(-1)).toEqual({
    names: ['prctl'],
    action: 'SCMP_ACT_ALLOW',
    args: [{ index: 0, value: 0xffff_ffff, valueTwo: 22, op: 'SCMP_CMP_MASKED_EQ' }],
  })
})

test('the guest without trace mode may not set a filter', () => {
  const setters = profile.syscalls.filter(({ args }) => args?.some(({ valueTwo }) => valueTwo === 22) === true)
  expect(setters.filter(({ names }) => names.includes('prctl'))).toEqual([])
})
