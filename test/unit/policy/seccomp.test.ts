import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { InvalidOptionsError } from '../../../src/errors.js'
import {
  forArchitecture,
  markerVariant,
  parseSeccompProfile,
  targetSeccompProfile,
  tracerSeccompProfile,
} from '../../../src/policy/seccomp.js'

const run = promisify(execFile)
const raw = () =>
  JSON.parse(readFileSync(new URL('../../../images/seccomp/target.json', import.meta.url), 'utf8')) as Record<
    string,
    unknown
  > & { syscalls: Record<string, unknown>[] }
const PROFILE = parseSeccompProfile(raw())
const allowed = new Set(
  PROFILE.syscalls.filter((rule) => rule.action === 'SCMP_ACT_ALLOW').flatMap((rule) => rule.names),
)

/** Younger than the libseccomp of Debian 12 (2.5.4); engines drop what theirs does not know, which denies it. */
const YOUNG = ['getxattrat', 'setxattrat', 'listxattrat', 'removexattrat', 'mseal', 'statmount', 'listmount']

describe('target.json', () => {
  test('names only calls that libseccomp knows, on both machines', async () => {
    const names = [...new Set(PROFILE.syscalls.flatMap((rule) => rule.names))].filter((name) => !YOUNG.includes(name))
    expect(names.length).toBeGreaterThan(250)
    const unknown: string[] = []
    for (const name of names) {
      const { stdout } = await run('scmp_sys_resolver', ['-a', 'x86_64', name])
      // −1 is unknown; other negative numbers are calls of other machines (seccomp-syscalls.h).
      if (Number(stdout) < 0) unknown.push(name)
      const { stdout: arm } = await run('scmp_sys_resolver', ['-a', 'aarch64', name])
      if (Number(arm) === -1) unknown.push(`${name} on aarch64`)
    }
    expect(unknown).toEqual([])
  })

  test.each(
    `acct add_key bpf chroot delete_module fanotify_init finit_module fsconfig fsmount fsopen fspick get_kernel_syms init_module ioperm iopl
     kcmp kexec_file_load kexec_load keyctl lookup_dcookie mount mount_setattr move_mount name_to_handle_at nfsservctl open_by_handle_at
     open_tree perf_event_open pidfd_getfd pivot_root process_vm_readv process_vm_writev ptrace quotactl reboot request_key setdomainname
     sethostname setns settimeofday clock_settime adjtimex clock_adjtime swapoff swapon syslog umount2 unshare uselib userfaultfd vhangup
     modify_ldt sched_setattr sched_setscheduler sync syncfs ioprio_set io_uring_setup clone3 splice tee vmsplice memfd_secret seccomp socketcall`.split(
      /\s+/,
    ),
  )('does not allow %s', (name) => {
    expect(allowed.has(name)).toBe(false)
  })

  test('narrows by argument what has a dangerous use', () => {
    const narrow = ['clone', 'socket', 'socketpair', 'personality', 'mknod', 'mknodat', 'prctl']
    for (const rule of PROFILE.syscalls)
      for (const name of rule.names) if (narrow.includes(name)) expect(rule.args, name).toBeDefined()
  })

  test('compares arguments under a mask, since the upper half of a 32-bit argument is not defined', () => {
    for (const rule of PROFILE.syscalls)
      for (const argument of rule.args ?? []) expect(argument.op).toBe('SCMP_CMP_MASKED_EQ')
  })
})

describe('tracer.json', () => {
  test.each(['x86_64', 'aarch64'])('names only calls that libseccomp knows, for %s', async (machine) => {
    const names = [...new Set(tracerSeccompProfile(machine).syscalls.flatMap((rule) => rule.names))]
    expect(names.length).toBeGreaterThan(60)
    const unknown: string[] = []
    for (const name of names) {
      const { stdout } = await run('scmp_sys_resolver', ['-a', machine, name])
      // Other negative numbers are calls of other machines (seccomp-syscalls.h).
      if (Number(stdout) === -1) unknown.push(name)
    }
    expect(unknown).toEqual([])
  })

  test('is for the native architecture alone', () => {
    expect(tracerSeccompProfile('x64').architectures).toEqual(['SCMP_ARCH_X86_64'])
    expect(() => tracerSeccompProfile('i686')).toThrow(InvalidOptionsError)
  })
})

describe('forArchitecture', () => {
  test.each([
    ['x86_64', 'SCMP_ARCH_X86_64'],
    ['x64', 'SCMP_ARCH_X86_64'],
    ['amd64', 'SCMP_ARCH_X86_64'],
    ['aarch64', 'SCMP_ARCH_AARCH64'],
    ['arm64', 'SCMP_ARCH_AARCH64'],
  ])('leaves %s its native calls alone', (machine, architecture) => {
    expect(targetSeccompProfile(machine).architectures).toEqual([architecture])
  })

  test.each(['riscv64', '', '__proto__', 'i686'])('refuses the machine %j', (machine) => {
    expect(() => forArchitecture(PROFILE, machine)).toThrow(InvalidOptionsError)
  })
})

describe('parseSeccompProfile', () => {
  test.each<[string, (profile: ReturnType<typeof raw>) => unknown]>([
    ['an empty object', () => ({})],
    ['no rules', (profile) => ({ ...profile, syscalls: [] })],
    ['allow by default', (profile) => ({ ...profile, defaultAction: 'SCMP_ACT_ALLOW' })],
    ['no architecture', (profile) => ({ ...profile, architectures: [] })],
    ['a 32-bit architecture', (profile) => ({ ...profile, architectures: ['SCMP_ARCH_X86'] })],
    ['an unknown key', (profile) => ({ ...profile, flags: [] })],
    [
      'an action that does not refuse',
      (profile) => ({ ...profile, syscalls: [{ comment: 'x', names: ['bpf'], action: 'SCMP_ACT_LOG' }] }),
    ],
    ['a listener', (profile) => ({ ...profile, listenerPath: '/x' })],
    [
      'a name twice',
      (profile) => ({
        ...profile,
        syscalls: [...profile.syscalls, { comment: 'x', names: ['read'], action: 'SCMP_ACT_ALLOW' }],
      }),
    ],
    [
      'a rule that voids one with arguments',
      (profile) => ({
        ...profile,
        syscalls: [...profile.syscalls, { comment: 'x', names: ['socket'], action: 'SCMP_ACT_ALLOW' }],
      }),
    ],
    [
      'an errno on an allowing rule',
      (profile) => ({
        ...profile,
        syscalls: [{ comment: 'x', names: ['read'], action: 'SCMP_ACT_ALLOW', errnoRet: 1 }],
      }),
    ],
    [
      'two tests of one argument, which runc joins by OR',
      (profile) => {
        const test = { index: 0, value: 1, valueTwo: 0, op: 'SCMP_CMP_EQ' }
        return {
          ...profile,
          syscalls: [{ comment: 'x', names: ['ioctl'], action: 'SCMP_ACT_ALLOW', args: [test, test] }],
        }
      },
    ],
  ])('refuses %s', (_name, change) => {
    expect(() => parseSeccompProfile(change(raw()))).toThrow(InvalidOptionsError)
  })
})

describe('markerVariant', () => {
  test('marks refusals and allows nothing more', () => {
    const marked = markerVariant(PROFILE, [
      { name: 'bpf', errno: 3001 },
      { name: 'clone3', errno: 3002 },
    ])
    expect(marked.syscalls.filter((rule) => rule.action === 'SCMP_ACT_ALLOW')).toEqual(
      PROFILE.syscalls.filter((rule) => rule.action === 'SCMP_ACT_ALLOW'),
    )
    expect(marked.syscalls.filter((rule) => rule.names.includes('clone3'))).toEqual([
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 3002 },
    ])
    expect(marked.syscalls.filter((rule) => rule.names.includes('bpf'))).toHaveLength(1)
  })

  test.each([
    { name: 'read', errno: 3001 },
    { name: 'socket', errno: 3001 },
    { name: 'read', args: [], errno: 3001 },
  ])('refuses to mark what is allowed: %j', (marker) => {
    expect(() => markerVariant(PROFILE, [marker])).toThrow(/allows/)
  })
})
