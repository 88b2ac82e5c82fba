import { describe, expect, test } from 'vitest'
import { COMMAND, interpret, interpretCall } from './interpret-lines.js'

const native = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
const sigsys = (call: string, architecture: string, code = 'SYS_SECCOMP') =>
  `--- SIGSYS {si_signo=SIGSYS, si_code=${code}, si_call_addr=0x7f, si_syscall=${call}, si_arch=${architecture}} ---`

describe('what the kernel refuses', () => {
  test.each([
    [sigsys('__NR_rmdir', 'AUDIT_ARCH_X86_64'), { syscall: 'rmdir', architecture: 'x86_64', errno: null }],
    [sigsys('__NR_open', 'AUDIT_ARCH_I386'), { syscall: 'open', architecture: 'i386', errno: null }],
    [sigsys('0x40000002', 'AUDIT_ARCH_X86_64'), { syscall: '0x40000002', architecture: 'x32', errno: null }],
    ['ptrace(PTRACE_TRACEME) = -1 EPERM (x)', { syscall: 'ptrace', architecture: native, errno: 'EPERM' }],
    ['io_uring_setup(1, 0x7ff) = -1 ENOSYS (x)', { syscall: 'io_uring_setup', architecture: native, errno: 'ENOSYS' }],
    [
      'clone(child_stack=NULL, flags=CLONE_NEWUSER|SIGCHLD) = -1 EPERM (x)',
      { syscall: 'clone', architecture: native, errno: 'EPERM' },
    ],
    ['unshare(CLONE_NEWUSER) = -1 EPERM (x)', { syscall: 'unshare', architecture: native, errno: 'EPERM' }],
    [
      'syscall_0x1c4(0xffffff9c, 0x55b0, 0x180, 0) = -1 ENOSYS (x)',
      { syscall: 'syscall_0x1c4', architecture: native, errno: 'ENOSYS' },
    ],
  ])('%s', (call, refusal) => {
    expect(interpretCall(call)).toMatchObject([{ kind: 'refused', pid: 11, commandId: 7, ...refusal }])
  })

  test.each([
    'read(3</x>, "", 5) = -1 EIO (x)',
    'getpid() = 11',
    'clone3({flags=CLONE_THREAD, exit_signal=0}, 88) = -1 ENOSYS (x)',
    sigsys('__NR_rmdir', 'AUDIT_ARCH_X86_64', 'SI_USER'),
    '--- SIGTERM {si_signo=SIGTERM, si_code=SI_USER, si_pid=1, si_uid=0} ---',
  ])('is not %s', (call) => {
    expect(interpretCall(call)).toEqual([])
  })

  test('includes a death by SIGSYS that no signal announced, once for a process', () => {
    const thread = '11 clone3({flags=CLONE_THREAD, exit_signal=0}, 88) = 12'
    const deaths = ['12 +++ killed by SIGSYS +++', '11 +++ killed by SIGSYS (core dumped) +++']
    const refused = (lines: readonly string[]) =>
      interpret([...COMMAND, thread, ...lines, ...deaths]).events.filter(({ kind }) => kind === 'refused')
    expect(refused([])).toMatchObject([{ pid: 12, syscall: 'unknown', architecture: 'unknown', errno: null }])
    expect(refused([`11 ${sigsys('__NR_open', 'AUDIT_ARCH_I386')}`])).toMatchObject([{ syscall: 'open' }])
    expect(refused([`11 ${sigsys('0', '0', 'SI_USER')}`])).toEqual([])
  })

  test('of our own processes is no event', () => {
    expect(interpret(['1 fork() = 10', '10 ptrace(PTRACE_TRACEME) = -1 EPERM (x)']).events).toEqual([])
  })
})

describe('other events', () => {
  test('signals that are sent', () => {
    expect(interpretCall('kill(-1, SIGKILL) = 0')).toMatchObject([{ kind: 'kill', target: -1, sent: 'SIGKILL' }])
    expect(interpretCall('tgkill(5, 6, SIGUSR1) = -1 ESRCH (x)')).toMatchObject([
      { kind: 'kill', syscall: 'tgkill', target: 6, sent: 'SIGUSR1', errno: 'ESRCH' },
    ])
    expect(interpretCall('pidfd_send_signal(3<anon_inode:[pidfd]>, SIGTERM, NULL, 0) = 0')).toMatchObject([
      { target: 0, sent: 'SIGTERM' },
    ])
  })

  test('lines that are not understood, made safe', () => {
    const { events } = interpret(['11 what is \u001b[31m this'])
    expect(events).toMatchObject([{ kind: 'unknown', seq: 1 }])
    expect(events[0]?.kind === 'unknown' && events[0].text).toMatch(/what is \\u001b\[31m this/)
  })

  test('calls that a guest invents do not fill the memory', () => {
    const invented = Array.from({ length: 3_000 }, (_, at) => `11 syscall_0x${(at + 1000).toString(16)}() = 0`)
    const { interpreter } = interpret([...COMMAND, ...invented])
    expect(interpreter.syscalls.size).toBe(2_001)
    expect(interpreter.syscalls.get('other')).toBe(1_000)
  })
})
