import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HostFileError, InvalidOptionsError } from '../../../src/errors.js'
import { parseSandboxOptions } from '../../../src/options/index.js'
import { sandboxSeccompProfile } from '../../../src/policy/own-seccomp.js'
import { targetSeccompProfile } from '../../../src/policy/seccomp.js'
import { tightenSeccomp } from '../../../src/policy/tighter-seccomp.js'

const TARGET = targetSeccompProfile('x86_64')
const ERRNO = 'SCMP_ACT_ERRNO'
const ALLOW = 'SCMP_ACT_ALLOW'
const profile = (...syscalls: object[]) => ({ defaultAction: ERRNO, syscalls })
const masked = (index: number, mask: number, value: number) => ({
  ...{ index, value: mask, valueTwo: value },
  op: 'SCMP_CMP_MASKED_EQ',
})
const equal = (index: number, value: number) => ({ index, value, op: 'SCMP_CMP_EQ' })
const FULL = 0xffff_ffff

/** As `ContainerSandbox.create` does it. */
function load(seccomp: unknown, machine = 'x86_64') {
  return sandboxSeccompProfile(parseSandboxOptions({ seccomp }).seccomp, machine)
}

/** Also what the options refuse already becomes a rejection. */
async function rejectionOf(seccomp: unknown): Promise<unknown> {
  try {
    return await load(seccomp)
  } catch (error) {
    return error
  }
}

test('without an option it is the package’s own', async () => {
  expect(await load(null)).toEqual(TARGET)
})

test('its own profile and tightened ones are taken as they are', async () => {
  expect(await load(TARGET)).toEqual(TARGET)
  const tighter = tightenSeccomp(TARGET, ['socket', 'mkdir'])
  expect(await load(JSON.parse(JSON.stringify(tighter)))).toEqual(tighter)
})

test('defaults: EPERM, and the machine’s own calls', async () => {
  const found = await load(
    profile({ names: ['read'], action: ALLOW, args: [] }, { names: ['bpf'], action: ERRNO, comment: 'why' }),
  )
  expect(found).toEqual({
    defaultAction: ERRNO,
    defaultErrnoRet: 1,
    architectures: ['SCMP_ARCH_X86_64'],
    syscalls: [
      { names: ['read'], action: ALLOW },
      { names: ['bpf'], action: ERRNO, errnoRet: 1 },
    ],
  })
})

describe('stricter arguments are taken', () => {
  test.each([
    ['an argument where ours has none', { names: ['read'], action: ALLOW, args: [equal(0, 3)] }],
    [
      'an order where ours has none',
      { names: ['read'], action: ALLOW, args: [{ index: 2, value: 9, op: 'SCMP_CMP_LT' }] },
    ],
    ['one value under our mask', { names: ['socket'], action: ALLOW, args: [equal(0, 1)] }],
    ['a wider mask', { names: ['clone'], action: ALLOW, args: [masked(0, FULL, 17)] }],
    ['one argument more', { names: ['socket'], action: ALLOW, args: [masked(0, FULL, 1), masked(1, 15, 1)] }],
  ])('%s', async (_name, rule) => {
    expect((await load(profile(rule))).syscalls).toHaveLength(1)
  })
})

describe('a looser profile names the call', () => {
  test.each([
    ['mount', { names: ['read', 'mount'], action: ALLOW }],
    ['a call with stricter arguments', { names: ['ptrace'], action: ALLOW, args: [equal(0, 0)] }],
    ['socket without its arguments', { names: ['socket'], action: ALLOW }],
    ['another family', { names: ['socket'], action: ALLOW, args: [masked(0, FULL, 38)] }],
    ['one argument less', { names: ['socket'], action: ALLOW, args: [masked(0, FULL, 2)] }],
    ['a narrower mask', { names: ['clone'], action: ALLOW, args: [masked(0, 0x7e80_0000, 0)] }],
    ['a flag that ours forbids', { names: ['clone'], action: ALLOW, args: [equal(0, 0x1000_0000)] }],
    ['another argument', { names: ['mknod'], action: ALLOW, args: [masked(2, 0xf000, 0x1000)] }],
    [
      'an order in place of a value',
      { names: ['personality'], action: ALLOW, args: [{ index: 0, value: 1, op: 'SCMP_CMP_LT' }] },
    ],
    [
      'an inequality in place of a mask',
      { names: ['clone'], action: ALLOW, args: [{ index: 0, value: 1, op: 'SCMP_CMP_NE' }] },
    ],
    ['a value outside of its own mask', { names: ['socketpair'], action: ALLOW, args: [masked(0, 0, 1)] }],
    ['a refused call of ours', { names: ['clone3'], action: ALLOW }],
  ])('%s', async (_name, rule) => {
    const error = await rejectionOf(profile(rule))
    expect(error).toBeInstanceOf(InvalidOptionsError)
    const call = rule.names.at(-1)
    expect((error as InvalidOptionsError).message).toContain(`'${call}'`)
    expect((error as InvalidOptionsError).details).toEqual({ call })
  })
})

describe('refused as well', () => {
  const rule = { names: ['read'], action: ALLOW }
  test.each<[string, unknown]>([
    ['allow by default', { ...profile(rule), defaultAction: ALLOW }],
    ['log by default', { ...profile(rule), defaultAction: 'SCMP_ACT_LOG' }],
    ['no default', { syscalls: [rule] }],
    ['no rules', profile()],
    ['an empty object', {}],
    ['an action that lets a call happen', profile({ names: ['mount'], action: 'SCMP_ACT_LOG' })],
    ['a tracer', profile({ names: ['mount'], action: 'SCMP_ACT_TRACE' })],
    ['a listener', profile({ names: ['mount'], action: 'SCMP_ACT_NOTIFY' })],
    ['an errno of 0, which is success', profile({ names: ['mount'], action: ERRNO, errnoRet: 0 })],
    ['32-bit calls', { ...profile(rule), architectures: ['SCMP_ARCH_X86'] }],
    ['another machine’s calls alone', { ...profile(rule), architectures: ['SCMP_ARCH_AARCH64'] }],
    ['a map of architectures', { ...profile(rule), archMap: [] }],
    ['conditions on the engine', profile({ ...rule, includes: { caps: ['CAP_SYS_ADMIN'] } })],
    ['a flag', { ...profile(rule), flags: [] }],
    ['two tests of one argument, which engines join by OR', profile({ ...rule, args: [equal(0, 1), equal(0, 2)] })],
    ['a number that JavaScript cannot hold', profile({ ...rule, args: [equal(0, 2 ** 60)] })],
    ['a rule that refuses what another allows', profile(rule, { names: ['read'], action: ERRNO })],
    ['a number', 7],
    ['an empty path', ''],
  ])('%s', async (_name, seccomp) => {
    expect(await rejectionOf(seccomp)).toBeInstanceOf(InvalidOptionsError)
  })
})

describe('a file', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'own-seccomp-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  async function file(text: string): Promise<string> {
    const path = join(folder, 'profile.json')
    await writeFile(path, text)
    return path
  }

  test('is read and checked like an object', async () => {
    expect(await load(await file(JSON.stringify(TARGET)))).toEqual(TARGET)
    const error = await rejectionOf(await file(JSON.stringify(profile({ names: ['bpf'], action: ALLOW }))))
    expect(error).toMatchObject({ name: 'InvalidOptionsError', details: { call: 'bpf' } })
  })

  test.each([
    ['no JSON', '{', /is not JSON/],
    ['another thing', '[]', /seccomp profile/],
    ['too large', ' '.repeat(2 * 1024 * 1024), /more than 1048576 bytes/],
  ])('with %s is refused', async (_name, text, message) => {
    const error = await rejectionOf(await file(text))
    expect(error).toBeInstanceOf(InvalidOptionsError)
    expect((error as Error).message).toMatch(message)
  })

  test('that is missing is a typed error', async () => {
    const error = await rejectionOf(join(folder, 'none.json'))
    expect(error).toBeInstanceOf(HostFileError)
    expect(error).toMatchObject({ code: 'ENOENT' })
  })
})
