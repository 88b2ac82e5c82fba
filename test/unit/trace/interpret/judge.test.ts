import { describe, expect, test } from 'vitest'
import { COMMAND, interpret, interpretCall, policyOf } from './interpret-lines.js'

const POLICY = policyOf({
  read: ['/work', '/bin', '/lib'],
  write: ['/work/out', '/work/both'],
  exec: ['/bin'],
  connect: ['10.0.0.1:80', 'unix:/run/ok'],
})
const INET = (port: number) => `{sa_family=AF_INET, sin_port=htons(${port}), sin_addr=inet_addr("10.0.0.1")}`

const ALLOWED = [
  'open("a", O_RDONLY) = 3</work/a>',
  'open("link", O_RDONLY) = 3</lib/x>',
  'open("out", O_WRONLY|O_CREAT, 0600) = 3</work/out>',
  'open("both", O_RDWR) = 3</work/both>',
  'stat("/etc/nothing", 0x7ff) = -1 ENOENT (x)',
  'stat("/etc/passwd/x", 0x7ff) = -1 ENOTDIR (x)',
  'execve("/usr/bin/nothing", ["nothing"], 0x7ff) = -1 ENOENT (x)',
  'stat("", 0x7ff) = -1 ENOENT (x)',
  'stat(NULL, 0x7ff) = -1 EFAULT (x)',
  'openat(99, "x", O_RDONLY) = -1 EBADF (x)',
  `connect(4<socket:[1]>, ${INET(80)}, 16) = 0`,
  'connect(4<socket:[1]>, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1 ENOENT (x)',
  'bind(4<socket:[1]>, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12) = 0',
]

const REFUSED = [
  'open("/etc/passwd", O_RDONLY) = 3</etc/passwd>',
  'open("a", O_RDONLY) = 3</etc/passwd>',
  'open("/etc/passwd", O_RDONLY) = -1 EACCES (x)',
  'open("a", O_RDWR) = 3</work/a>',
  'open("/tmp/out", O_WRONLY|O_CREAT, 0600) = -1 ENOENT (x)',
  'unlink("/etc/nothing") = -1 ENOENT (x)',
  'execve("/usr/bin/id", ["id"], 0x7ff) = -1 EACCES (x)',
  'stat("/work/aaa"..., 0x7ff) = 0',
  'stat(0x7ffd, 0x7ff) = -1 EFAULT (x)',
  'fchmod(99, 0600) = 0',
  `connect(4<socket:[1]>, ${INET(81)}, 16) = -1 ENETUNREACH (x)`,
  'connect(4<socket:[1]>, {sa_family=AF_UNIX, sun_path=@"x"}, 4) = -1 ENOENT (x)',
  'bind(4<socket:[1]>, {sa_family=AF_NETLINK, nl_pid=44, nl_groups=00000000}, 12) = 0',
  'connect(4<socket:[1]>, 0x8, 16) = -1 EFAULT (x)',
]

const verdicts = (call: string) =>
  interpretCall(call, { policy: POLICY }).map((event) => event.kind === 'access' && event.allowed)

describe('judging', () => {
  test.each(ALLOWED)('allows %s', (call) => {
    expect(verdicts(call)).toEqual([true])
  })

  test.each(REFUSED)('does not allow %s', (call) => {
    expect(verdicts(call)).toEqual([false])
  })

  test('judges each name of a call', () => {
    expect(verdicts('rename("out", "other") = 0')).toEqual([true, false])
    expect(verdicts('link("/etc/passwd", "out") = 0')).toEqual([false, true])
  })

  test('asks for what is opened for both under either list', () => {
    const asked: string[] = []
    const policy = {
      allows: ({ access, path, processId }: { access: string; path: string; processId: number }) =>
        asked.push(`${access} ${path} ${processId}`) > 0,
    }
    interpret([...COMMAND, '11 open("both", O_RDWR) = 3</work/both>'], { policy })
    expect(asked.slice(-2)).toEqual(['write /work/both 11', 'read /work/both 11'])
  })
})
