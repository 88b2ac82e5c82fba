import { expect, test } from 'vitest'
import { parseLine, type ParsedLine } from '../../../../src/trace/strace/line-parser.js'
import { readString, type CallRecord } from '../../../../src/trace/strace/index.js'

function parseCall(text: string): CallRecord {
  const parsed = parseLine(`28348 1795360457.312488 ${text}`)
  expect(parsed.kind, text).toBe('call')
  return parsed as CallRecord
}

test('a call, its time to the microsecond', () => {
  const line =
    '16882 1795359837.944284 openat(AT_FDCWD</tmp/sp>, "/lib/libc.so.6", O_RDONLY|O_CLOEXEC) = 7</usr/lib/libc.so.6>'
  expect(parseLine(line)).toEqual({
    kind: 'call',
    pid: 16882,
    timeMs: 1795359837944.284,
    name: 'openat',
    args: ['AT_FDCWD</tmp/sp>', '"/lib/libc.so.6"', 'O_RDONLY|O_CLOEXEC'],
    result: { value: 7, errno: null, path: '/usr/lib/libc.so.6', deleted: false },
  })
})

test('a short pid is followed by more spaces', () => {
  expect(parseLine('1     1795359837.944284 getpid()        = 1')).toMatchObject({ kind: 'call', pid: 1, args: [] })
})

const plain = { errno: null, path: null, deleted: false }
test.each([
  ['= 0', { ...plain, value: 0 }],
  ['= 3</tmp/a>', { ...plain, value: 3, path: '/tmp/a' }],
  ['= 3</tmp/a>(deleted)', { ...plain, value: 3, path: '/tmp/a', deleted: true }],
  ['= 3</tmp/a (deleted)>', { ...plain, value: 3, path: '/tmp/a (deleted)' }],
  [String.raw`= 3</tmp/\76 = -1 ENOENT (No\n>`, { ...plain, value: 3, path: '/tmp/> = -1 ENOENT (No\n' }],
  ['= -1 ENOENT (No such file or directory)', { ...plain, value: -1, errno: 'ENOENT' }],
  ['= -1 (errno 530)', { ...plain, value: -1, errno: 'ERRNO_530' }],
  ['= ? ERESTARTSYS (To be restarted if SA_RESTART is set)', { ...plain, value: null, errno: 'ERESTARTSYS' }],
  ['= ? ERESTART_RESTARTBLOCK (Interrupted by signal)', { ...plain, value: null, errno: 'ERESTART_RESTARTBLOCK' }],
  ['= ?', { ...plain, value: null }],
  ['= ? <unavailable>', { ...plain, value: null }],
  ['= 0x7f03671e7000', { ...plain, value: 0x7f03671e7000 }],
  ['= 022', { ...plain, value: 0o22 }],
  ['= 000', { ...plain, value: 0 }],
  ['= 0 (Timeout)', { ...plain, value: 0 }],
  ['= 1 ([{fd=3, revents=POLLIN}], left {tv_sec=0, tv_nsec=5})', { ...plain, value: 1 }],
  ['= 0x8002 (flags O_RDWR|O_LARGEFILE)', { ...plain, value: 0x8002 }],
  ["= 5 /* 12 in strace's PID NS */", { ...plain, value: 5 }],
])('the result %s, after one space or many', (text, result) => {
  for (const spaces of [' ', ' '.repeat(13)]) expect(parseCall(`call(1)${spaces}${text}`).result).toEqual(result)
})

test.each([
  ['exit_group(0)   = ?', ['0']],
  [
    'wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 17230',
    ['-1', '[{WIFEXITED(s) && WEXITSTATUS(s) == 0}]', '0', 'NULL'],
  ],
  ['wait4(-1,  <unfinished ...>) = ?', ['-1']],
  ['recvmsg(3<socket:[5]>, {msg_name=NULL,  <unfinished ...>) = ?', ['3<socket:[5]>', '{msg_name=NULL,']],
  [
    'execve("/bin/sh", ["sh", "-c", "(a, b)"], 0x7ffc9eeef4f8 /* 35 vars */) = 0',
    ['"/bin/sh"', '["sh", "-c", "(a, b)"]', '0x7ffc9eeef4f8 /* 35 vars */'],
  ],
  [
    'capget({version=_LINUX_CAPABILITY_VERSION_3, pid=0}, {effective=1<<CAP_CHOWN|1<<CAP_KILL, permitted=0}) = 0',
    ['{version=_LINUX_CAPABILITY_VERSION_3, pid=0}', '{effective=1<<CAP_CHOWN|1<<CAP_KILL, permitted=0}'],
  ],
  ['rt_sigprocmask(SIG_SETMASK, ~[RTMIN RT_1], [], 8) = 0', ['SIG_SETMASK', '~[RTMIN RT_1]', '[]', '8']],
  [
    'restart_syscall(<... resuming interrupted clock_nanosleep ...>) = 0',
    ['<... resuming interrupted clock_nanosleep ...>'],
  ],
  ["ioctl(0, KDSKBENT, {kb_table=0x1, kb_value='\"'}) = 0", ['0', 'KDSKBENT', "{kb_table=0x1, kb_value='\"'}"]],
  ['???()           = ?', []],
  ['syscall_0x1ff(0x1, 0x2) = -1 ENOSYS (Function not implemented)', ['0x1', '0x2']],
])('the arguments of %s', (text, args) => {
  expect(parseCall(text).args).toEqual(args)
})

test.each([
  String.raw`") = 0`,
  String.raw`\n28349 1795360457.312489 unlink(\"/etc/passwd\") = 0`,
  String.raw`a\\`,
  ' <unfinished ...>',
  '<... openat resumed>) = 3',
  '/* ',
  '*/',
  "'",
  '<',
  '+++ exited with 0 +++',
  '28348 1795360457.312488 +++ superseded by execve in pid 1 +++',
])('a name with %s is only a name', (name) => {
  const escaped = name.startsWith('"') ? `\\${name}` : name
  const { args, result } = parseCall(
    `openat(AT_FDCWD</${escaped.replaceAll('<', '\\74').replaceAll('>', '\\76')}>, "${escaped}", O_RDONLY) = -1 EPERM (Operation not permitted)`,
  )
  expect(args).toHaveLength(3)
  expect(readString(args[1] ?? '')).not.toBeNull()
  expect(result).toMatchObject({ value: -1, errno: 'EPERM' })
})

test('a call sign of AX.25, which strace prints in a comment as it is, opens no quote', () => {
  const { args, result } = parseCall(
    `connect(3<socket:[2567686]>, {sa_family=AF_AX25, fsa_ax25={sax25_call={ax25_call="\\x78\\x44"} /* <"'{[(-0 */, sax25_ndigis=1}, ...}, 70) = -1 EAFNOSUPPORT (Address family not supported by protocol)`,
  )
  expect(args).toHaveLength(3)
  expect(result.errno).toBe('EAFNOSUPPORT')
})

test.each<[string, Partial<ParsedLine>]>([
  ['+++ exited with 137 +++', { kind: 'exit', exitCode: 137, signal: null }],
  ['+++ killed by SIGKILL +++', { kind: 'exit', exitCode: null, signal: 'SIGKILL' }],
  ['+++ killed by SIGABRT (core dumped) +++', { kind: 'exit', exitCode: null, signal: 'SIGABRT' }],
  ['+++ superseded by execve in pid 16885 +++', { kind: 'superseded', by: 16885 }],
  ['--- stopped by SIGSTOP ---', { kind: 'note', text: '--- stopped by SIGSTOP ---' }],
  ['[ Process PID=28348 runs in 32 bit mode. ]', { kind: 'note' }],
  ['[ Process PID=28348 runs in x32 mode. ]', { kind: 'note' }],
  ['pause( <unfinished ...>', { kind: 'begun', name: 'pause', args: [], text: 'pause(', detached: false }],
  ['read(3</a>,  <unfinished ...>', { kind: 'begun', name: 'read', args: ['3</a>'], text: 'read(3</a>, ' }],
  [
    'execve("./a", ["./a"], NULL <pid changed to 17821 ...>',
    {
      kind: 'begun',
      args: ['"./a"', '["./a"]', 'NULL'],
      text: 'execve("./a", ["./a"], NULL',
      detached: false,
    },
  ],
  [
    'restart_syscall(<... resuming interrupted read ...> <detached ...>',
    {
      kind: 'begun',
      args: ['<... resuming interrupted read ...>'],
      detached: true,
    },
  ],
  ['<... read resumed>"abc", 512) = 3', { kind: 'resumed', name: 'read', rest: '"abc", 512) = 3' }],
  ['<... ??? resumed>) = ?', { kind: 'resumed', name: '???', rest: ') = ?' }],
])('%s', (text, expected) => {
  expect(parseLine(`28348 1795360457.312488 ${text}`)).toMatchObject({
    pid: 28348,
    timeMs: 1795360457312.488,
    ...expected,
  })
})

test('a signal, and what seccomp says with it', () => {
  const line =
    '28393 1795360458.166966 --- SIGSYS {si_signo=SIGSYS, si_code=SYS_SECCOMP, si_call_addr=0x7f8172f234f7, si_syscall=__NR_getppid, si_arch=AUDIT_ARCH_X86_64} ---'
  const parsed = parseLine(line)
  expect(parsed).toMatchObject({ kind: 'signal', pid: 28393, signal: 'SIGSYS' })
  expect(Object.fromEntries(parsed.kind === 'signal' ? parsed.fields : [])).toEqual({
    si_signo: 'SIGSYS',
    si_code: 'SYS_SECCOMP',
    si_call_addr: '0x7f8172f234f7',
    si_syscall: '__NR_getppid',
    si_arch: 'AUDIT_ARCH_X86_64',
  })
})

test('what strace says of its attaching is a note, its other words are not understood', () => {
  expect(parseLine('strace: Process 28377 attached')).toMatchObject({ kind: 'note', pid: null, timeMs: null })
  expect(parseLine('strace: exit: Cannot allocate memory')).toMatchObject({ kind: 'unknown' })
})

test.each([
  '',
  'x',
  '12',
  '12 ',
  '12 1795359837.944284',
  '12 1795359837.944284 ',
  '12 1795359837.94428 getpid() = 1',
  '12 1795359837.9442844 getpid() = 1',
  '12 1795359837,944284 getpid() = 1',
  '-12 1795359837.944284 getpid() = 1',
  '12345678901 1795359837.944284 getpid() = 1',
  ' 12 1795359837.944284 getpid() = 1',
  ...[
    'getpid',
    'getpid(',
    'getpid()',
    'getpid() =',
    'getpid() = ',
    'getpid() = x',
    'getpid() = 1x',
    'getpid() = 1 x',
    'getpid() = 1 ENOENT',
    'getpid() = - 1',
    'getpid()= 1',
    'getpid() = ? x',
    'getpid() = 3</a',
    'getpid() = 3</a>x',
    String.raw`getpid() = 3</\q>`,
    'get-pid() = 1',
    '() = 1',
    'open("a) = 1',
    'open(3<a) = 1',
    'open(/* a) = 1',
    'open(1]) = 1',
    'open("a <unfinished ...>',
    'open(3</a <unfinished ...',
    'open(1) <unfinished ...>',
    '+++ exited with +++',
    '+++ exited with 0 +++ ',
    '+++ killed by +++',
    '--- SIGHUP ---',
    '--- SIGHUP {a=1 ---',
    '<... open resumed',
    '<... o-pen resumed>) = 0',
    '[ Process ]',
  ].map((text) => `12 1795359837.944284 ${text}`),
])('not understood: %s', (line) => {
  expect(parseLine(line)).toEqual({ kind: 'unknown', text: line })
})

test('of a line that is not understood 1,000 characters are kept', () => {
  expect(parseLine('x'.repeat(5000))).toEqual({ kind: 'unknown', text: 'x'.repeat(1000) })
})
